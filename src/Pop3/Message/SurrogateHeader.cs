using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>The header of a message with octets beyond ASCII, written anew for a client that takes none (RFC 6858 §2).</summary>
internal static class SurrogateHeader
{
    // RFC 2047 §2: 75 characters at most; "=?unknown-8bit?B?" and "?=" leave room for 42 octets.
    private const int WordOctetsMax = 42;

    private static readonly string[] AddressFields =
    [
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc",
    ];

    /// <summary>Octets of the header, the empty line behind it included; all of them when it does not end here.</summary>
    public static int LengthOf(ReadOnlySpan<byte> message)
    {
        var at = 0;
        while (at < message.Length)
        {
            var end = message[at..].IndexOf((byte)'\n');
            if (end < 0) return message.Length;
            var line = message.Slice(at, end);
            at += end + 1;
            if (line is [] or [(byte)'\r']) return at;
        }
        return at;
    }

    public static void Write(ReadOnlySpan<byte> header, IBufferWriter<byte> output)
    {
        var w = new WireWriter(output);
        while (!header.IsEmpty)
        {
            var field = header[..FieldLength(header)];
            header = header[field.Length..];
            if (Ascii.IsValid(field)) w.Raw(field);
            else WriteField(ref w, field);
        }
        w.Commit();
    }

    // A line and those behind it that begin with white space.
    private static int FieldLength(ReadOnlySpan<byte> header)
    {
        var at = 0;
        do
        {
            var end = header[at..].IndexOf((byte)'\n');
            if (end < 0) return header.Length;
            at += end + 1;
        }
        while (at < header.Length && header[at] is (byte)' ' or (byte)'\t');
        return at;
    }

