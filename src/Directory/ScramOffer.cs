using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Whether SCRAM is offered, which every greeting asks, and the salts of those who have none.</summary>
internal sealed class ScramOffer(Database db, Generation generation)
{
    private const string SecretName = "scram-salt";

    private long _generation = -1;
    private bool _offered;
    private byte[]? _secret;

    /// <summary>Whether a domain allows it. After a change on another node, or at the start, the answer may be a moment old.</summary>
    public bool IsOffered
    {
        get
        {
            if (Volatile.Read(ref _generation) != generation.Value) _ = RefreshAsync();
            return Volatile.Read(ref _offered);
        }
    }

    /// <summary>To be called in the action that changes a domain.</summary>
    public void RefreshAfter(Transaction tx)
    {
        var offered = Read(tx);
        tx.OnCommit(() => Volatile.Write(ref _offered, offered));
    }

    public async Task RefreshAsync()
    {
        var seen = generation.Value;
        try
        {
            var offered = await db.ReadAsync(Read, CancellationToken.None);
            Volatile.Write(ref _offered, offered);
            Volatile.Write(ref _generation, seen);
        }
        catch (Exception e) when (e is DatabaseUnavailableException or ObjectDisposedException or OperationCanceledException)
        {
            // The next greeting asks again.
        }
    }

    /// <summary>A salt that says nothing and stays the same: who asks twice learns nothing (RFC 5802 §9 and its silence).</summary>
    public async ValueTask<byte[]> FalseSaltAsync(ScramHash hash, string key, CancellationToken ct)
    {
        var secret = Volatile.Read(ref _secret);
        if (secret is null) Volatile.Write(ref _secret, secret = await db.WriteAsync(ReadOrMakeSecret, ct));
        return HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(hash.Mechanism + "\0" + key))[..ScramVerifier.SaltOctets];
    }

    private static bool Read(Snapshot db) =>
        db.Prepare("SELECT 1 FROM domain WHERE scram = 1 AND disabled IS NULL LIMIT 1").Scalar() is not null;

    private static byte[] ReadOrMakeSecret(Transaction tx)
    {
        tx.Prepare("INSERT INTO directory_secret (name, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .Bind(SecretName).Bind(RandomNumberGenerator.GetBytes(32)).Execute();
        using var rows = tx.Prepare("SELECT secret FROM directory_secret WHERE name = $1").Bind(SecretName).Query();
        return rows.Next() ? rows.Blob(0).ToArray() : throw new InvalidDataException("the directory has lost a secret");
    }
}
