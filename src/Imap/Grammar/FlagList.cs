using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>The flags of a STORE or APPEND (RFC 9051 §2.3.2).</summary>
internal sealed record FlagList(SystemFlags System, IReadOnlyList<string> Keywords)
{
    public static readonly FlagList Empty = new(SystemFlags.None, []);

    /// <summary>"(" [flag *(SP flag)] ")"</summary>
    public static bool ExpectList(ref GrammarReader r, out FlagList flags)
    {
        flags = Empty;
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        if (r.TryByte((byte)')')) return true;
        return ExpectFlags(ref r, out flags) && r.ExpectByte((byte)')', "\")\"");
    }

    /// <summary>flag *(SP flag), as STORE allows without parentheses.</summary>
    public static bool ExpectFlags(ref GrammarReader r, out FlagList flags)
    {
        var system = SystemFlags.None;
        var keywords = new List<string>();
        flags = Empty;
        do
        {
            if (keywords.Count == ImapLimits.FlagsMax) return r.Missing($"at most {ImapLimits.FlagsMax} flags");
            if (!ExpectFlag(ref r, ref system, keywords)) return false;
        }
        while (r.TrySpace());
        flags = new FlagList(system, keywords);
        return true;
    }

    private static bool ExpectFlag(ref GrammarReader r, ref SystemFlags system, List<string> keywords)
    {
        var mark = r;
        if (!r.TryByte((byte)'\\'))
        {
            if (!r.TryAtom(ImapGrammar.KeywordOctetsMax, out var keyword)) return r.Missing("flag");
            keywords.Add(keyword);
            return true;
        }
        if (!r.TryAtom(32, out var name)) return r.Missing("flag");
        var flag = name.ToUpperInvariant() switch
        {
            "SEEN" => SystemFlags.Seen,
            "ANSWERED" => SystemFlags.Answered,
            "FLAGGED" => SystemFlags.Flagged,
            "DRAFT" => SystemFlags.Draft,
            "DELETED" => SystemFlags.Deleted,
            _ => SystemFlags.None,
        };
        // Clients that copy flags send \Recent along; nobody can set it (RFC 3501 §2.3.2).
        if (flag == SystemFlags.None && !name.Equals("RECENT", StringComparison.OrdinalIgnoreCase))
        {
            r.Restore(mark);
            return r.Missing("flag");
        }
        system |= flag;
        return true;
    }
}
