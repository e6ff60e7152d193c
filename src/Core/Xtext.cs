using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Posthorn.Core;

/// <summary>How the values of DSN's parameters are written on the wire: xtext (RFC 3461 §4), and the forms of an address of type utf-8
/// (RFC 6533 §3).</summary>
public static class Xtext
{
    // xchar: any ASCII CHAR between "!" and "~" inclusive, except for "+" and "=".
    private static readonly SearchValues<char> Plain =
        SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(c => (char)c).Where(c => c is not ('+' or '='))]);

    /// <summary>Decodes xtext whose text must be printable ASCII, spaces included (RFC 3461 §4.2, §4.4).</summary>
    public static bool TryDecode(ReadOnlySpan<char> encoded, [NotNullWhen(true)] out string? text)
    {
        text = null;
        var decoded = new StringBuilder(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            var c = encoded[i];
            if (c == '+')
            {
                if (i + 2 >= encoded.Length || !IsUpperHex(encoded[i + 1]) || !IsUpperHex(encoded[i + 2])) return false;
                c = (char)int.Parse(encoded.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                if (c is < ' ' or > '~') return false;
                i += 2;
            }
            else if (!Plain.Contains(c))
            {
                return false;
            }
            decoded.Append(c);
        }
        text = decoded.ToString();
        return true;
    }

    public static string Encode(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(Plain)) return text;
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            if (Plain.Contains((char)octet)) encoded.Append((char)octet);
            else encoded.Append('+').Append(octet.ToString("X2", CultureInfo.InvariantCulture));
        }
        return encoded.ToString();
    }

    /// <summary>Decodes utf-8-addr-xtext or utf-8-addr-unitext: what cannot stand as it is was written <c>\x{HEX}</c>.</summary>
    public static bool TryDecodeUtf8(ReadOnlySpan<char> encoded, [NotNullWhen(true)] out string? text)
    {
        text = null;
        var decoded = new StringBuilder(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] != '\\')
            {
                if (encoded[i] < 0x80 ? !Plain.Contains(encoded[i]) : char.IsControl(encoded[i])) return false;
                decoded.Append(encoded[i]);
                continue;
            }
            var rest = encoded[(i + 1)..];
            var end = rest.IndexOf('}');
            if (end is < 3 or > 8 || !rest.StartsWith("x{", StringComparison.Ordinal)) return false;
            if (!int.TryParse(rest[2..end], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)) return false;
            if (!Rune.TryCreate(value, out var rune) || Rune.IsControl(rune)) return false;
            decoded.Append(rune);
            i += end + 1;
        }
        text = decoded.ToString();
        return true;
    }

    /// <summary>As utf-8-addr-xtext, which is ASCII and needs no SMTPUTF8.</summary>
    public static string EncodeUtf8(string text)
    {
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.IsAscii && rune.Value != '\\' && Plain.Contains((char)rune.Value)) encoded.Append(rune);
            else encoded.Append("\\x{").Append(rune.Value.ToString("X", CultureInfo.InvariantCulture)).Append('}');
        }
        return encoded.ToString();
    }

    private static bool IsUpperHex(char c) => char.IsAsciiHexDigitUpper(c);
}
