using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>A file that a client has uploaded.</summary>
public readonly record struct Upload(BlobId Blob, long SizeBytes);

/// <summary>
/// Files that clients upload before they become part of an Email (RFC 8620 §6.1): durable, private to the account, kept for a while.
/// </summary>
public sealed class Uploads
{
    /// <summary>How long a file stays that nothing else holds (RFC 8620 §6 asks for an hour at least).</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <summary>Who holds a blob: an upload, by its number.</summary>
    internal const byte OwnerKind = 2;

    private const int PurgesPerAction = 200;

    private readonly Database _db;
    private readonly BlobStore _blobs;
    private readonly TimeProvider _time;

    internal Uploads(Database db, BlobStore blobs, TimeProvider time) => (_db, _blobs, _time) = (db, blobs, time);

    /// <summary>Reads the file to its end. When this returns it is on disk.</summary>
    /// <param name="octetsMax">A longer file is refused.</param>
    public async ValueTask<Result<Upload>> AddAsync(AccountId account, Stream file, long octetsMax, CancellationToken ct = default)
    {
        await using var writer = _blobs.CreateWriter();
        var buffer = new byte[32 * 1024];
        while (true)
        {
            var read = await file.ReadAsync(buffer, ct);
            if (read == 0) break;
            if (writer.Length + read > octetsMax) return new Refusal(RefusalKind.TooLarge, $"A file has at most {octetsMax} octets");
            await writer.WriteAsync(buffer.AsMemory(0, read), ct);
        }

        var staged = await writer.CompleteAsync(ct);
        return await Refusing.Run(_db, tx => Add(tx, account, staged), ct);
    }

    /// <summary>Opens a blob that something in the account holds; null when nothing does.</summary>
    public async ValueTask<StoredMessage?> OpenAsync(AccountId account, BlobId blob, CancellationToken ct = default)
    {
        if (!await _db.ReadAsync(db => BlobStore.IsLinked(db, account, blob), ct)) return null;
        return await _blobs.OpenAsync(blob, ct) is { } reader ? new StoredMessage(default, [], reader) : null;
    }

    /// <summary>Lets go of what has been kept long enough; for a chore.</summary>
    public async Task PurgeAsync(CancellationToken ct)
    {
        while (await _db.WriteAsync(Purge, ct) == PurgesPerAction)
        {
        }
    }

    internal static void Forget(Transaction tx, AccountId account, BlobStore blobs)
    {
        foreach (var (number, blob) in Read(tx, "SELECT upload, blob, account FROM upload WHERE account = $1", account.Value))
        {
            Drop(tx, blobs, account, number, blob);
        }
    }

    private Upload Add(Transaction tx, AccountId account, StagedBlob staged)
    {
        tx.LockAccount(account);
        Span<byte> hash = stackalloc byte[BlobId.Length];
        staged.Id.CopyTo(hash);
        var known = tx.Prepare("SELECT upload FROM upload WHERE account = $1 AND blob = $2").Bind(account.Value).Bind(hash).Scalar();
        if (known is not null)
        {
            tx.Prepare("UPDATE upload SET uploaded_at = $1 WHERE account = $2 AND upload = $3")
                .Bind(tx.Now).Bind(account.Value).Bind(known).Execute();
            return new Upload(staged.Id, staged.Length);
        }

        Check(tx, account, staged.Length);
        var number = (tx.Prepare("SELECT MAX(upload) FROM upload WHERE account = $1").Bind(account.Value).Scalar() ?? 0) + 1;
        tx.Prepare("INSERT INTO upload (account, upload, blob, size_bytes, uploaded_at) VALUES ($1, $2, $3, $4, $5)")
            .Bind(account.Value).Bind(number).Bind(hash).Bind(staged.Length).Bind(tx.Now).Execute();
        _blobs.Link(tx, account, staged, new BlobOwner(OwnerKind, number));
        return new Upload(staged.Id, staged.Length);
    }

    // RFC 8620 §6.1: an account may have a limit of its own for files that nothing uses.
    private static void Check(Transaction tx, AccountId account, long length)
    {
        if (tx.Prepare("SELECT 1 FROM account_state WHERE account = $1 AND removed = 0").Bind(account.Value).Scalar() is null)
        {
            throw new RefusalException(new Refusal(RefusalKind.NotFound, "This account has no mailboxes"));
        }

        using var rows = tx.Prepare("SELECT COUNT(*), COALESCE(CAST(SUM(size_bytes) AS BIGINT), 0) FROM upload WHERE account = $1")
            .Bind(account.Value).Query();
        if (rows.Next() && (rows.Int64(0) >= StoreLimits.UploadsMax || rows.Int64(1) + length > StoreLimits.UploadOctetsMax))
        {
            throw new RefusalException(new Refusal(RefusalKind.OverQuota, "Too many uploaded files wait to be used; they go after a day"));
        }
    }

    private int Purge(Transaction tx)
    {
        var before = (_time.GetUtcNow() - Kept).ToUnixTimeMilliseconds();
        var old = new List<(AccountId Account, long Number, BlobId Blob)>();
        using (var rows = tx.Prepare("SELECT account, upload, blob FROM upload WHERE uploaded_at < $1 ORDER BY account, upload LIMIT $2")
            .Bind(before).Bind(PurgesPerAction).Query())
        {
            while (rows.Next()) old.Add((new AccountId(rows.Int64(0)), rows.Int64(1), new BlobId(rows.Blob(2))));
        }

        foreach (var account in old.Select(static o => o.Account).Distinct()) tx.LockAccount(account);
        foreach (var (account, number, blob) in old) Drop(tx, _blobs, account, number, blob);
        return old.Count;
    }

    private static void Drop(Transaction tx, BlobStore blobs, AccountId account, long number, BlobId blob)
    {
        tx.Prepare("DELETE FROM upload WHERE account = $1 AND upload = $2").Bind(account.Value).Bind(number).Execute();
        blobs.Unlink(tx, account, blob, new BlobOwner(OwnerKind, number));
    }

    private static List<(long Number, BlobId Blob)> Read(Transaction tx, string sql, long key)
    {
        var found = new List<(long, BlobId)>();
        using var rows = tx.Prepare(sql).Bind(key).Query();
        while (rows.Next()) found.Add((rows.Int64(0), new BlobId(rows.Blob(1))));
        return found;
    }
}
