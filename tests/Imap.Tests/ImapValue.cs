using System.Globalization;
using System.Text;

namespace Posthorn.Imap.Tests;

/// <summary>A reply or an expected reply as a tree: words, strings, lists.</summary>
internal sealed record ImapValue(string? Text, List<ImapValue>? List)
{
    /// <summary>A word may be a placeholder, a string never is.</summary>
    public bool IsWord { get; private init; }

    public bool IsLiteral { get; private init; }

    public static List<ImapValue> Parse(string text)
    {
        var at = 0;
        return ParseList(text, ref at, '\0');
    }

    public override string ToString() => List is null ? Text ?? "" : "(" + string.Join(' ', List) + ")";

    private static List<ImapValue> ParseList(string text, ref int at, char end)
    {
        var list = new List<ImapValue>();
        while (at < text.Length)
        {
            var c = text[at];
            if (c == end)
            {
                at++;
                return list;
            }
            if (c == ' ') at++;
            else if (c == '(')
            {
                at++;
                list.Add(new ImapValue(null, ParseList(text, ref at, ')')));
            }
            else if (c == '"') list.Add(ParseQuoted(text, ref at));
            else if ((c == '{' || text.AsSpan(at).StartsWith("~{", StringComparison.Ordinal)) && TryLiteral(text, ref at, out var literal))
                list.Add(literal);
            else list.Add(ParseWord(text, ref at));
        }
        return list;
    }

    private static ImapValue ParseQuoted(string text, ref int at)
    {
        var value = new StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\') at++;
            value.Append(text[at]);
        }
        at++;
        return new ImapValue(value.ToString(), null);
    }

    // "{n}" CRLF and n characters, as both sides write it here
    private static bool TryLiteral(string text, ref int at, out ImapValue literal)
    {
        literal = new ImapValue("", null);
        var open = text[at] == '~' ? at + 1 : at;
        var close = text.IndexOf('}', open);
        if (close < 0 || !int.TryParse(text.AsSpan(open + 1, close - open - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            return false;
        literal = new ImapValue(text.Substring(close + 3, length), null) { IsLiteral = true };
        at = close + 3 + length;
        return true;
    }

    // A word ends at a space or a parenthesis; brackets hold both: BODY[HEADER.FIELDS (FROM)], [UIDNEXT 4].
    private static ImapValue ParseWord(string text, ref int at)
    {
        var start = at;
        var depth = 0;
        while (at < text.Length)
        {
            var c = text[at];
            if (c == '[') depth++;
            if (c == ']') depth--;
            if (depth <= 0 && (c is ' ' or ')' or '(')) break;
            at++;
        }
        return new ImapValue(text[start..at], null) { IsWord = true };
    }
}
