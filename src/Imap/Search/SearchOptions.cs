using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>What an extended SEARCH or SORT returns (RFC 4731 §3.1, RFC 5182 §2.1, RFC 5267 §4, RFC 9394 §3.1).</summary>
[Flags]
internal enum SearchReturn : byte
{
    /// <summary>The plain SEARCH response, where the client knows no other.</summary>
    None = 0,
    Min = 1,
    Max = 2,
    All = 4,
    Count = 8,
    Save = 16,

    /// <summary>A hint that the same will be asked again; the index needs none.</summary>
    Context = 32,

    Update = 64,
    Partial = 128,
}

/// <summary>Which of the results PARTIAL returns: counted from 1, or from the last one backwards.</summary>
internal readonly record struct PartialRange(uint First, uint Last, bool FromEnd)
{
    /// <summary>nz-number ":" nz-number, both with a minus or none (RFC 9394 §3.1).</summary>
    public static bool ExpectFrom(ref GrammarReader r, out PartialRange range)
    {
        range = default;
        var fromEnd = r.TryByte((byte)'-');
        if (!(r.ExpectNumber(uint.MaxValue, "first result", out var first) && r.ExpectByte((byte)':', "\":\""))) return false;
        if (fromEnd && !r.ExpectByte((byte)'-', "\"-\"")) return false;
        if (!r.ExpectNumber(uint.MaxValue, "last result", out var last)) return false;
        if (first == 0 || last == 0) return r.Missing("results counted from 1");
        range = new PartialRange((uint)first, (uint)last, fromEnd);
        return true;
    }

    /// <summary>The part of so many results, as the place of the first and how many they are.</summary>
    public (int Start, int Count) Of(int results)
    {
        var (low, high) = (Math.Min(First, Last), (int)Math.Min(Math.Max(First, Last), (uint)results));
        if (low > high) return (0, 0);
        var count = high - (int)low + 1;
        return FromEnd ? (results - high, count) : ((int)low - 1, count);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(FromEnd ? "-" : "")}{First}:{(FromEnd ? "-" : "")}{Last}");
}

/// <summary>The RETURN part of a search (RFC 4466 §2.6.1).</summary>
internal sealed record SearchOptions(SearchReturn Return, PartialRange Partial)
{
    public static readonly SearchOptions None = new(SearchReturn.None, default);

    public static readonly SearchOptions All = new(SearchReturn.All, default);

    /// <summary>["RETURN (" [search-return-opt *(SP search-return-opt)] ")" SP]</summary>
    public static bool ExpectFrom(ref GrammarReader r, out SearchOptions options)
    {
        options = None;
        if (!r.TryKeyword("RETURN ("u8)) return true;
        options = All; // RFC 4731 §3.1: without an option it is ALL
        if (r.TryByte((byte)')')) return r.ExpectSpace();
        options = None;
        do
        {
            var mark = r;
            if (!r.ExpectAtom(32, "return option", out var name)) return false;
            var option = Read(name);
            if (option == SearchReturn.None)
            {
                r.Restore(mark);
                return r.Missing("known return option");
            }
            options = options with { Return = options.Return | option };
            if (option == SearchReturn.Update && r.TryKeyword(" ("u8))
            {
                r.Restore(mark);
                if (!(r.ExpectAtom(32, "return option", out _) && r.ExpectSpace() && FetchGrammar.ExpectRequest(ref r, out var fetch))) return false;
                options = options with { Fetch = fetch };
            }
            if (option != SearchReturn.Partial) continue;
            if (!(r.ExpectSpace() && PartialRange.ExpectFrom(ref r, out var range))) return false;
            options = options with { Partial = range };
        }
        while (r.TrySpace());
        // RFC 5267 §4.4
        if (options.Has(SearchReturn.Partial) && options.Has(SearchReturn.All)) return r.Missing("either ALL or PARTIAL");
        return r.ExpectByte((byte)')', "\")\"") && r.ExpectSpace();
    }

    /// <summary>What is told of each message that becomes part of a result that is followed (RFC 5465 §7).</summary>
    public FetchRequest? Fetch { get; init; }

    public bool Has(SearchReturn option) => (Return & option) != 0;

    /// <summary>Which of the results, in their order, SAVE keeps (RFC 5182 §2.4, RFC 9394 §3.1).</summary>
    public IEnumerable<int> Saved(List<int> found)
    {
        var part = Return & (SearchReturn.Min | SearchReturn.Max | SearchReturn.Partial);
        if (part == SearchReturn.None || Has(SearchReturn.All | SearchReturn.Count)) return found;
        return Told(found).Distinct();
    }

    /// <summary>The results that are named, or that are counted, and whose largest change number is told (RFC 4731 §3.2).</summary>
    public IEnumerable<int> Told(List<int> found)
    {
        if (Return == SearchReturn.None || Has(SearchReturn.All | SearchReturn.Count)) return found;
        var told = new List<int>();
        if (found.Count == 0) return told;
        if (Has(SearchReturn.Min)) told.Add(found[0]);
        if (Has(SearchReturn.Max)) told.Add(found[^1]);
        if (Has(SearchReturn.Partial))
        {
            var (start, count) = Partial.Of(found.Count);
            told.AddRange(found.GetRange(start, count));
        }
        return told;
    }

    private static SearchReturn Read(string name) => name.ToUpperInvariant() switch
    {
        "MIN" => SearchReturn.Min,
        "MAX" => SearchReturn.Max,
        "ALL" => SearchReturn.All,
        "COUNT" => SearchReturn.Count,
        "SAVE" => SearchReturn.Save,
        "CONTEXT" => SearchReturn.Context,
        "UPDATE" => SearchReturn.Update,
        "PARTIAL" => SearchReturn.Partial,
        _ => SearchReturn.None,
    };
}
