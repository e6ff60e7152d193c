using System.Buffers;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>The terminals that all IMAP commands share (RFC 3501 §9, RFC 9051 §9), in the two moods of <see cref="GrammarReader"/>.</summary>
/// <remarks>
/// The text of a command holds its literals in place: <c>{n}</c>, the line end, then n octets. A literal that was staged as a message
/// because it is large has left only a mark, <see cref="StagedMark"/> and its number, which no peer can send: a line with NUL is refused
/// before it is parsed.
/// </remarks>
internal static class ImapGrammar
{
    /// <summary>Stands where a staged literal stood. The octet after it is the literal's number in its command.</summary>
    public const byte StagedMark = 0;

    /// <summary>Longest mailbox name on the wire; names of the store are shorter.</summary>
    public const int MailboxOctetsMax = 4096;

    /// <summary>RFC 8621 §4.1.1: a keyword has at most 255 octets.</summary>
    public const int KeywordOctetsMax = 255;

    /// <summary>ATOM-CHAR: any CHAR but atom-specials, "(" ")" "{" SP CTL, list-wildcards, quoted-specials, resp-specials.</summary>
    public static readonly SearchValues<byte> AtomBytes = SearchValues.Create(Printable("(){ %*\"\\]"));

    private static readonly SearchValues<byte> AstringBytes = SearchValues.Create(Printable("(){ %*\"\\"));

    private static readonly SearchValues<byte> TagBytes = SearchValues.Create(Printable("(){ %*\"\\+"));

    private static readonly SearchValues<byte> ListBytes = SearchValues.Create(Printable("(){ \"\\"));

    // TEXT-CHAR less quoted-specials, and the octets of UTF-8, which RFC 9051 allows in a quoted string.
    private static readonly SearchValues<byte> QuotedBytes = SearchValues.Create(
        [.. Enumerable.Range(1, 127).Where(b => b is not ('"' or '\\' or '\r' or '\n')).Select(b => (byte)b),
         .. Enumerable.Range(128, 128).Select(b => (byte)b)]);

    public static bool ExpectTag(this ref GrammarReader r, out string tag)
    {
        tag = "";
        return r.TryText(TagBytes, ImapLimits.TagOctetsMax, out tag) || r.Missing("tag");
    }

    public static bool TryAtom(this ref GrammarReader r, int max, out string atom) => r.TryText(AtomBytes, max, out atom);

    public static bool ExpectAtom(this ref GrammarReader r, int max, string name, out string atom) =>
        r.TryAtom(max, out atom) || r.Missing(name);

    /// <summary>A keyword that ends where an atom ends: <c>SEEN</c> is not the beginning of <c>SEENTIME</c>.</summary>
    public static bool TryWord(this ref GrammarReader r, scoped ReadOnlySpan<byte> upper)
    {
        var mark = r;
        if (!r.TryKeyword(upper)) return false;
        if (!r.TryPeek(out var next) || !AtomBytes.Contains(next)) return true;
        r.Restore(mark);
        return false;
    }

    /// <summary>quoted or literal, as octets.</summary>
    public static bool TryString(this ref GrammarReader r, int max, out byte[] value) =>
        r.TryQuoted(max, out value) || r.TryLiteral(max, out value);

    public static bool ExpectString(this ref GrammarReader r, int max, string name, out byte[] value) =>
        r.TryString(max, out value) || r.Missing(name);

    /// <summary>astring: atom with "]", or string.</summary>
    public static bool TryAstring(this ref GrammarReader r, int max, out byte[] value)
    {
        if (!r.TryRun(AstringBytes, max, out var run)) return r.TryString(max, out value);
        value = run.ToArray();
        return true;
    }

    public static bool ExpectAstring(this ref GrammarReader r, int max, string name, out byte[] value) =>
        r.TryAstring(max, out value) || r.Missing(name);

    /// <summary>NIL or string; null for NIL.</summary>
    public static bool ExpectNstring(this ref GrammarReader r, int max, string name, out byte[]? value)
    {
        value = null;
        if (r.TryWord("NIL"u8)) return true;
        if (!r.TryString(max, out var some)) return r.Missing(name);
        value = some;
        return true;
    }

