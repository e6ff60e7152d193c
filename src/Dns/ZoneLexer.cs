using System.Globalization;
using System.Text;

namespace Posthorn.Dns;

/// <summary>What is wrong with a master file, and where.</summary>
/// <param name="Line">From 1.</param>
internal readonly record struct ZoneFault(int Line, string Reason)
{
    public override string ToString() => $"line {Line}: {Reason}";
}

/// <summary>One item of an entry: a word, or a quoted string without its quotes. Escapes are still in it.</summary>
internal readonly record struct ZoneToken(string Text, bool Quoted, int Line);

/// <summary>Cuts a master file into entries: lines, joined where parentheses are open, without comments (RFC 1035 §5.1).</summary>
internal sealed class ZoneLexer(string text)
{
    private int _at;
    private int _line = 1;

    /// <summary>The items of the entry that was read last.</summary>
    public List<ZoneToken> Tokens { get; } = [];

    /// <summary>The entry began with white space: its owner is that of the entry before.</summary>
    public bool OwnerOmitted { get; private set; }

    public ZoneFault? Fault { get; private set; }

    /// <summary>False at the end of the text or at a fault.</summary>
    public bool NextEntry()
    {
        Tokens.Clear();
        while (Tokens.Count == 0 && _at < text.Length && Fault is null) ReadEntry();
        return Fault is null && Tokens.Count > 0;
    }

    /// <summary>Resolves <c>\X</c> and <c>\DDD</c>; null when an escape is none.</summary>
    public static string? Unescape(string raw)
    {
        if (!raw.Contains('\\', StringComparison.Ordinal)) return raw;
        var octets = new List<byte>(raw.Length);
        for (var i = 0; i < raw.Length;)
        {
            if (raw[i] != '\\' || (i + 1 < raw.Length && !char.IsAsciiDigit(raw[i + 1])))
            {
                var start = raw[i] == '\\' ? i + 1 : i; // what a backslash protects stands for itself, as all up to the next one
                var end = raw.IndexOf('\\', start + 1);
                i = end < 0 ? raw.Length : end;
                octets.AddRange(Encoding.UTF8.GetBytes(raw[start..i]));
            }
            else if (i + 4 <= raw.Length && byte.TryParse(raw.AsSpan(i + 1, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var octet))
            {
                octets.Add(octet);
                i += 4;
            }
            else
            {
                return null;
            }
        }
        return Encoding.UTF8.GetString([.. octets]);
    }

    private void ReadEntry()
    {
        OwnerOmitted = text[_at] is ' ' or '\t';
        var open = 0;
        while (_at < text.Length && Fault is null)
        {
            var c = text[_at];
            switch (c)
            {
                case '\n':
                    _at++;
                    _line++;
                    if (open == 0) return;
                    break;
                case ' ' or '\t' or '\r':
                    _at++;
                    break;
                case ';':
                    SkipComment();
                    break;
                case '(':
                    open = _line;
                    _at++;
                    break;
                case ')':
                    if (open == 0) Fault = new(_line, "')' without '('");
                    open = 0;
                    _at++;
                    break;
                case '"':
                    ReadQuoted();
                    break;
                default:
                    ReadWord();
                    break;
            }
        }
        if (open > 0 && Fault is null) Fault = new(open, "'(' is never closed");
    }

    private void SkipComment()
    {
        while (_at < text.Length && text[_at] != '\n') _at++;
    }

    private void ReadQuoted()
    {
        var start = ++_at;
        for (; _at < text.Length && text[_at] != '\n'; _at++)
        {
            if (text[_at] == '"')
            {
                Tokens.Add(new(text[start.._at++], true, _line));
                return;
            }
            if (text[_at] == '\\' && _at + 1 < text.Length && text[_at + 1] != '\n') _at++;
        }
        Fault = new(_line, "a quoted string is never closed");
    }

    private void ReadWord()
    {
        var start = _at;
        while (_at < text.Length && !" \t\r\n;()\"".Contains(text[_at], StringComparison.Ordinal))
        {
            _at += text[_at] == '\\' && _at + 1 < text.Length && text[_at + 1] != '\n' ? 2 : 1;
        }
        Tokens.Add(new(text[start.._at], false, _line));
    }
}
