using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Store;

/// <summary>
/// RFC 8621 §3: two Emails are of one Thread when one message id stands in both of them and their base subjects are the same. So a key is the hash
/// of a
/// message id with the base subject, and each key belongs to the Thread that brought it first. Threads are never merged: a threadId is for ever.
/// </summary>
internal static class Threading
{
    private const string ClaimSql = """
        INSERT INTO thread_key (account, hash, thread, emails) VALUES ($1, $2, $3, 1)
        ON CONFLICT (account, hash) DO UPDATE SET emails = thread_key.emails + 1 RETURNING thread
        """;

    /// <summary>The keys of a message: those of its ancestors from the oldest on, its own last.</summary>
    /// <remarks>A cut SHA-256: nobody else's message falls into a thread by a made collision.</remarks>
    public static long[] Keys(MessageSummary summary)
    {
        var subject = Fold(summary.BaseSubject);
        var ids = new List<string>(summary.References.Count + 1);
        var skip = Math.Max(0, summary.References.Count - (StoreLimits.ThreadKeysMax - 2));
        for (var i = 0; i < summary.References.Count; i++)
        {
            // The first one is the root's; of a very long row the middle is left out.
            if (i == 0 || i > skip) ids.Add(summary.References[i]);
        }

        if (summary.MessageId is { } own) ids.Add(own);
        var keys = new List<long>(ids.Count);
        foreach (var id in ids)
        {
            var key = Hash(id, subject);
            if (!keys.Contains(key)) keys.Add(key);
        }

        return [.. keys];
    }

    /// <summary>Finds the Thread of a new Email, or opens one under its number, and counts its keys.</summary>
    public static ThreadId Join(Transaction tx, AccountId account, EmailId email, ReadOnlySpan<long> keys)
    {
        var thread = email.Value;
        var found = false;
        for (var i = 0; i < keys.Length; i++)
        {
            var holder = tx.Prepare(ClaimSql).Bind(account.Value).Bind(keys[i]).Bind(thread).Scalar() ?? thread;
            if (found || holder == thread) continue;
            found = true;
            thread = holder;

            // Keys before this one were claimed for a thread of our own that will not be.
            foreach (var key in keys[..i])
            {
                tx.Prepare("UPDATE thread_key SET thread = $1 WHERE account = $2 AND hash = $3")
                    .Bind(thread).Bind(account.Value).Bind(key).Execute();
            }
        }

        return new ThreadId(thread);
    }

    /// <summary>An Email is gone: keys that nobody carries any more go with it.</summary>
    public static void Leave(Transaction tx, AccountId account, ReadOnlySpan<byte> packedKeys)
    {
        for (; packedKeys.Length >= 8; packedKeys = packedKeys[8..])
        {
            var key = BinaryPrimitives.ReadInt64LittleEndian(packedKeys);
            var gone = tx.Prepare("DELETE FROM thread_key WHERE account = $1 AND hash = $2 AND emails <= 1")
                .Bind(account.Value).Bind(key).Execute();
            if (gone > 0) continue;
            tx.Prepare("UPDATE thread_key SET emails = emails - 1 WHERE account = $1 AND hash = $2")
                .Bind(account.Value).Bind(key).Execute();
        }
    }

    public static byte[] Pack(ReadOnlySpan<long> keys)
    {
        var bytes = new byte[keys.Length * 8];
        for (var i = 0; i < keys.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * 8), keys[i]);
        return bytes;
    }

    private static string Fold(string subject)
    {
        var folded = new StringBuilder(subject.Length);
        foreach (var c in subject)
        {
            if (!char.IsWhiteSpace(c)) folded.Append(char.ToLowerInvariant(c));
        }

        return folded.ToString();
    }

    private static long Hash(string id, string subject)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(id + "\n" + subject), hash);
        return BinaryPrimitives.ReadInt64LittleEndian(hash);
    }
}
