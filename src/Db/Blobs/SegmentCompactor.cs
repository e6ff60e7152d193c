using System.Buffers;
using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>
/// Empties segments that are half dead: copies what rows still name into another segment, moves the rows in small actions that
/// wait for the copies to be on disk, and removes the file when no row names it. A reader that has the file open keeps it; one
/// that comes late finds the new place in the row. Stopping at any point loses nothing: copies without rows are cut off or
/// become dead space, a file without rows is removed at the next start.
/// </summary>
internal sealed class SegmentCompactor(Database database, SegmentShelf shelf, TimeProvider time, ILogger log)
{
    /// <summary>Beside what clients do, compaction reads and writes no more than this.</summary>
    public const int RateBytesPerSecondMax = 16 * 1024 * 1024;

    /// <summary>What one action moves.</summary>
    private const int SliceRows = 500;
    private const int SliceBytes = 4 * 1024 * 1024;

    private readonly Dictionary<long, (long Live, long Length)> _live = [];
    private readonly HashSet<long> _damaged = [];
    private readonly byte[] _buffer = new byte[Packing.Bound(Packing.FrameBytes)];

    /// <summary>Blobs of this segment have been collected: its live bytes are counted anew.</summary>
    public void Recount(long segment) => _live.Remove(segment);

    /// <summary>The number of segments removed.</summary>
    public async Task<int> RunAsync(CancellationToken ct)
    {
        var half = new List<(long Number, long Live)>();
        foreach (var (number, length) in shelf.Quiet())
        {
            if (_damaged.Contains(number)) continue;
            if (!_live.TryGetValue(number, out var counted) || counted.Length != length)
                _live[number] = counted = (await LiveBytesAsync(number, ct), length);
            if (counted.Live * 2 <= length - SegmentFile.HeaderBytes) half.Add((number, counted.Live));
        }

        // The emptiest first: they give the most space back and ask for the least, which counts when the disk is full.
        var removed = 0;
        foreach (var (number, _) in half.OrderBy(s => s.Live))
        {
            if (await CompactAsync(number, ct)) removed++;
        }

        return removed;
    }

    private async Task<bool> CompactAsync(long number, CancellationToken ct)
    {
        if (shelf.Retire(number) is not { } source) return false;
        try
        {
            await MoveAllAsync(source, ct);
            var left = await database.ReadAsync(
                snapshot => snapshot.Prepare("SELECT COUNT(*) FROM blob WHERE segment = $1").Bind(number).Scalar(), ct);
            if (left != 0)
            {
                _damaged.Add(number);
                return false;
            }

            shelf.Remove(number);
            _live.Remove(number);
            Log.SegmentRemoved(log, number);
            return true;
        }
        finally
        {
            source.Release();
        }
    }

    private async Task MoveAllAsync(SegmentFile source, CancellationToken ct)
    {
        SegmentFile? target = null;
        try
        {
            var after = -1L;
            while (true)
            {
                var page = await database.ReadAsync(snapshot => Page(snapshot, source.Number, after), ct);
                if (page.Count == 0) return;
                target ??= shelf.LeaseNew();
                var moves = new List<(BlobRow Row, long To)>();
                var copied = 0L;
                foreach (var row in page)
                {
                    if (await TryCopyAsync(source, row, target, ct) is { } to) moves.Add((row, to));
                    copied += row.Place.StoredLength;
                    after = row.Place.Position;
                    if (copied >= SliceBytes || target.Written >= SegmentShelf.SegmentBytesMax) break;
                }

                CrashPoints.Pass(CrashPoints.MidCompaction);
                var (into, end) = (target, target.Written);
                await database.WriteAsync(tx => Move(tx, moves, into, end), ct);
                CrashPoints.Pass(CrashPoints.MidCompaction);
                if (target.Written >= SegmentShelf.SegmentBytesMax)
                {
                    shelf.Return(target);
                    target = null;
                }

                await Task.Delay(TimeSpan.FromSeconds((double)copied / RateBytesPerSecondMax), time, ct);
            }
        }
        finally
        {
            if (target is not null) shelf.Return(target);
        }
    }

    private static List<BlobRow> Page(Snapshot snapshot, long segment, long after)
    {
        var page = new List<BlobRow>();
        using var rows = snapshot.Prepare("SELECT " + BlobRow.Columns + " FROM blob WHERE segment = $1 AND position > $2 ORDER BY position LIMIT $3")
            .Bind(segment).Bind(after).Bind(SliceRows).Query();
        while (rows.Next()) page.Add(BlobRow.Read(rows));
        return page;
    }

    private static int Move(Transaction tx, List<(BlobRow Row, long To)> moves, SegmentFile target, long end)
    {
        var moved = 0;
        foreach (var (row, to) in moves)
        {
            moved += tx.Prepare("UPDATE blob SET segment = $1, position = $2 WHERE number = $3 AND segment = $4 AND position = $5")
                .Bind(target.Number).Bind(to).Bind(row.Number).Bind(row.Place.Segment).Bind(row.Place.Position).Execute();
        }

        if (moved > 0) tx.CommitAfter(target, end);
        return moved;
    }

    /// <summary>The position of the copy; null when the original is damaged and stays where it is, for whoever can still make use of it.</summary>
    private async Task<long?> TryCopyAsync(SegmentFile source, BlobRow row, SegmentFile target, CancellationToken ct)
    {
        var from = row.Place.Position + SegmentRecord.HeaderBytes;
        var position = target.Written;
        var to = position + SegmentRecord.HeaderBytes;
        try
        {
            if (row.Place.Codec == BlobCodec.Frames)
            {
                using var payload = new SegmentSource(source, from, owned: false);
                var frames = await FrameTable.ReadAsync(payload, row.Place, row.Length, ct);
                for (var i = 0; i < frames.Count; i++)
                {
                    var (offset, length, _, crc) = frames[i];
                    CopyPart(source, from + offset, target, to + offset, length, crc);
                }

                var table = row.Place.StoredLength - frames.StoredLength;
                CopyPart(source, from + frames.StoredLength, target, to + frames.StoredLength, table, row.Place.Crc);
            }
            else
            {
                CopyPart(source, from, target, to, row.Place.StoredLength, row.Place.Crc);
            }
        }
        catch (InvalidDataException error)
        {
            Log.DamagedInCompaction(log, row.Id.ToString(), row.Place.Segment, row.Place.Position, error.Message);
            return null;
        }

        Span<byte> header = stackalloc byte[SegmentRecord.HeaderBytes];
        row.Record.Write(header);
        target.WriteAt(position, header);
        target.Publish(to + row.Place.StoredLength, time.GetUtcNow());
        return position;
    }

    private void CopyPart(SegmentFile source, long from, SegmentFile target, long to, long length, uint crc)
    {
        if (length < 0 || length > _buffer.Length) throw new InvalidDataException("a stored length is impossible");
        var part = _buffer.AsSpan(0, (int)length);
        source.Read(from, part);
        if (SegmentRecord.Crc(part) != crc) throw new InvalidDataException("the checksum does not match");
        target.WriteAt(to, part);
    }

    private ValueTask<long> LiveBytesAsync(long segment, CancellationToken ct) => database.ReadAsync(
        snapshot =>
        {
            using var rows = snapshot.Prepare("SELECT COUNT(*), COALESCE(SUM(stored), 0) FROM blob WHERE segment = $1").Bind(segment).Query();
            return rows.Next() ? rows.Int64(0) * SegmentRecord.HeaderBytes + rows.Int64(1) : 0;
        },
        ct);
}