    /// <summary>A literal that stands in the text. One that was staged is not read here; see <see cref="TryLiteralRef"/>.</summary>
    public static bool TryLiteral(this ref GrammarReader r, int max, out byte[] value)
    {
        value = [];
        var mark = r;
        if (!r.TryLiteralHead(out var length)) return false;
        if (length > max || r.Unread.Length < length)
        {
            r.Restore(mark);
            return false;
        }
        value = r.Unread.Slice(0, length).ToArray();
        r.Advance(length);
        return true;
    }

    /// <summary>The literal of a message, wherever the command loop has put it.</summary>
    public static bool TryLiteralRef(this ref GrammarReader r, out LiteralRef literal)
    {
        literal = default;
        var mark = r;
        var isBinary = r.TryByte((byte)'~');
        if (r.TryByte(StagedMark))
        {
            if (r.TryPeek(out var number))
            {
                r.Advance(1);
                literal = LiteralRef.Staged(number, isBinary);
                return true;
            }
        }
        else if (r.TryLiteralHead(out var length) && r.Unread.Length >= length)
        {
            literal = LiteralRef.InMemory(r.Unread.Slice(0, length).ToArray(), isBinary);
            r.Advance(length);
            return true;
        }
        r.Restore(mark);
        return false;
    }

    /// <summary>mod-sequence-value and, from 0 on, mod-sequence-valzer (RFC 7162 §7): 63 bits.</summary>
    public static bool ExpectModSeq(this ref GrammarReader r, long min, out ModSeq modSeq)
    {
        modSeq = default;
        var mark = r;
        if (r.TryNumber(long.MaxValue, out var number) && (long)number >= min)
        {
            modSeq = new ModSeq((long)number);
            return true;
        }
        r.Restore(mark);
        return r.Missing("change number");
    }

    /// <summary>A mailbox name of a command: modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 where that was agreed (RFC 9051 §5.1).</summary>
    public static bool ExpectMailbox(this ref GrammarReader r, out MailboxName mailbox)
    {
        mailbox = default;
        if (!r.ExpectAstring(MailboxOctetsMax, "mailbox name", out var octets)) return false;
        mailbox = MailboxName.Decode(octets, r.Utf8);
        return true;
    }

    /// <summary>list-mailbox: a name with wildcards, still encoded.</summary>
    public static bool ExpectListMailbox(this ref GrammarReader r, out byte[] pattern)
    {
        if (!r.TryRun(ListBytes, MailboxOctetsMax, out var run))
            return r.TryString(MailboxOctetsMax, out pattern) || r.Missing("mailbox pattern");
        pattern = run.ToArray();
        return true;
    }

    /// <summary>UTF-8 or ASCII octets as text; false when they are neither.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> octets, out string text)
    {
        text = "";
        if (!System.Text.Unicode.Utf8.IsValid(octets)) return false;
        text = Encoding.UTF8.GetString(octets);
        return true;
    }

    private static bool TryQuoted(this ref GrammarReader r, int max, out byte[] value)
    {
        value = [];
        var mark = r;
        if (!r.TryByte((byte)'"')) return false;
        var octets = new ArrayBufferWriter<byte>();
        while (r.TryPeek(out var b))
        {
            if (b == '"')
            {
                r.Advance(1);
                value = octets.WrittenSpan.ToArray();
                return true;
            }
            if (b == '\\')
            {
                r.Advance(1);
                if (!r.TryPeek(out b) || b is not ((byte)'"' or (byte)'\\')) break;
                octets.Write([b]);
                r.Advance(1);
            }
            else if (r.TryRun(QuotedBytes, max, out var run))
            {
                foreach (var segment in run) octets.Write(segment.Span);
            }
            else
            {
                break;
            }
            if (octets.WrittenCount > max) break;
        }
        r.Restore(mark);
        return false;
    }

    // "{" number ["+"] "}" CRLF; RFC 7888 §3 for the plus.
    private static bool TryLiteralHead(this ref GrammarReader r, out long length)
    {
        length = 0;
        var mark = r;
        if (r.TryByte((byte)'{') && r.TryNumber(long.MaxValue, out var number))
        {
            r.TryByte((byte)'+');
            if (r.TryByte((byte)'}') && r.TryByte((byte)'\r') && r.TryByte((byte)'\n'))
            {
                length = (long)number;
                return true;
            }
        }
        r.Restore(mark);
        return false;
    }

    private static byte[] Printable(string except) =>
        [.. Enumerable.Range(0x21, 0x5E).Where(b => !except.Contains((char)b, StringComparison.Ordinal)).Select(b => (byte)b)];
}
