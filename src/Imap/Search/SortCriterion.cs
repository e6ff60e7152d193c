using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>What SORT looks at (RFC 5256 §3, RFC 5957 §4).</summary>
internal enum SortField : byte
{
    Arrival,
    Size,
    Date,
    Subject,
    From,
    To,
    Cc,
    DisplayFrom,
    DisplayTo,
}

/// <summary>One criterion of a SORT.</summary>
internal readonly record struct SortCriterion(SortField Field, bool Reverse)
{
    /// <summary>"(" ["REVERSE" SP] sort-key *(SP …) ")"</summary>
    public static bool ExpectAll(ref GrammarReader r, out List<SortCriterion> criteria)
    {
        criteria = [];
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        do
        {
            if (criteria.Count == ImapLimits.SortCriteriaMax) return r.Missing($"at most {ImapLimits.SortCriteriaMax} sort criteria");
            var reverse = r.TryKeyword("REVERSE "u8);
            var mark = r;
            if (!r.ExpectAtom(32, "sort criterion", out var name)) return false;
            if (Read(name) is not { } field)
            {
                r.Restore(mark);
                return r.Missing("sort criterion");
            }
            criteria.Add(new SortCriterion(field, reverse));
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    private static SortField? Read(string name) => name.ToUpperInvariant() switch
    {
        "ARRIVAL" => SortField.Arrival,
        "SIZE" => SortField.Size,
        "DATE" => SortField.Date,
        "SUBJECT" => SortField.Subject,
        "FROM" => SortField.From,
        "TO" => SortField.To,
        "CC" => SortField.Cc,
        "DISPLAYFROM" => SortField.DisplayFrom,
        "DISPLAYTO" => SortField.DisplayTo,
        _ => null,
    };
}
