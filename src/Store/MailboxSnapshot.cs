using System.Runtime.CompilerServices;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>Some rows of a mailbox, ordered by uid. Immutable up to <see cref="Count"/>: only the tail's array grows behind it.</summary>
internal sealed class RowChunk
{
    public const int RowsMax = 1024;

    private readonly EmailRow[] _rows;

    public RowChunk(EmailRow[] rows, int count)
    {
        _rows = rows;
        Count = count;
        foreach (ref readonly var row in Rows)
        {
            if (!row.IsSeen) Unseen++;
        }
    }

    private RowChunk(EmailRow[] rows, int count, int unseen) => (_rows, Count, Unseen) = (rows, count, unseen);

    public int Count { get; }

    public int Unseen { get; }

    public ReadOnlySpan<EmailRow> Rows => _rows.AsSpan(0, Count);

    public Uid First => _rows[0].Uid;

    public Uid Last => _rows[Count - 1].Uid;

    public bool IsFull => Count == RowsMax;

    /// <summary>True when both are the same array: then the shorter one's rows are the beginning of the longer one's.</summary>
    public bool SharesRowsWith(RowChunk other) => ReferenceEquals(_rows, other._rows);

    /// <summary>The chunk with one row more. Only the newest chunk over an array may be appended to, and only once.</summary>
    /// <remarks>Whoever holds the shorter chunk never looks behind its count, so the array may be shared.</remarks>
    public RowChunk Append(in EmailRow row)
    {
        var rows = _rows;
        if (Count == rows.Length) Array.Resize(ref rows, Math.Min(RowsMax, Math.Max(16, rows.Length * 2)));
        rows[Count] = row;
        return new RowChunk(rows, Count + 1, Unseen + (row.IsSeen ? 0 : 1));
    }
}

/// <summary>The messages of one mailbox at one change number, in the order of their uids. Immutable.</summary>
/// <remarks>
/// The index of a row, counted from 0, is its sequence number less one: a session that holds a snapshot holds its sequence numbers. A change
/// makes a new snapshot that shares all chunks but the touched ones, so <see cref="Diff"/> between two of them looks at little.
/// </remarks>
public sealed class MailboxSnapshot
{
    private readonly RowChunk[] _chunks;
    private readonly int[] _starts;

    internal MailboxSnapshot(MailboxId mailbox, uint uidValidity, Uid uidNext, ModSeq highestModSeq, RowChunk[] chunks)
    {
        (Mailbox, UidValidity, UidNext, HighestModSeq, _chunks) = (mailbox, uidValidity, uidNext, highestModSeq, chunks);
        _starts = new int[chunks.Length];
        for (var i = 0; i < chunks.Length; i++)
        {
            _starts[i] = Count;
            Count += chunks[i].Count;
            UnseenCount += chunks[i].Unseen;
        }
    }

    public MailboxId Mailbox { get; }

    public uint UidValidity { get; }

    public Uid UidNext { get; }

    /// <summary>The number of the last change in this mailbox.</summary>
    public ModSeq HighestModSeq { get; }

    public int Count { get; }

    /// <summary>Messages without \Seen, \Deleted ones included, as STATUS counts them.</summary>
    public int UnseenCount { get; }

    /// <summary>Index of the first message without \Seen, or -1.</summary>
    public int FirstUnseen
    {
        get
        {
            for (var i = 0; i < _chunks.Length; i++)
            {
                if (_chunks[i].Unseen == 0) continue;
                var rows = _chunks[i].Rows;
                for (var j = 0; j < rows.Length; j++)
                {
                    if (!rows[j].IsSeen) return _starts[i] + j;
                }
            }

            return -1;
        }
    }

    /// <summary>The rows in runs: enumerate <c>Chunk(0)</c> to <c>Chunk(ChunkCount - 1)</c> to read all of them fast.</summary>
    public int ChunkCount => _chunks.Length;

    internal ReadOnlySpan<RowChunk> Chunks => _chunks;

    internal long SizeInMemory => 200L + _chunks.Length * 16L + Count * (long)Unsafe.SizeOf<EmailRow>();

