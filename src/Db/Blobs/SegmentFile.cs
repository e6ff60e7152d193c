using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Posthorn.Db;

/// <summary>
/// One segment: records appended under its lock, synced by the syncer thread or by whoever waits first. The file is filled with
/// zeros a step ahead of the records, because a sync after writing over existing bytes takes half the time of one that also has
/// to move the end of the file.
/// </summary>
internal sealed class SegmentFile(long number, string path, SafeFileHandle handle, long end, SegmentSyncer syncer, ILogger log)
{
    public const int HeaderBytes = 32;
    private const int StepBytes = 1024 * 1024;
    private static readonly byte[] Zeros = new byte[StepBytes];

    private readonly Lock _append = new();
    private readonly object _sync = new();
    private long _allocated = RandomAccess.GetLength(handle);
    private long _written = end;
    private long _synced = end;
    private long _lastAppendTicks;
    private bool _syncing;
    private bool _retired;
    private int _pins;
    private bool _closed;
    private int _users = 1;

    public long Number => number;

    public string Path => path;

    /// <summary>Where the next record goes: everything before it is complete.</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>The last append, to leave a segment alone while somebody may still link what he staged in it.</summary>
    public DateTimeOffset LastAppend => new(Volatile.Read(ref _lastAppendTicks), TimeSpan.Zero);

    public static string NameOf(long number) => number.ToString("00000000", CultureInfo.InvariantCulture) + ".seg";

    /// <summary>Appends one record, header included, and returns its position; -1 when the segment has just been sealed or retired.</summary>
    public long Append(ReadOnlySpan<byte> record, DateTimeOffset now)
    {
        lock (_append)
        {
            if (_closed) return -1;
            var position = _written;
            WriteAt(position, record);
            Volatile.Write(ref _written, position + record.Length);
            Volatile.Write(ref _lastAppendTicks, now.UtcTicks);
            return position;
        }
    }

    /// <summary>
    /// For the one writer that has this segment on lease: bytes beyond <see cref="Written"/> that do not count until
    /// <see cref="Publish"/>.
    /// </summary>
    public void WriteAt(long position, ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (position + bytes.Length > _allocated) Extend(position, position + bytes.Length);
            RandomAccess.Write(handle, bytes, position);
        }
        catch (IOException error)
        {
            throw Unavailable(error);
        }
    }

    public void Publish(long written, DateTimeOffset now)
    {
        lock (_append)
        {
            Volatile.Write(ref _written, written);
            Volatile.Write(ref _lastAppendTicks, now.UtcTicks);
        }
    }

    /// <summary>Reads exactly the asked bytes, or throws.</summary>
    public void Read(long position, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int read;
            try
            {
                read = RandomAccess.Read(handle, destination, position);
            }
            catch (IOException error)
            {
                throw new DatabaseUnavailableException(DatabaseFault.Device, $"{path} cannot be read: {error.Message}", error);
            }

            if (read == 0) throw new InvalidDataException("the file ends before the record does");
            destination = destination[read..];
            position += read;
        }
    }

    /// <summary>Starts a sync in the background unless one that covers this position is done.</summary>
    public void BeginSync(long upTo)
    {
        lock (_sync)
        {
            if (_synced >= upTo || _syncing) return;
        }

        syncer.Request(this, upTo);
    }

    /// <summary>Returns once everything up to this position is on disk; syncs itself when nobody does.</summary>
    public void AwaitSync(long upTo)
    {
        while (true)
        {
            lock (_sync)
            {
                if (_synced >= upTo) return;
                if (_syncing)
                {
                    Monitor.Wait(_sync);
                    continue;
                }
            }

            Sync(upTo);
        }
    }

    /// <summary>Syncs all that is written, unless somebody is at it or this position is on disk already.</summary>
    public void Sync(long upTo)
    {
        long target;
        lock (_sync)
        {
            if (_syncing || _synced >= upTo) return;
            _syncing = true;
            target = Written;
        }

        CrashPoints.Pass(CrashPoints.BeforeBlobSync);
        var error = Posix.SyncData(handle);
        CrashPoints.Pass(CrashPoints.AfterBlobSync);
        var fatal = error == 0 ? null : FatalStorage.Exit(log, path, error);
        lock (_sync)
        {
            _syncing = false;
            if (fatal is null) _synced = target;
            Monitor.PulseAll(_sync);
        }

        if (fatal is not null) throw fatal;
    }

    /// <summary>Nothing more comes: the zeros after the last record go back to the file system.</summary>
    public void Seal()
    {
        lock (_append)
        {
            _closed = true;
            RandomAccess.SetLength(handle, _written);
            _allocated = _written;
        }
    }

    /// <summary>An action links what lies here: until <see cref="Unpin"/> the segment cannot be retired.</summary>
    public void Pin()
    {
        lock (_sync)
        {
            if (_retired) throw new DatabaseUnavailableException(DatabaseFault.Device, "The blob was staged too long ago: its segment is retired");
            _pins++;
        }
    }

    public void Unpin()
    {
        lock (_sync) _pins--;
    }

    /// <summary>
    /// False while an action links. From then on compaction sees every row: what was staged here and is not linked must be
    /// staged again.
    /// </summary>
    public bool TryRetire()
    {
        lock (_sync) return _retired |= _pins == 0;
    }

    public bool TryAcquire()
    {
        int users;
        do
        {
            users = Volatile.Read(ref _users);
            if (users == 0) return false;
        }
        while (Interlocked.CompareExchange(ref _users, users + 1, users) != users);
        return true;
    }

    /// <summary>The last one to release closes the file; an unlinked one is gone then.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _users) == 0) handle.Dispose();
    }

    private void Extend(long from, long needed)
    {
        var target = (needed + StepBytes - 1) / StepBytes * StepBytes;
        for (var position = Math.Max(from, _allocated); position < target; position += StepBytes)
            RandomAccess.Write(handle, Zeros.AsSpan(0, (int)Math.Min(StepBytes, target - position)), position);
        _allocated = target;
    }

    private DatabaseUnavailableException Unavailable(IOException error)
    {
        // .NET carries the errno of a failed write in HResult's low bits only as a mapped code, so the text is all there is for the rare rest.
        var noSpace = error.HResult == Posix.NoSpace || (error.HResult & 0xffff) == 0x70;
        return new DatabaseUnavailableException(
            noSpace ? DatabaseFault.NoSpace : DatabaseFault.Device,
            noSpace ? $"No space left to write {path}" : $"{path} cannot be written: {error.Message}",
            error);
    }
}
