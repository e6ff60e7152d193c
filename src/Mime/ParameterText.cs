using System.Globalization;
using System.Text;

namespace Posthorn.Mime;

/// <summary>RFC 2231: parameters in pieces, with charsets and percent signs.</summary>
internal static class ParameterText
{
    private const int PiecesMax = MimeLimits.ParametersMax;

    public static string? Decode(ParameterList parameters, string name)
    {
        var plain = default(string);
        var pieces = new SortedDictionary<int, (byte[] Value, bool Extended)>();
        foreach (var parameter in parameters)
        {
            var written = Encoding.ASCII.GetString(parameter.Name);
            if (written == name)
            {
                plain ??= HeaderText.Decode(parameter.Value);
            }
            else if (written.StartsWith(name, StringComparison.Ordinal) && TryPiece(written.AsSpan(name.Length), out var number, out var extended))
            {
                pieces.TryAdd(number, (parameter.Value.ToArray(), extended));
            }
        }
        return pieces.Count > 0 && pieces.ContainsKey(0) ? Join(pieces) : plain;
    }

    // "*" is piece 0 and extended; "*0" and "*0*" say it themselves.
    private static bool TryPiece(ReadOnlySpan<char> suffix, out int number, out bool extended)
    {
        number = 0;
        extended = suffix.Length > 0 && suffix[^1] == '*';
        if (suffix.IsEmpty || suffix[0] != '*') return false;
        if (suffix.Length == 1) return true;
        var digits = extended ? suffix[1..^1] : suffix[1..];
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < PiecesMax;
    }

    private static string Join(SortedDictionary<int, (byte[] Value, bool Extended)> pieces)
    {
        var octets = new List<byte>();
        var charset = "";
        var next = 0;
        foreach (var (number, (value, extended)) in pieces)
        {
            if (number != next++) break;
            ReadOnlySpan<byte> rest = value;
            if (number == 0 && extended) charset = TakeCharset(ref rest);
            if (extended) Unescape(rest, octets);
            else octets.AddRange(rest);
        }
        return Charsets.Decode(octets.ToArray(), charset);
    }

    // charset "'" [language] "'" text
    private static string TakeCharset(ref ReadOnlySpan<byte> value)
    {
        var first = value.IndexOf((byte)'\'');
        if (first < 0) return "";
        var second = value[(first + 1)..].IndexOf((byte)'\'');
        if (second < 0) return "";
        var charset = Encoding.ASCII.GetString(value[..first]);
        value = value[(first + second + 2)..];
        return charset;
    }

    private static void Unescape(ReadOnlySpan<byte> text, List<byte> octets)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length
                && byte.TryParse(text.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var octet))
            {
                octets.Add(octet);
                i += 2;
            }
            else
            {
                octets.Add(text[i]);
            }
        }
    }
}