    public ref readonly EmailRow this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var chunk = ChunkAt(index);
            return ref _chunks[chunk].Rows[index - _starts[chunk]];
        }
    }

    public ReadOnlySpan<EmailRow> Chunk(int number) => _chunks[number].Rows;

    /// <summary>Index of the first row of a chunk.</summary>
    public int ChunkStart(int number) => _starts[number];

    /// <summary>The index of the message with this uid; when there is none, the complement (~) of the index of the next one.</summary>
    public int IndexOf(Uid uid)
    {
        int low = 0, high = _chunks.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            if (_chunks[middle].Last.Value < uid.Value) low = middle + 1;
            else high = middle - 1;
        }

        if (low == _chunks.Length) return ~Count;
        var within = Search(_chunks[low].Rows, uid);
        return within >= 0 ? _starts[low] + within : ~(_starts[low] + ~within);
    }

    /// <summary>What has happened between two snapshots of one mailbox, the older one first.</summary>
    public static MailboxDiff Diff(MailboxSnapshot older, MailboxSnapshot current) => MailboxDiff.Between(older, current);

    /// <summary>The snapshot after one commit. Uids of <paramref name="delta"/> that are not here are passed over.</summary>
    internal MailboxSnapshot Apply(MailboxDelta delta)
    {
        var chunks = new List<RowChunk>(_chunks.Length + 1);
        chunks.AddRange(_chunks);
        if (delta.Removed.Count > 0) Remove(chunks, delta.Removed);
        if (delta.Changed.Count > 0) Replace(chunks, delta.Changed);
        foreach (var row in delta.Added) Add(chunks, row);
        return new MailboxSnapshot(Mailbox, UidValidity, delta.UidNext, delta.ModSeq, [.. chunks]);
    }

    internal static int Search(ReadOnlySpan<EmailRow> rows, Uid uid)
    {
        int low = 0, high = rows.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var value = rows[middle].Uid.Value;
            if (value == uid.Value) return middle;
            if (value < uid.Value) low = middle + 1;
            else high = middle - 1;
        }

        return ~low;
    }

    private static void Add(List<RowChunk> chunks, in EmailRow row)
    {
        if (chunks.Count > 0 && !chunks[^1].IsFull) chunks[^1] = chunks[^1].Append(row);
        else chunks.Add(new RowChunk([row], 1));
    }

    // Changed rows and removed uids both rise, so that one walk over the chunks finds them all.
    private static void Replace(List<RowChunk> chunks, IReadOnlyList<EmailRow> changed)
    {
        var next = 0;
        for (var i = 0; i < chunks.Count && next < changed.Count; i++)
        {
            if (chunks[i].Last.Value < changed[next].Uid.Value) continue;
            var rows = chunks[i].Rows.ToArray();
            while (next < changed.Count && changed[next].Uid.Value <= chunks[i].Last.Value)
            {
                var at = Search(rows, changed[next].Uid);
                if (at >= 0) rows[at] = changed[next];
                next++;
            }

            chunks[i] = new RowChunk(rows, rows.Length);
        }
    }

    private static void Remove(List<RowChunk> chunks, IReadOnlyList<Uid> removed)
    {
        var next = 0;
        for (var i = 0; i < chunks.Count && next < removed.Count; i++)
        {
            var last = chunks[i].Last;
            if (last.Value < removed[next].Value) continue;
            var left = new List<EmailRow>(chunks[i].Count);
            foreach (ref readonly var row in chunks[i].Rows)
            {
                while (next < removed.Count && removed[next].Value < row.Uid.Value) next++;
                if (next < removed.Count && removed[next] == row.Uid) next++;
                else left.Add(row);
            }

            while (next < removed.Count && removed[next].Value <= last.Value) next++;
            chunks[i] = new RowChunk([.. left], left.Count);
        }

        Join(chunks);
    }

    /// <summary>Takes out empty chunks and joins small neighbours, so that the table stays in proportion to the mailbox.</summary>
    private static void Join(List<RowChunk> chunks)
    {
        var kept = 0;
        for (var i = 0; i < chunks.Count; i++)
        {
            var chunk = chunks[i];
            if (chunk.Count == 0) continue;
            if (kept > 0 && chunks[kept - 1].Count + chunk.Count <= RowChunk.RowsMax / 4)
            {
                chunks[kept - 1] = new RowChunk([.. chunks[kept - 1].Rows, .. chunk.Rows], chunks[kept - 1].Count + chunk.Count);
            }
            else
            {
                chunks[kept++] = chunk;
            }
        }

        chunks.RemoveRange(kept, chunks.Count - kept);
    }

    private int ChunkAt(int index)
    {
        var at = Array.BinarySearch(_starts, index);
        return at >= 0 ? at : ~at - 1;
    }
}

/// <summary>Collects the rows of a mailbox, in the order of their uids, into chunks.</summary>
internal sealed class SnapshotBuilder
{
    private readonly List<RowChunk> _chunks = [];
    private EmailRow[] _rows = [];
    private int _count;

    public void Add(in EmailRow row)
    {
        if (_count == _rows.Length) Grow();
        _rows[_count++] = row;
    }

    public MailboxSnapshot Build(MailboxId mailbox, uint uidValidity, Uid uidNext, ModSeq highestModSeq)
    {
        if (_count > 0) _chunks.Add(new RowChunk(_rows, _count));
        return new MailboxSnapshot(mailbox, uidValidity, uidNext, highestModSeq, [.. _chunks]);
    }

    private void Grow()
    {
        if (_count < RowChunk.RowsMax)
        {
            Array.Resize(ref _rows, Math.Min(RowChunk.RowsMax, Math.Max(16, _rows.Length * 4)));
            return;
        }

        _chunks.Add(new RowChunk(_rows, _count));
        (_rows, _count) = (new EmailRow[RowChunk.RowsMax], 0);
    }
}
