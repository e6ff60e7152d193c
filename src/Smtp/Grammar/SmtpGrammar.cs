using System.Buffers;
using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>The elements that SMTP's commands share (RFC 5321 §4.1.2), in the two moods of <see cref="GrammarReader"/>.</summary>
internal static class SmtpGrammar
{
    /// <summary>A source route: domains, each behind an at sign, with commas between them.</summary>
    public static readonly SearchValues<byte> RouteBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.@,"u8);

    /// <summary>xtext (RFC 3461 §4), its hexadecimal form included.</summary>
    public static readonly SearchValues<byte> XtextBytes =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x5E).Where(b => b != '=').Select(b => (byte)b)]);

    /// <summary>xtext and, behind SMTPUTF8, UTF-8 (RFC 6533 §3).</summary>
    public static readonly SearchValues<byte> OriginalBytes =
        SearchValues.Create([.. Enumerable.Range(0x21, 0xDF).Where(b => b is not ('=' or 0x7F)).Select(b => (byte)b)]);

    /// <summary>A date and time (RFC 3339 §5.6).</summary>
    public static readonly SearchValues<byte> DateTimeBytes = SearchValues.Create("0123456789-:.TtZz"u8);

    // Domain or address-literal, and the underscores of hosts that were named in another world.
    private static readonly SearchValues<byte> HelloBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"u8);

    // esmtp-value: any CHAR excluding "=", SP, and control characters.
    private static readonly SearchValues<byte> ValueBytes =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x5E).Where(b => b != '=').Select(b => (byte)b)]);

    /// <summary>The end of a command. RFC 5321 §4.1.1: white space before it is tolerated.</summary>
    public static bool ExpectCommandEnd(this ref GrammarReader r)
    {
        while (r.TrySpace())
        {
        }
        return r.ExpectEnd();
    }

    /// <summary>Whatever else stands in the line: text for people.</summary>
    public static bool ExpectText(this ref GrammarReader r)
    {
        r.Advance(r.Unread.Length);
        return true;
    }

    public static bool ExpectHello(this ref GrammarReader r, out string helo) =>
        r.ExpectText(HelloBytes, SmtpLimits.HelloOctetsMax, "domain", out helo);

    /// <summary>A path in its angle brackets.</summary>
    public static bool ExpectPath(this ref GrammarReader r, string name, out SmtpPath path)
    {
        path = default;
        r.TrySpace(); // RFC 5321 §3.3: it must not stand here, and often does
        var unread = r.Unread;
        if (unread.Length > SmtpLimits.PathOctetsMax) unread = unread.Slice(0, SmtpLimits.PathOctetsMax);
        Span<byte> octets = stackalloc byte[SmtpLimits.PathOctetsMax];
        octets = octets[..(int)unread.Length];
        unread.CopyTo(octets);
        if (octets is not [(byte)'<', ..]) return r.Missing("<");
        var end = EndOfPath(octets);
        if (end < 0) return r.Missing(">");
        if (!SmtpPath.TryParse(octets[1..end], out path)) return r.Missing(name);
        r.Advance(end + 1);
        return true;
    }

    /// <summary>The number behind SIZE=; one that no 64 bits hold is the largest there is.</summary>
    public static bool ExpectSize(this ref GrammarReader r, out long size)
    {
        size = 0;
        if (!r.ExpectText(ByteClass.Digit, SmtpLimits.SizeDigitsMax, "size", out var digits)) return false;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out size)) size = long.MaxValue;
        return true;
    }

    /// <summary>esmtp-value.</summary>
    public static bool ExpectValue(this ref GrammarReader r) =>
        r.ExpectRun(ValueBytes, SmtpLimits.LineOctetsMax, "value", out _);

    /// <summary>esmtp-param, of which only the name matters: nobody here knows it.</summary>
    public static bool ExpectUnknownParameter(this ref GrammarReader r, out string keyword)
    {
        if (!r.ExpectText(ByteClass.LetDigHyphen, SmtpLimits.LineOctetsMax, "parameter", out keyword)) return false;
        if (keyword.Length > SmtpLimits.KeywordOctetsMax) keyword = keyword[..SmtpLimits.KeywordOctetsMax];
        return !r.TryByte((byte)'=') || r.ExpectValue();
    }

    /// <summary>True when another parameter follows; the spaces before it are read.</summary>
    public static bool TryParameter(this ref GrammarReader r)
    {
        var spaces = false;
        while (r.TrySpace()) spaces = true;
        return spaces && !r.End;
    }

    // The first closing bracket that is not quoted.
    private static int EndOfPath(ReadOnlySpan<byte> octets)
    {
        var quoted = false;
        for (var i = 1; i < octets.Length; i++)
        {
            switch (octets[i])
            {
                case (byte)'"':
                    quoted = !quoted;
                    break;
                case (byte)'\\' when quoted:
                    i++;
                    break;
                case (byte)'>' when !quoted:
                    return i;
            }
        }
        return -1;
    }
}