    private static void WriteField(ref WireWriter w, ReadOnlySpan<byte> field)
    {
        var colon = field.IndexOf((byte)':');
        if (colon <= 0 || !Ascii.IsValid(field[..colon])) return;
        var name = Encoding.ASCII.GetString(field[..colon]).TrimEnd();
        var value = Unfolded(field[(colon + 1)..]);
        if (name.Equals("Subject", StringComparison.OrdinalIgnoreCase)) // §2.3
        {
            Begin(ref w, name);
            WriteText(ref w, value);
            w.CrLf();
        }
        else if (AddressFields.Contains(name, StringComparer.OrdinalIgnoreCase)) // §2.1
        {
            Begin(ref w, name);
            WriteAddresses(ref w, value);
            w.CrLf();
        }
        else if (name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)) // §2.2
        {
            WriteParameters(ref w, name, value);
        }
        // §2.4: what remains is left out.
    }

    private static void Begin(ref WireWriter w, string name)
    {
        w.Text(name);
        w.Byte((byte)':');
    }

    private static byte[] Unfolded(ReadOnlySpan<byte> value)
    {
        var octets = new byte[value.Length];
        var length = 0;
        foreach (var b in value)
        {
            if (b is not ((byte)'\r' or (byte)'\n')) octets[length++] = b == '\t' ? (byte)' ' : b;
        }
        return octets.AsSpan(0, length).Trim((byte)' ').ToArray();
    }

    // The words from the first that is not ASCII to the last such are encoded, with the spaces between them; the others stay.
    private static void WriteText(ref WireWriter w, ReadOnlySpan<byte> value)
    {
        var first = value[..value.IndexOfAnyExceptInRange((byte)0, (byte)0x7F)].LastIndexOf((byte)' ') + 1;
        var last = value.LastIndexOfAnyExceptInRange((byte)0, (byte)0x7F);
        var space = value[last..].IndexOf((byte)' ');
        var end = space < 0 ? value.Length : last + space;
        var before = value[..first].TrimEnd((byte)' ');
        if (!before.IsEmpty)
        {
            w.Space();
            w.Raw(before);
        }
        WriteWords(ref w, value[first..end]);
        if (end == value.Length) return;
        w.Raw("\r\n"u8);
        w.Raw(value[end..]);
    }

    // Each word behind a space; each but the first on a line of its own.
    private static void WriteWords(ref WireWriter w, ReadOnlySpan<byte> text)
    {
        var isUtf8 = Utf8.IsValid(text);
        for (var first = true; !text.IsEmpty; first = false)
        {
            var length = Math.Min(WordOctetsMax, text.Length);
            while (isUtf8 && length < text.Length && (text[length] & 0xC0) == 0x80) length--; // RFC 2047 §5: no character is cut
            if (!first) w.CrLf();
            w.Raw(isUtf8 ? " =?utf-8?B?"u8 : " =?unknown-8bit?B?"u8); // RFC 1428 §3
            w.Base64(text[..length]);
            w.Raw("?="u8);
            text = text[length..];
        }
    }

    // Mailboxes and groups between commas; a group's name ends with its colon, a group with its semicolon.
    private static void WriteAddresses(ref WireWriter w, ReadOnlySpan<byte> value)
    {
        for (var first = true; !value.IsEmpty; first = false)
        {
            var end = Outside(value, ",:;"u8);
            var part = end < 0 ? value : value[..end];
            if (!first) w.CrLf();
            WriteMailbox(ref w, part.Trim((byte)' '));
            if (end < 0) return;
            w.Byte(value[end]);
            value = value[(end + 1)..];
        }
    }

    private static void WriteMailbox(ref WireWriter w, ReadOnlySpan<byte> mailbox)
    {
        if (Ascii.IsValid(mailbox))
        {
            w.Space();
            w.Raw(mailbox);
            return;
        }
        var angle = Outside(mailbox, "<"u8);
        var name = angle < 0 ? default : mailbox[..angle].Trim((byte)' ');
        var address = angle < 0 ? mailbox : mailbox[angle..];
        var isInternational = !Ascii.IsValid(address);
        if (angle < 0 && !mailbox.Contains((byte)'@'))
        {
            name = mailbox; // of a group
            isInternational = false;
        }
        if (!Ascii.IsValid(name)) WriteWords(ref w, Unquoted(name));
        else if (!name.IsEmpty)
        {
            w.Space();
            w.Raw(name);
        }
        else if (isInternational)
        {
            WriteWords(ref w, address.Trim("<>"u8));
        }
        if (isInternational) w.Raw(" <invalid@internationalized-address.invalid>"u8);
        else if (angle >= 0)
        {
            w.Space();
            w.Raw(address);
        }
    }

    private static void WriteParameters(ref WireWriter w, string name, ReadOnlySpan<byte> value)
    {
        for (var first = true; !value.IsEmpty; first = false)
        {
            var end = Outside(value, ";"u8);
            var part = (end < 0 ? value : value[..end]).Trim((byte)' ');
            if (first && !Ascii.IsValid(part)) return; // the field says nothing without its value
            if (first) Begin(ref w, name);
            if (Ascii.IsValid(part) && (first || !part.IsEmpty))
            {
                w.Raw(first ? " "u8 : ";\r\n "u8);
                w.Raw(part);
            }
            value = end < 0 ? default : value[(end + 1)..];
        }
        w.CrLf();
    }

    // The first of these octets that stands neither in quotes nor in a comment nor in angle brackets; -1 when there is none.
    private static int Outside(ReadOnlySpan<byte> value, ReadOnlySpan<byte> wanted)
    {
        var (quoted, comments, angle) = (false, 0, false);
        for (var i = 0; i < value.Length; i++)
        {
            if (!quoted && comments == 0 && !angle && wanted.Contains(value[i])) return i;
            switch (value[i])
            {
                case (byte)'\\' when quoted || comments > 0:
                    i++;
                    break;
                case (byte)'"' when comments == 0:
                    quoted = !quoted;
                    break;
                case (byte)'(' when !quoted:
                    comments++;
                    break;
                case (byte)')' when !quoted && comments > 0:
                    comments--;
                    break;
                case (byte)'<' when !quoted && comments == 0:
                    angle = true;
                    break;
                case (byte)'>' when !quoted && comments == 0:
                    angle = false;
                    break;
            }
        }
        return -1;
    }

    private static byte[] Unquoted(ReadOnlySpan<byte> phrase)
    {
        var octets = new byte[phrase.Length];
        var length = 0;
        for (var i = 0; i < phrase.Length; i++)
        {
            if (phrase[i] == '"') continue;
            if (phrase[i] == '\\' && i + 1 < phrase.Length) i++;
            octets[length++] = phrase[i];
        }
        return octets[..length];
    }
}
