using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>
/// The blobs: immutable bytes named by their SHA-256. Staging stores bytes that nothing names yet; linking, within an action,
/// names them for one owner in one account, and the commit waits until they are on disk. A blob without links is marked, and
/// deleted a day later.
/// </summary>
public sealed class BlobStore : IAsyncDisposable
{
    /// <summary>How often dead blobs are collected and half-dead segments compacted.</summary>
    public static readonly TimeSpan TidyInterval = TimeSpan.FromMinutes(10);

    private readonly Database _database;
    private readonly BlobShelf _shelf;
    private readonly BlobCollector _collector;
    private readonly SegmentCompactor? _compactor;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    private BlobStore(Database database, BlobShelf shelf, TimeProvider time, ILogger log)
    {
        (_database, _shelf, _time, _log) = (database, shelf, time, log);
        _collector = new BlobCollector(database, shelf);
        _compactor = shelf is SegmentShelf segments ? new SegmentCompactor(database, segments, time, log) : null;
    }

    /// <summary>The tables; they come first in the list of schemas.</summary>
    public static Schema Schema { get; } = new(
        "blobs",
        [
            """
            CREATE TABLE blob_store (id BIGINT NOT NULL PRIMARY KEY);

            CREATE TABLE blob (
                number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                hash BLOB NOT NULL UNIQUE,
                segment BIGINT NOT NULL,
                position BIGINT NOT NULL,
                stored BIGINT NOT NULL,
                length BIGINT NOT NULL,
                codec BIGINT NOT NULL,
                crc BIGINT NOT NULL,
                unlinked_at BIGINT);
            CREATE INDEX blob_by_place ON blob (segment, position);
            CREATE INDEX blob_unlinked ON blob (unlinked_at) WHERE unlinked_at IS NOT NULL;

            CREATE TABLE blob_link (
                blob BIGINT NOT NULL,
                account BIGINT NOT NULL,
                kind BIGINT NOT NULL,
                owner BIGINT NOT NULL,
                PRIMARY KEY (blob, account, kind, owner)) WITHOUT ROWID;

            CREATE TABLE blob_data (
                number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                staged_at BIGINT NOT NULL,
                named BIGINT NOT NULL);
            CREATE INDEX blob_data_staged ON blob_data (staged_at) WHERE named = 0;

            CREATE TABLE blob_part (
                data BIGINT NOT NULL,
                part BIGINT NOT NULL,
                bytes BLOB NOT NULL,
                PRIMARY KEY (data, part));
            """,
        ]);

    /// <param name="url"><c>segments:</c> (files in <paramref name="directory"/>) or <c>database:</c>.</param>
    /// <exception cref="DatabaseUnavailableException">The segments belong to another database, or cannot be opened.</exception>
    public static async Task<BlobStore> OpenAsync(
        Database database,
        string url,
        string directory,
        TimeProvider time,
        ILoggerFactory logs,
        CancellationToken ct)
    {
        var log = logs.CreateLogger("Posthorn.Db.Blobs");
        BlobShelf shelf = url switch
        {
            "segments:" => await OpenSegmentsAsync(database, directory, time, log, ct),
            "database:" => new TableShelf(database),
            _ => throw new RefusalException(new Refusal(RefusalKind.Invalid, "The blobs URL must be segments: or database:")),
        };
        return new BlobStore(database, shelf, time, log);
    }

