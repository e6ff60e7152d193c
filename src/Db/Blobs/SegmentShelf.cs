using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>
/// The directory of segment files. One active segment takes all small blobs; each large blob, and each compaction, leases one
/// of its own so that nobody waits behind it. A row is the only proof that a record counts: at start every file is cut back to
/// the end of its last row's record, whatever follows.
/// </summary>
internal sealed class SegmentShelf : BlobShelf
{
    public const long SegmentBytesMax = 64L * 1024 * 1024;

    /// <summary>What is staged must be linked within this time.</summary>
    public static readonly TimeSpan LinkWithin = TimeSpan.FromHours(1);

    private const int OpenMax = 256;
    private const int IdleMax = 4;
    private static readonly byte[] Magic = "PHSEG001"u8.ToArray();

    private readonly Lock _gate = new();
    private readonly SegmentSyncer _syncer = new();
    private readonly SizeMeter _size;
    private readonly Dictionary<long, SegmentFile> _open = [];
    private readonly Stack<SegmentFile> _idle = new();
    private readonly HashSet<long> _appending = [];
    private readonly string _directory;
    private readonly long _storeId;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private SegmentFile? _active;
    private long _next = 1;

    private SegmentShelf(string directory, long storeId, TimeProvider time, ILogger log) =>
        (_directory, _storeId, _time, _log, _size) = (directory, storeId, time, log, new SizeMeter("blobs", directory, "*.seg"));

    public DateTimeOffset Now => _time.GetUtcNow();

