using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Keywords of JMAP and flags of the store (RFC 8621 §4.1.1).</summary>
internal static class Keywords
{
    public static readonly (SystemFlags Flag, string Keyword)[] System =
    [
        (SystemFlags.Draft, "$draft"), (SystemFlags.Seen, "$seen"), (SystemFlags.Flagged, "$flagged"), (SystemFlags.Answered, "$answered"),
    ];

    /// <summary>The flag that a keyword stands for; none for a keyword that is one.</summary>
    public static SystemFlags FlagOf(string keyword)
    {
        foreach (var (flag, name) in System)
        {
            if (name.Equals(keyword, StringComparison.OrdinalIgnoreCase)) return flag;
        }
        return SystemFlags.None;
    }
}
