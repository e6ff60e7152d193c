using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>Message numbers or UIDs from First to Last, both included.</summary>
internal readonly record struct NumberRange(uint First, uint Last)
{
    /// <summary>Whether a number lies in one of some ranges that rise without overlap.</summary>
    public static bool Find(List<NumberRange> ranges, uint number)
    {
        var (low, high) = (0, ranges.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (number < ranges[middle].First) high = middle - 1;
            else if (number > ranges[middle].Last) low = middle + 1;
            else return true;
        }
        return false;
    }
}

/// <summary>A sequence-set (RFC 9051 §9) as it was written; the star gets its meaning from the mailbox.</summary>
internal sealed class SequenceSet
{
    private const uint Star = 0;

    private static readonly SequenceSet Saved = new() { IsSaved = true };

    private readonly List<NumberRange> _ranges = [];

    private SequenceSet()
    {
    }

    /// <summary><c>$</c>: the saved result of a SEARCH (RFC 5182 §3).</summary>
    public bool IsSaved { get; private init; }

    public static bool ExpectFrom(ref GrammarReader r, out SequenceSet set)
    {
        set = Saved;
        if (r.TryByte((byte)'$')) return true;
        set = new SequenceSet();
        do
        {
            if (set._ranges.Count == ImapLimits.SequenceRangesMax) return r.Missing($"at most {ImapLimits.SequenceRangesMax} ranges");
            if (!TryNumber(ref r, out var first)) return r.Missing("sequence set");
            var last = first;
            if (r.TryByte((byte)':') && !TryNumber(ref r, out last)) return r.Missing("end of range");
            set._ranges.Add(new NumberRange(first, last));
        }
        while (r.TryByte((byte)','));
        return true;
    }

    /// <summary>One number.</summary>
    public static SequenceSet Of(uint number)
    {
        var set = new SequenceSet();
        set._ranges.Add(new NumberRange(number, number));
        return set;
    }

    /// <summary>A set of what is known, in which a star would mean nothing (RFC 7162 §7).</summary>
    public static bool ExpectKnown(ref GrammarReader r, out SequenceSet set)
    {
        if (!ExpectFrom(ref r, out set)) return false;
        return !set.IsSaved && !set._ranges.Exists(static range => range.First == Star || range.Last == Star) || r.Missing("numbers alone");
    }

    /// <summary>True when a peek says that a set begins here.</summary>
    public static bool BeginsAt(in GrammarReader r) => r.TryPeek(out var b) && (b is (byte)'*' or (byte)'$' || b is >= (byte)'1' and <= (byte)'9');

    /// <summary>The largest number that was written; 0 when there is only a star.</summary>
    public uint LargestWritten
    {
        get
        {
            var largest = 0U;
            foreach (var range in _ranges) largest = Math.Max(largest, Math.Max(range.First, range.Last));
            return largest;
        }
    }

    /// <summary>Rising ranges without overlap, however often the client wrote the same number.</summary>
    /// <param name="star">What <c>*</c> means here; 0 in an empty mailbox, where it means nothing.</param>
    public List<NumberRange> Resolve(uint star)
    {
        var ranges = new List<NumberRange>(_ranges.Count);
        foreach (var (first, last) in _ranges)
        {
            var a = first == Star ? star : first;
            var b = last == Star ? star : last;
            if (a != 0 && b != 0) ranges.Add(a <= b ? new NumberRange(a, b) : new NumberRange(b, a));
        }
        ranges.Sort(static (x, y) => x.First.CompareTo(y.First));
        var kept = 0;
        for (var i = 0; i < ranges.Count; i++)
        {
            var range = ranges[i];
            if (kept > 0 && (ranges[kept - 1].Last == uint.MaxValue || range.First <= ranges[kept - 1].Last + 1))
            {
                if (range.Last > ranges[kept - 1].Last) ranges[kept - 1] = ranges[kept - 1] with { Last = range.Last };
            }
            else
            {
                ranges[kept++] = range;
            }
        }
        ranges.RemoveRange(kept, ranges.Count - kept);
        return ranges;
    }

    // nz-number / "*"
    private static bool TryNumber(ref GrammarReader r, out uint number)
    {
        number = Star;
        if (r.TryByte((byte)'*')) return true;
        var mark = r;
        if (r.TryNumber(uint.MaxValue, out var value) && value > 0)
        {
            number = (uint)value;
            return true;
        }
        r.Restore(mark);
        return false;
    }
}
