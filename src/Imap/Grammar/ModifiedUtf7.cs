using System.Buffers;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>RFC 3501 §5.1.3: how IMAP4rev1 writes a mailbox name that is not ASCII. There is exactly one encoding of each name.</summary>
internal static class ModifiedUtf7
{
    private const string Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

    /// <summary>False when the octets are not the one encoding of a name: 8-bit, an unfinished shift, ASCII inside base64.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, out string name)
    {
        name = "";
        var text = new StringBuilder(encoded.Length);
        while (!encoded.IsEmpty)
        {
            var b = encoded[0];
            if (b is < 0x20 or > 0x7E) return false;
            if (b != '&')
            {
                text.Append((char)b);
                encoded = encoded[1..];
                continue;
            }
            var end = encoded.IndexOf((byte)'-');
            if (end < 0) return false;
            var shifted = encoded[1..end];
            if (shifted.IsEmpty) text.Append('&');
            else if (!TryShifted(shifted, text)) return false;
            encoded = encoded[(end + 1)..];
            // A shift that follows a shift without need is not how RFC 3501 writes it.
            if (!shifted.IsEmpty && encoded.Length > 1 && encoded[0] == '&' && encoded[1] != '-') return false;
        }
        name = text.ToString();
        return true;
    }

    /// <summary>The encoding, in ASCII.</summary>
    public static byte[] Encode(string name)
    {
        var output = new ArrayBufferWriter<byte>(name.Length + 8);
        for (var i = 0; i < name.Length;)
        {
            var c = name[i];
            if (c is >= ' ' and <= '~')
            {
                output.Write(c == '&' ? "&-"u8 : [(byte)c]);
                i++;
                continue;
            }
            var start = i;
            while (i < name.Length && name[i] is not (>= ' ' and <= '~')) i++;
            Shift(name.AsSpan(start, i - start), output);
        }
        return output.WrittenSpan.ToArray();
    }

    private static void Shift(ReadOnlySpan<char> text, ArrayBufferWriter<byte> output)
    {
        output.Write("&"u8);
        var bits = 0;
        var held = 0;
        foreach (var c in text)
        {
            bits = (bits << 16) | c;
            held += 16;
            while (held >= 6)
            {
                held -= 6;
                output.Write([(byte)Digits[(bits >> held) & 0x3F]]);
            }
            bits &= (1 << held) - 1;
        }
        if (held > 0) output.Write([(byte)Digits[(bits << (6 - held)) & 0x3F]]);
        output.Write("-"u8);
    }

    private static bool TryShifted(ReadOnlySpan<byte> digits, StringBuilder text)
    {
        var bits = 0;
        var held = 0;
        var start = text.Length;
        foreach (var digit in digits)
        {
            var value = Digits.IndexOf((char)digit, StringComparison.Ordinal);
            if (value < 0) return false;
            bits = (bits << 6) | value;
            held += 6;
            if (held < 16) continue;
            held -= 16;
            var c = (char)(bits >> held);
            bits &= (1 << held) - 1;
            if (c is >= ' ' and <= '~') return false;
            text.Append(c);
        }
        // Fewer than six bits of padding, all zero, and no surrogate alone.
        return held < 6 && bits == 0 && text.Length > start && IsWellFormed(text, start);
    }

    private static bool IsWellFormed(StringBuilder text, int start)
    {
        for (var i = start; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsHighSurrogate(text[i]) || ++i == text.Length || !char.IsLowSurrogate(text[i])) return false;
        }
        return true;
    }
}

/// <summary>A mailbox name as a command gave it.</summary>
/// <param name="Path">As the store knows it; what the client wrote, letter for letter, when that was no encoding of a name.</param>
/// <param name="IsWellFormed">False for what no mailbox can be created as.</param>
internal readonly record struct MailboxName(string Path, bool IsWellFormed)
{
    public const char Delimiter = '/';

    /// <summary>The name may end in a delimiter (RFC 3501 §6.3.3: "names under it will be created"); the store's do not.</summary>
    public static MailboxName Decode(ReadOnlySpan<byte> octets, bool utf8)
    {
        if (octets.Length > 1 && octets[^1] == Delimiter) octets = octets[..^1];
        return TryDecode(octets, utf8, out var name)
            ? new MailboxName(WithInbox(UnicodeForm.Compose(name)), true)
            : new MailboxName(Encoding.Latin1.GetString(octets), false);
    }

    public static bool TryDecode(ReadOnlySpan<byte> octets, bool utf8, out string name) =>
        utf8 ? ImapGrammar.TryDecode(octets, out name) : ModifiedUtf7.TryDecode(octets, out name);

    /// <summary>RFC 3501 §5.1: INBOX is one name in any case, and so is the first level of the names below it.</summary>
    public static string WithInbox(string path) =>
        path.StartsWith("INBOX", StringComparison.OrdinalIgnoreCase) && (path.Length == 5 || path[5] == Delimiter)
            ? string.Concat("INBOX", path.AsSpan(5)) : path;

    public override string ToString() => Path;
}
