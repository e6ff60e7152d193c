using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Mime;

namespace Posthorn.Store;

/// <summary>What THREAD=REFERENCES needs of a message (RFC 5256 §3), as it is stored: one octet of flags, then 64 bits for each message id.</summary>
/// <remarks>Ids are hashed with a cut SHA-256, so that nobody joins somebody else's thread by a made collision; 0 is no id.</remarks>
public readonly ref struct ThreadLink
{
    private const byte Reply = 1;

    private readonly ReadOnlySpan<byte> _bytes;

    public ThreadLink(ReadOnlySpan<byte> stored) => _bytes = stored;

    /// <summary>False for a message that arrived before links were stored: its header says more.</summary>
    public bool IsKnown => _bytes.Length >= 9;

    public bool IsReplyOrForward => (_bytes[0] & Reply) != 0;

    /// <summary>The message's own id; 0 when it has none.</summary>
    public long Own => BinaryPrimitives.ReadInt64LittleEndian(_bytes[1..]);

    /// <summary>How many ancestors it names.</summary>
    public int Ancestors => (_bytes.Length - 9) / 8;

    /// <summary>From the oldest on.</summary>
    public long Ancestor(int index) => BinaryPrimitives.ReadInt64LittleEndian(_bytes[(9 + (8 * index))..]);

    public static byte[] Pack(MessageSummary summary) => Pack(summary.MessageId, summary.Ancestors, summary.IsReplyOrForward);

    public static byte[] Pack(string? own, IReadOnlyList<string> ancestors, bool isReplyOrForward)
    {
        var skip = Math.Max(0, ancestors.Count - StoreLimits.ThreadKeysMax);
        var ids = new List<long>(ancestors.Count + 1) { own is null ? 0 : Hash(own) };
        for (var i = 0; i < ancestors.Count; i++)
        {
            // The first one is the root's; of a very long row the middle is left out.
            if (i == 0 || i > skip) ids.Add(Hash(ancestors[i]));
        }
        var bytes = new byte[1 + (ids.Count * 8)];
        bytes[0] = isReplyOrForward ? Reply : (byte)0;
        for (var i = 0; i < ids.Count; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1 + (8 * i)), ids[i]);
        return bytes;
    }

    // RFC 5256 §3: an id is the same with and without the quotes of its local part.
    private static long Hash(string id)
    {
        Span<byte> hash = stackalloc byte[32];
        var plain = id.Contains('"', StringComparison.Ordinal) ? id.Replace("\"", "", StringComparison.Ordinal) : id;
        SHA256.HashData(Encoding.UTF8.GetBytes(plain), hash);
        return BinaryPrimitives.ReadInt64LittleEndian(hash) is var value and not 0 ? value : 1;
    }
}