    /// <param name="directory">Created if need be.</param>
    /// <param name="storeId">Names the database whose rows these segments belong to; others are refused.</param>
    /// <param name="ends">For each segment that has rows: the end of its last record.</param>
    public static SegmentShelf Open(string directory, long storeId, IReadOnlyDictionary<long, long> ends, TimeProvider time, ILogger log)
    {
        if (!System.IO.Directory.Exists(directory))
        {
            System.IO.Directory.CreateDirectory(directory);
            _ = Posix.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(directory))!);
        }

        var shelf = new SegmentShelf(directory, storeId, time, log);
        try
        {
            foreach (var number in ends.Keys) shelf._next = Math.Max(shelf._next, number + 1);
            foreach (var path in System.IO.Directory.EnumerateFiles(directory, "*.seg"))
            {
                if (!long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) continue;
                shelf._next = Math.Max(shelf._next, number + 1);
                shelf.Recover(number, path, ends.GetValueOrDefault(number));
            }

            return shelf;
        }
        catch
        {
            shelf._size.Dispose();
            shelf._syncer.Dispose();
            throw;
        }
    }

    public override StagedBlob Stage(in SegmentRecord record, Span<byte> buffer)
    {
        record.Write(buffer);
        var bytes = buffer[..(int)(SegmentRecord.HeaderBytes + record.StoredLength)];
        while (true)
        {
            var segment = Active();
            var position = segment.Append(bytes, Now);
            if (position < 0) continue;
            if (position + bytes.Length >= SegmentBytesMax) Replace(segment);
            return Staged(record, segment, position);
        }
    }

    public override BlobSink CreateSink() => new SegmentSink(this, Lease());

    public override void Secure(Transaction tx, in StagedBlob staged) =>
        tx.CommitAfter(staged.Segment!, staged.Place.Position + SegmentRecord.HeaderBytes + staged.Place.StoredLength);

    public override void Drop(Transaction tx, in BlobPlace place)
    {
        // The row was all: compaction finds the segment's share of live bytes by its rows.
    }

    public override BlobSource? Open(in BlobPlace place) => Acquire(place.Segment) is { } segment
        ? new SegmentSource(segment, place.Position + SegmentRecord.HeaderBytes)
        : null;

    public override ValueTask DisposeAsync()
    {
        _size.Dispose();
        _syncer.Dispose();
        lock (_gate)
        {
            foreach (var segment in _open.Values)
            {
                if (_appending.Contains(segment.Number)) segment.Seal();
                segment.Release();
            }

            _open.Clear();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>A segment that nobody else appends to, until it is returned.</summary>
    public SegmentFile Lease()
    {
        lock (_gate) return _idle.TryPop(out var segment) ? segment : Create();
    }

    /// <summary>A new one, for compaction: an idle segment may itself be half dead.</summary>
    public SegmentFile LeaseNew()
    {
        lock (_gate) return Create();
    }

    public void Return(SegmentFile segment)
    {
        lock (_gate)
        {
            if (segment.Written < SegmentBytesMax) _idle.Push(segment);
            else SealLocked(segment);
        }
    }

    public StagedBlob Staged(in SegmentRecord record, SegmentFile segment, long position) => new(record.Id, record.PlainLength)
    {
        Place = new BlobPlace(segment.Number, position, record.StoredLength, record.Codec, record.PayloadCrc),
        Segment = segment,
    };

    /// <summary>The open segment with one more user, or null when there is no such file.</summary>
    public SegmentFile? Acquire(long number)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(number, out var segment))
            {
                var path = PathOf(number);
                if (!File.Exists(path)) return null;
                CloseSurplus();
                segment = OpenFile(number, path, RandomAccessLength(path));
                _open.Add(number, segment);
            }

            return segment.TryAcquire() ? segment : null;
        }
    }

    /// <summary>
    /// Segments that nobody appends to at the moment, and that hold nothing that somebody may still link; with what is written
    /// in them.
    /// </summary>
    public List<(long Number, long Length)> Quiet()
    {
        var quiet = new List<(long, long)>();
        lock (_gate)
        {
            foreach (var path in System.IO.Directory.EnumerateFiles(_directory, "*.seg"))
            {
                if (!long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) continue;
                var length = _appending.Contains(number) ? _open[number].Written : new FileInfo(path).Length;
                if (length > SegmentFile.HeaderBytes && IsQuiet(number) && !IsLeased(number)) quiet.Add((number, length));
            }
        }

        quiet.Sort();
        return quiet;
    }

    /// <summary>The segment with one more user, in which from now on nothing can be linked; null when somebody still may.</summary>
    public SegmentFile? Retire(long number)
    {
        if (Acquire(number) is not { } segment) return null;
        lock (_gate)
        {
            if (IsQuiet(number) && !IsLeased(number) && segment.TryRetire())
            {
                if (!_appending.Contains(number)) return segment;
                if (_active?.Number == number) _active = null;
                var others = _idle.Where(s => s.Number != number).ToList();
                _idle.Clear();
                foreach (var other in others) _idle.Push(other);
                SealLocked(segment);
                return segment;
            }
        }

        segment.Release();
        return null;
    }

    /// <summary>Takes the name away; readers that have the file open keep it until they close.</summary>
    public void Remove(long number)
    {
        lock (_gate)
        {
            File.Delete(PathOf(number));
            if (_open.Remove(number, out var segment)) segment.Release();
        }
    }

    private SegmentFile Active()
    {
        lock (_gate) return _active ??= _idle.TryPop(out var segment) ? segment : Create();
    }

    private void Replace(SegmentFile full)
    {
        lock (_gate)
        {
            if (_active != full) return;
            _active = null;
            SealLocked(full);
        }
    }

    private void SealLocked(SegmentFile segment)
    {
        segment.Seal();
        _appending.Remove(segment.Number);
    }

    private SegmentFile Create()
    {
        CloseSurplus();
        var number = _next++;
        var path = PathOf(number);
        Span<byte> header = stackalloc byte[SegmentFile.HeaderBytes];
        header.Clear();
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], number);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], _storeId);
        BinaryPrimitives.WriteUInt32LittleEndian(header[28..], SegmentRecord.Crc(header[..28]));
        var segment = OpenFile(number, path, SegmentFile.HeaderBytes);
        try
        {
            segment.WriteAt(0, header);
        }
        catch
        {
            segment.Release();
            File.Delete(path);
            throw;
        }

        // The name must be as durable as the records: the directory is synced once per segment.
        var error = Posix.SyncDirectory(_directory);
        if (error != 0) throw FatalStorage.Exit(_log, _directory, error);
        _open.Add(number, segment);
        _appending.Add(number);
        return segment;
    }

    private SegmentFile OpenFile(long number, string path, long end)
    {
        try
        {
            var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            return new SegmentFile(number, path, handle, end, _syncer, _log);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DatabaseUnavailableException(DatabaseFault.Device, $"{path} cannot be opened: {error.Message}", error);
        }
    }

    private void Recover(long number, string path, long end)
    {
        var length = RandomAccessLength(path);
        var whole = IsHeaderWhole(number, path);
        if (end == 0)
        {
            // Staged and never linked, or emptied by a compaction that was interrupted before its last step.
            Log.SegmentUnnamed(_log, number);
            File.Delete(path);
            return;
        }

        if (!whole) Log.SegmentHeaderDamaged(_log, number);
        if (length < end)
        {
            Log.SegmentShort(_log, number, length, end);
            return;
        }

        if (length > end)
        {
            Log.TailCut(_log, number, length - end);
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            RandomAccess.SetLength(handle, end);
        }

        if (!whole || end >= SegmentBytesMax || _idle.Count >= IdleMax) return;
        var segment = OpenFile(number, path, end);
        _open.Add(number, segment);
        _appending.Add(number);
        _idle.Push(segment);
    }

    private bool IsHeaderWhole(long number, string path)
    {
        Span<byte> header = stackalloc byte[SegmentFile.HeaderBytes];
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var whole = RandomAccess.Read(handle, header, 0) == header.Length
            && header[..8].SequenceEqual(Magic)
            && BinaryPrimitives.ReadUInt32LittleEndian(header[28..]) == SegmentRecord.Crc(header[..28])
            && BinaryPrimitives.ReadInt64LittleEndian(header[8..]) == number;
        if (whole && BinaryPrimitives.ReadInt64LittleEndian(header[16..]) != _storeId)
        {
            throw new DatabaseUnavailableException(
                DatabaseFault.Corrupt, $"{path} belongs to another database: the database and the blobs of a data directory go together");
        }

        return whole;
    }

    private void CloseSurplus()
    {
        if (_open.Count < OpenMax) return;
        foreach (var number in _open.Keys.Where(n => !_appending.Contains(n) && IsQuiet(n)).Take(OpenMax / 4).ToList())
        {
            _open.Remove(number, out var segment);
            segment!.Release();
        }
    }

    private bool IsQuiet(long number) => !_open.TryGetValue(number, out var segment) || segment.LastAppend + LinkWithin < Now;

    private bool IsLeased(long number) => _appending.Contains(number) && _active?.Number != number && !_idle.Any(s => s.Number == number);

    private string PathOf(long number) => Path.Combine(_directory, SegmentFile.NameOf(number));

    private static long RandomAccessLength(string path) => new FileInfo(path).Length;
}

