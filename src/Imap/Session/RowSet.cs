namespace Posthorn.Imap;

/// <summary>Rows of a snapshot from First to Last, both included, counted from 0.</summary>
internal readonly record struct IndexRange(int First, int Last);

/// <summary>The messages that a command named, as rows of the snapshot that the session's message numbers count.</summary>
internal sealed class RowSet
{
    public static readonly RowSet Empty = new([]);

    public RowSet(List<IndexRange> ranges)
    {
        Ranges = ranges;
        foreach (var range in ranges) Count += range.Last - range.First + 1;
    }

    public static RowSet All(int count) => count == 0 ? Empty : new([new IndexRange(0, count - 1)]);

    /// <param name="indexes">Rising.</param>
    public static RowSet Of(IEnumerable<int> indexes)
    {
        var ranges = new List<IndexRange>();
        foreach (var index in indexes)
        {
            if (ranges.Count > 0 && ranges[^1].Last + 1 == index) ranges[^1] = ranges[^1] with { Last = index };
            else ranges.Add(new IndexRange(index, index));
        }
        return new RowSet(ranges);
    }

    /// <summary>Rising, without overlap.</summary>
    public IReadOnlyList<IndexRange> Ranges { get; }

    public int Count { get; }

    public IEnumerable<int> Indexes
    {
        get
        {
            foreach (var range in Ranges)
            {
                for (var i = range.First; i <= range.Last; i++) yield return i;
            }
        }
    }

    /// <summary>Those at some places, counted from 0.</summary>
    public RowSet Slice((int Start, int Count) part)
    {
        var (skip, left) = part;
        var ranges = new List<IndexRange>();
        foreach (var range in Ranges)
        {
            var length = range.Last - range.First + 1;
            if (left > 0 && skip < length)
            {
                var take = Math.Min(left, length - skip);
                ranges.Add(new IndexRange(range.First + skip, range.First + skip + take - 1));
                left -= take;
            }
            skip = Math.Max(0, skip - length);
        }
        return new RowSet(ranges);
    }

    public bool Contains(int index)
    {
        var (low, high) = (0, Ranges.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (index < Ranges[middle].First) high = middle - 1;
            else if (index > Ranges[middle].Last) low = middle + 1;
            else return true;
        }
        return false;
    }
}
