using System.Buffers;

namespace Posthorn.Mime;

/// <summary>Structured header values as octets: unfolding, tokens and parameters, lenient and linear.</summary>
internal static class HeaderValue
{
    private static readonly SearchValues<byte> LineOctets = SearchValues.Create("\r\n\0"u8);
    private static readonly SearchValues<byte> TokenEnd = SearchValues.Create(" \t\";()=,<>"u8);

    /// <summary>The value without line breaks, without NUL and without white space around it.</summary>
    public static byte[] Unfold(ReadOnlySpan<byte> raw, int octetsMax)
    {
        raw = Trim(raw);
        if (raw.Length > octetsMax) raw = raw[..octetsMax];
        if (raw.IndexOfAny(LineOctets) < 0) return raw.ToArray();
        var value = new byte[raw.Length];
        var length = 0;
        for (var i = 0; i < raw.Length; i++)
        {
            var b = raw[i];
            if (b is (byte)'\n' or 0) continue;
            if (b == '\r')
            {
                if (i + 1 < raw.Length && raw[i + 1] != '\n') value[length++] = (byte)' '; // a bare CR ends nothing
                continue;
            }
            value[length++] = b;
        }
        return value.AsSpan(0, length).ToArray();
    }

    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> value) => value.Trim(" \t\r\n\0"u8);

    /// <summary>The first token of an unfolded value, in lower case: <c>attachment</c>, <c>base64</c>. Comments before it are skipped.</summary>
    public static byte[] Token(ReadOnlySpan<byte> value, out ReadOnlySpan<byte> rest)
    {
        value = SkipSpace(value);
        if (!value.IsEmpty && value[0] == '"') return Lower(Quoted(value, out rest));
        var end = value.IndexOfAny(TokenEnd);
        if (end < 0) end = value.Length;
        rest = value[end..];
        return Lower(value[..end]);
    }

    /// <summary>The parameters after the first semicolon: names in lower case, values unquoted.</summary>
    public static List<KeyValuePair<byte[], byte[]>> Parameters(ReadOnlySpan<byte> value)
    {
        var found = new List<KeyValuePair<byte[], byte[]>>();
        while (found.Count < MimeLimits.ParametersMax && SkipToSemicolon(ref value))
        {
            value = SkipSpace(value);
            var end = value.IndexOfAny(TokenEnd);
            if (end <= 0) continue;
            var name = value[..end];
            value = SkipSpace(value[end..]);
            if (value.IsEmpty || value[0] != '=') continue;
            value = SkipSpace(value[1..]);
            found.Add(new(Lower(name), Cut(ParameterValue(ref value))));
        }
        return found;
    }

    /// <summary>Comma-separated tags of Content-Language.</summary>
    public static List<byte[]> Tags(ReadOnlySpan<byte> value)
    {
        var found = new List<byte[]>();
        while (!value.IsEmpty && found.Count < MimeLimits.ParametersMax)
        {
            var comma = value.IndexOf((byte)',');
            var tag = SkipSpace(comma < 0 ? value : value[..comma]).Trim(" \t"u8);
            var end = tag.IndexOfAny((byte)'(', (byte)' ', (byte)'\t');
            if (end > 0) tag = tag[..end];
            if (!tag.IsEmpty) found.Add(Cut(tag));
            value = comma < 0 ? default : value[(comma + 1)..];
        }
        return found;
    }

    /// <summary>White space and comments (RFC 5322 §3.2.2). An unclosed comment is everything.</summary>
    public static ReadOnlySpan<byte> SkipSpace(ReadOnlySpan<byte> value)
    {
        while (!value.IsEmpty)
        {
            if (value[0] is (byte)' ' or (byte)'\t') value = value[1..];
            else if (value[0] == '(') value = value[CommentLength(value)..];
            else break;
        }
        return value;
    }

    /// <summary>Octets of the comment at the start of a value, with its parentheses; all of the value when it does not close.</summary>
    public static int CommentLength(ReadOnlySpan<byte> value)
    {
        var depth = 0;
        for (var i = 0; i < value.Length; i++)
        {
            switch (value[i])
            {
                case (byte)'\\': i++; break;
                case (byte)'(': depth++; break;
                case (byte)')' when --depth == 0: return i + 1;
            }
        }
        return value.Length;
    }

    public static byte[] Lower(ReadOnlySpan<byte> value)
    {
        var lower = Cut(value);
        System.Text.Ascii.ToLowerInPlace(lower, out _);
        return lower;
    }

    private static byte[] Cut(ReadOnlySpan<byte> value) =>
        value[..Math.Min(value.Length, MimeLimits.StructureValueOctetsMax)].ToArray();

    private static ReadOnlySpan<byte> ParameterValue(ref ReadOnlySpan<byte> value)
    {
        if (!value.IsEmpty && value[0] == '"') return Quoted(value, out value);
        // Unquoted file names with spaces are common enough: the value goes on to the semicolon.
        var end = value.IndexOf((byte)';');
        var text = end < 0 ? value : value[..end];
        value = end < 0 ? default : value[end..];
        var comment = text.IndexOf(" ("u8);
        return (comment < 0 ? text : text[..comment]).TrimEnd(" \t"u8);
    }

    // A quoted-string; one that does not close ends with the value.
    private static ReadOnlySpan<byte> Quoted(ReadOnlySpan<byte> value, out ReadOnlySpan<byte> rest)
    {
        var plain = value[1..].IndexOfAny((byte)'"', (byte)'\\');
        if (plain >= 0 && value[plain + 1] == '"')
        {
            rest = value[(plain + 2)..];
            return value.Slice(1, plain);
        }
        var text = new byte[value.Length];
        var length = 0;
        var i = 1;
        for (; i < value.Length && value[i] != '"'; i++)
        {
            if (value[i] == '\\' && i + 1 < value.Length) i++;
            text[length++] = value[i];
        }
        rest = i < value.Length ? value[(i + 1)..] : default;
        return text.AsSpan(0, length);
    }

    private static bool SkipToSemicolon(ref ReadOnlySpan<byte> value)
    {
        while (!value.IsEmpty)
        {
            var at = value.IndexOfAny((byte)';', (byte)'"', (byte)'(');
            if (at < 0) break;
            value = value[at..];
            switch (value[0])
            {
                case (byte)';':
                    value = value[1..];
                    return true;
                case (byte)'(':
                    value = value[CommentLength(value)..];
                    break;
                default:
                    _ = Quoted(value, out value);
                    break;
            }
        }
        value = default;
        return false;
    }
}
