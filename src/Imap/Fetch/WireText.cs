using System.Buffers;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Imap;

/// <summary>The strings of a reply (RFC 3501 §9): quoted when they can be, literals when they must be.</summary>
internal static class WireText
{
    /// <summary>Longest string that is sent quoted; beyond it a literal spares the client the unquoting.</summary>
    private const int QuotedOctetsMax = 1024;

    // TEXT-CHAR less quoted-specials.
    private static readonly SearchValues<byte> Plain = SearchValues.Create(
        [.. Enumerable.Range(0x20, 0x5F).Where(b => b is not ('"' or '\\')).Select(b => (byte)b)]);

    private static readonly SearchValues<byte> Quotable = SearchValues.Create([.. Enumerable.Range(0x20, 0x5F).Select(b => (byte)b)]);

    public static void Nil(this ref WireWriter w) => w.Raw("NIL"u8);

    /// <summary>nstring of a stored value.</summary>
    public static void NString(this ref WireWriter w, scoped PackedText text)
    {
        if (text.IsNil) w.Nil();
        else w.String(text.Octets);
    }

    /// <summary>quoted or literal.</summary>
    public static void String(this ref WireWriter w, scoped ReadOnlySpan<byte> octets)
    {
        if (octets.Length <= QuotedOctetsMax)
        {
            if (!octets.ContainsAnyExcept(Plain))
            {
                w.Byte((byte)'"');
                w.Raw(octets);
                w.Byte((byte)'"');
                return;
            }
            if (!octets.ContainsAnyExcept(Quotable))
            {
                w.Escaped(octets);
                return;
            }
        }
        w.LiteralHead(octets.Length);
        w.Raw(octets);
    }

    /// <summary>string, or literal8 where an octet is zero (RFC 3516 §4.3).</summary>
    public static void String8(this ref WireWriter w, scoped ReadOnlySpan<byte> octets)
    {
        if (octets.Contains((byte)0)) w.Byte((byte)'~');
        w.String(octets);
    }

    /// <summary>An upper-case word in quotes, as media types are shown.</summary>
    public static void UpperString(this ref WireWriter w, scoped ReadOnlySpan<byte> octets)
    {
        Span<byte> upper = stackalloc byte[128];
        if (octets.Length > upper.Length || octets.ContainsAnyExcept(Plain))
        {
            w.String(octets);
            return;
        }
        for (var i = 0; i < octets.Length; i++) upper[i] = ByteClass.Upper(octets[i]);
        w.Byte((byte)'"');
        w.Raw(upper[..octets.Length]);
        w.Byte((byte)'"');
    }

    /// <summary>An atom where it may be one, else a string.</summary>
    public static void Astring(this ref WireWriter w, scoped ReadOnlySpan<byte> octets)
    {
        // NIL as an atom would read as no string at all where the grammar has nstring.
        if (octets.IsEmpty || octets.ContainsAnyExcept(ImapGrammar.AtomBytes) || System.Text.Ascii.EqualsIgnoreCase(octets, "NIL"u8))
            w.String(octets);
        else w.Raw(octets);
    }

    /// <summary>A mailbox name: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 where that was agreed (RFC 9051 §5.1).</summary>
    public static void Mailbox(this ref WireWriter w, string path, bool utf8)
    {
        var octets = utf8 ? System.Text.Encoding.UTF8.GetBytes(path) : ModifiedUtf7.Encode(path);
        // RFC 6855 §3: a quoted string may hold UTF-8; names have no line ends (RFC 5198 §2).
        if (utf8 && !System.Text.Ascii.IsValid(octets)) w.Escaped(octets);
        else w.Astring(octets);
    }

    public static void LiteralHead(this ref WireWriter w, long octets)
    {
        w.Byte((byte)'{');
        w.Number(octets);
        w.Raw("}\r\n"u8);
    }

    private static void Escaped(this ref WireWriter w, scoped ReadOnlySpan<byte> octets)
    {
        w.Byte((byte)'"');
        foreach (var b in octets)
        {
            if (b is (byte)'"' or (byte)'\\') w.Byte((byte)'\\');
            w.Byte(b);
        }
        w.Byte((byte)'"');
    }
}