    /// <summary>Stores the bytes. Linking them makes them durable, with the commit of that action.</summary>
    public ValueTask<StagedBlob> StageAsync(ReadOnlySequence<byte> bytes, CancellationToken ct = default)
    {
        ct.ThrowIfCancellationRequested();
        if (bytes.Length > Packing.FrameBytes) return StageFramesAsync(bytes, ct);
        if (bytes.IsSingleSegment) return ValueTask.FromResult(StageHashed(bytes.FirstSpan));
        var rented = ArrayPool<byte>.Shared.Rent((int)bytes.Length);
        try
        {
            bytes.CopyTo(rented);
            return ValueTask.FromResult(StageHashed(rented.AsSpan(0, (int)bytes.Length)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public BlobWriter CreateWriter() => new(this);

    /// <summary>
    /// Names the staged bytes for this owner. Bytes that are stored already are not named twice: the older copy stays, this one
    /// becomes dead space.
    /// </summary>
    public void Link(Transaction tx, AccountId account, in StagedBlob blob, BlobOwner owner)
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        blob.Id.CopyTo(hash);
        while (true)
        {
            if (Touch(tx, hash) is { } known)
            {
                InsertLink(tx, account, known, owner);
                return;
            }

            var place = blob.Place;
            if (place.Segment == 0) place = place with { Position = TableShelf.Name(tx, blob) };
            var number = tx.Prepare(
                    """
                    INSERT INTO blob (hash, segment, position, stored, length, codec, crc) VALUES ($1, $2, $3, $4, $5, $6, $7)
                    ON CONFLICT (hash) DO NOTHING RETURNING number
                    """)
                .Bind(hash).Bind(place.Segment).Bind(place.Position).Bind(place.StoredLength).Bind(blob.Length)
                .Bind((long)place.Codec).Bind((long)place.Crc).Scalar();

            // Null: on PostgreSQL another transaction has just named the same bytes; they are found in the next round.
            if (number is null)
            {
                if (place.Segment == 0) _shelf.Drop(tx, place);
                continue;
            }

            _shelf.Secure(tx, blob);
            InsertLink(tx, account, number.Value, owner);
            return;
        }
    }

    /// <summary>Names bytes that are stored. False when they are not: the caller has no access to it or it has been deleted.</summary>
    public bool Link(Transaction tx, AccountId account, BlobId existing, BlobOwner owner)
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        existing.CopyTo(hash);
        if (Touch(tx, hash) is not { } number) return false;
        InsertLink(tx, account, number, owner);
        return true;
    }

    public void Unlink(Transaction tx, AccountId account, BlobId blob, BlobOwner owner)
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        blob.CopyTo(hash);
        if (tx.Prepare("SELECT number FROM blob WHERE hash = $1").Bind(hash).Scalar() is not { } number) return;
        tx.Prepare("DELETE FROM blob_link WHERE blob = $1 AND account = $2 AND kind = $3 AND owner = $4")
            .Bind(number).Bind(account.Value).Bind(owner.Kind).Bind(owner.Number).Execute();
        tx.Prepare("UPDATE blob SET unlinked_at = $1 WHERE number = $2 AND NOT EXISTS (SELECT 1 FROM blob_link WHERE blob = $2)")
            .Bind(tx.Now).Bind(number).Execute();
    }

    /// <summary>Whether anything in this account holds on to the blob.</summary>
    public static bool IsLinked(Snapshot snapshot, AccountId account, BlobId blob)
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        blob.CopyTo(hash);
        return snapshot.Prepare("SELECT 1 FROM blob_link WHERE blob = (SELECT number FROM blob WHERE hash = $1) AND account = $2 LIMIT 1")
            .Bind(hash).Bind(account.Value).Scalar() is not null;
    }

    /// <summary>Null when no such blob is stored. Whether the asker may see it is for the caller to know.</summary>
    /// <exception cref="DatabaseUnavailableException">The stored bytes are damaged.</exception>
    public async ValueTask<BlobReader?> OpenAsync(BlobId id, CancellationToken ct = default)
    {
        for (var attempt = 0; ; attempt++)
        {
            var found = await _database.ReadAsync(snapshot => Find(snapshot, id), ct);
            if (found is not { } row) return null;
            if (_shelf.Open(row.Place) is { } source) return await BlobReader.OpenAsync(id, row.Length, row.Place, source, ct);

            // Compaction moved it between the two looks; its new place is committed. More than once or twice means that the file is gone.
            if (attempt < 3) continue;
            throw new DatabaseUnavailableException(
                DatabaseFault.Corrupt, $"Blob {id} is missing: there is no segment {SegmentFile.NameOf(row.Place.Segment)}");
        }
    }

    /// <summary>Bytes that nothing names yet, for whoever has staged them within the hour.</summary>
    public ValueTask<BlobReader> OpenAsync(in StagedBlob staged, CancellationToken ct = default)
    {
        var source = staged.Payload is { } payload ? new PayloadSource(payload) : _shelf.Open(staged.Place);
        if (source is null) throw new DatabaseUnavailableException(DatabaseFault.Device, "The blob was staged too long ago");
        return BlobReader.OpenAsync(staged.Id, staged.Length, staged.Place, source, ct);
    }

    /// <summary>The whole blob; for small ones.</summary>
    /// <exception cref="DatabaseUnavailableException">It is not there, or damaged.</exception>
    public async ValueTask<byte[]> ReadAllAsync(BlobId id, CancellationToken ct = default)
    {
        using var reader = await OpenAsync(id, ct) ?? throw new DatabaseUnavailableException(DatabaseFault.Corrupt, $"Blob {id} is missing");
        var bytes = new byte[reader.Length];
        await reader.ReadAsync(0, bytes, ct);
        return bytes;
    }

    /// <summary>Reads every blob back. Mail may come and go meanwhile.</summary>
    /// <param name="progress">Hears the number of blobs that are done, and of all.</param>
    public Task<BlobReport> VerifyAsync(Action<long, long> progress, CancellationToken ct) =>
        new BlobVerifier(_database, this, _shelf).RunAsync(progress, ct);