internal sealed class SegmentSource(SegmentFile segment, long start, bool owned = true) : BlobSource
{
    private bool _released;

    public override ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken ct)
    {
        segment.Read(start + offset, destination.Span);
        return ValueTask.CompletedTask;
    }

    public override ValueTask<string?> CheckRecordAsync(BlobRow row, CancellationToken ct)
    {
        Span<byte> header = stackalloc byte[SegmentRecord.HeaderBytes];
        segment.Read(start - header.Length, header);
        var agree = SegmentRecord.TryRead(header, out var record) && record == row.Record;
        return ValueTask.FromResult(agree ? null : $"the header of its record in {SegmentFile.NameOf(segment.Number)} is damaged");
    }

    public override void Dispose()
    {
        if (_released || !owned) return;
        _released = true;
        segment.Release();
    }
}

/// <summary>Streams a large blob into a leased segment; its header is written last, so nothing of it counts before it is whole.</summary>
internal sealed class SegmentSink(SegmentShelf shelf, SegmentFile segment) : BlobSink
{
    private readonly long _start = segment.Written;
    private long _at = segment.Written + SegmentRecord.HeaderBytes;
    private bool _returned;

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> stored, CancellationToken ct)
    {
        segment.WriteAt(_at, stored.Span);
        _at += stored.Length;
        return ValueTask.CompletedTask;
    }

    public override ValueTask<StagedBlob> CompleteAsync(SegmentRecord record, CancellationToken ct)
    {
        Span<byte> header = stackalloc byte[SegmentRecord.HeaderBytes];
        record.Write(header);
        segment.WriteAt(_start, header);
        segment.Publish(_at, shelf.Now);
        var staged = shelf.Staged(record, segment, _start);
        GiveBack();

        // The large write is under way to the disk while the caller prepares his action.
        segment.BeginSync(_at);
        return ValueTask.FromResult(staged);
    }

    public override ValueTask DisposeAsync()
    {
        GiveBack();
        return ValueTask.CompletedTask;
    }

    private void GiveBack()
    {
        if (_returned) return;
        _returned = true;
        shelf.Return(segment);
    }
}
