namespace Posthorn.Imap;

/// <summary>A pattern of LIST: <c>*</c> matches everything, <c>%</c> everything but the delimiter (RFC 9051 §6.3.9).</summary>
/// <remarks>Matching takes at most pattern times name steps, whatever wildcards stand in it.</remarks>
internal sealed class ListPattern
{
    private readonly string _pattern;
    private readonly string _folded;

    public ListPattern(string text)
    {
        _pattern = Simplify(text);
        _folded = _pattern.ToUpperInvariant();
    }

    /// <summary>The name INBOX is matched without regard to case (RFC 9051 §5.1).</summary>
    public bool Matches(string name) => Matches(_pattern, name) || (name == "INBOX" && Matches(_folded, name));

    // Several wildcards in a row are the widest of them.
    private static string Simplify(string text)
    {
        var kept = new System.Text.StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c is '*' or '%' && kept.Length > 0 && kept[^1] is '*' or '%')
            {
                if (c == '*') kept[^1] = '*';
                continue;
            }
            kept.Append(c);
        }
        return kept.ToString();
    }

    // reached[i]: the first i characters of the pattern match what was read of the name.
    private static bool Matches(string pattern, string name)
    {
        Span<bool> reached = pattern.Length < 512 ? stackalloc bool[pattern.Length + 1] : new bool[pattern.Length + 1];
        reached.Clear();
        reached[0] = true;
        Spread(pattern, reached);
        foreach (var c in name)
        {
            var any = false;
            for (var i = pattern.Length; i > 0; i--)
            {
                var p = pattern[i - 1];
                reached[i] = p switch
                {
                    '*' => reached[i] || reached[i - 1],
                    '%' => (reached[i] || reached[i - 1]) && c != MailboxName.Delimiter,
                    _ => reached[i - 1] && p == c,
                };
                any |= reached[i];
            }
            reached[0] = false;
            if (!any) return false;
            Spread(pattern, reached);
        }
        return reached[pattern.Length];
    }

    // A wildcard also matches nothing.
    private static void Spread(string pattern, Span<bool> reached)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (reached[i] && pattern[i] is '*' or '%') reached[i + 1] |= reached[i];
        }
    }
}