    /// <summary>Tidies in intervals until cancelled; to be ended before the store is disposed.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(TidyInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                try
                {
                    await TidyAsync(ct);
                }
                catch (DatabaseException error)
                {
                    Log.TidyFailed(_log, error.Message);
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The server stops: what is half done is done at the next start.
        }
    }

    /// <summary>Deletes blobs that nothing has named for a day, then empties half-dead segments. One at a time.</summary>
    internal async Task<(long Blobs, int Segments)> TidyAsync(CancellationToken ct)
    {
        var touched = new HashSet<long>();
        var blobs = await _collector.RunAsync(touched, ct);
        foreach (var segment in touched) _compactor?.Recount(segment);
        var segments = _compactor is null ? 0 : await _compactor.RunAsync(ct);
        if (blobs > 0 || segments > 0) Log.Tidied(_log, blobs, segments);
        return (blobs, segments);
    }

    public ValueTask DisposeAsync() => _shelf.DisposeAsync();

    internal BlobSink CreateSink() => _shelf.CreateSink();

    internal StagedBlob Stage(BlobId id, ReadOnlySpan<byte> plain)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(SegmentRecord.HeaderBytes + Packing.Bound(plain.Length));
        try
        {
            var payload = buffer.AsSpan(SegmentRecord.HeaderBytes);
            var packed = Packing.TryPack(plain, payload);
            if (packed == 0) plain.CopyTo(payload);
            var stored = packed == 0 ? plain.Length : packed;
            var record = new SegmentRecord(
                id, packed == 0 ? BlobCodec.Raw : BlobCodec.Zstd, plain.Length, stored, SegmentRecord.Crc(payload[..stored]));
            return _shelf.Stage(record, buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<BlobShelf> OpenSegmentsAsync(
        Database database, string directory, TimeProvider time, ILogger log, CancellationToken ct)
    {
        var storeId = await database.WriteAsync(
            tx =>
            {
                if (tx.Prepare("SELECT id FROM blob_store").Scalar() is { } known) return known;
                var id = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8));
                tx.Prepare("INSERT INTO blob_store (id) VALUES ($1)").Bind(id).Execute();
                return id;
            },
            ct);
        var ends = await database.ReadAsync(SegmentEnds, ct);
        return SegmentShelf.Open(directory, storeId, ends, time, log);
    }

    /// <summary>Jumps from segment to segment by the index: the cost is the number of segments, not of blobs.</summary>
    private static Dictionary<long, long> SegmentEnds(Snapshot snapshot)
    {
        var ends = new Dictionary<long, long>();
        var segment = 0L;
        while (snapshot.Prepare("SELECT MIN(segment) FROM blob WHERE segment > $1").Bind(segment).Scalar() is { } next)
        {
            segment = next;
            var end = snapshot.Prepare("SELECT position + stored FROM blob WHERE segment = $1 ORDER BY position DESC LIMIT 1").Bind(segment).Scalar();
            ends[segment] = end!.Value + SegmentRecord.HeaderBytes;
        }

        return ends;
    }

    /// <summary>The blob's number, with its mark for collection taken away.</summary>
    private static long? Touch(Transaction tx, ReadOnlySpan<byte> hash)
    {
        long number;
        using (var rows = tx.Prepare("SELECT number, unlinked_at FROM blob WHERE hash = $1").Bind(hash).Query())
        {
            if (!rows.Next()) return null;
            number = rows.Int64(0);
            if (rows.IsNull(1)) return number;
        }

        // No row: on PostgreSQL the collector has deleted it since.
        return tx.Prepare("UPDATE blob SET unlinked_at = NULL WHERE number = $1").Bind(number).Execute() == 1 ? number : null;
    }

    private static void InsertLink(Transaction tx, AccountId account, long blob, BlobOwner owner) =>
        tx.Prepare("INSERT INTO blob_link (blob, account, kind, owner) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .Bind(blob).Bind(account.Value).Bind(owner.Kind).Bind(owner.Number).Execute();

    private static BlobRow? Find(Snapshot snapshot, BlobId id)
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        id.CopyTo(hash);
        using var rows = snapshot.Prepare("SELECT " + BlobRow.Columns + " FROM blob WHERE hash = $1").Bind(hash).Query();
        return rows.Next() ? BlobRow.Read(rows) : null;
    }

    private StagedBlob StageHashed(ReadOnlySpan<byte> plain)
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        SHA256.HashData(plain, hash);
        return Stage(new BlobId(hash), plain);
    }

    private async ValueTask<StagedBlob> StageFramesAsync(ReadOnlySequence<byte> bytes, CancellationToken ct)
    {
        await using var writer = CreateWriter();
        foreach (var part in bytes) await writer.WriteAsync(part, ct);
        return await writer.CompleteAsync(ct);
    }
}
