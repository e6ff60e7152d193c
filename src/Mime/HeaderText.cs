using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace Posthorn.Mime;

/// <summary>Header values as text for people and for SEARCH: encoded words (RFC 2047) and extended parameters (RFC 2231) decoded.</summary>
public static class HeaderText
{
    // The decoder looks ahead from each "=?": a value is given to it in pieces, so that a long one costs no square.
    private const int PieceOctets = 4 * 1024;

    private static readonly ParserOptions Options = MakeOptions();

    /// <summary>
    /// The text of an unstructured value. Adjacent encoded words of one charset are joined before they are decoded, since many senders cut
    /// inside a character; undeclared 8-bit octets are UTF-8, or what they look like.
    /// </summary>
    /// <param name="raw">The value as it stands in the message; folded or not.</param>
    public static string Decode(ReadOnlySpan<byte> raw) => Decode(raw, new CharsetGuesses());

    /// <summary>The text of a display name, where encoded words may stand beside quoted strings.</summary>
    public static string DecodePhrase(ReadOnlySpan<byte> raw) => Decode(raw);

    /// <summary>A parameter's text: RFC 2231 continuations and charsets, else encoded words where they do not belong, else the plain value.</summary>
    /// <param name="parameters">Of a part.</param>
    /// <param name="name">In lower case, without asterisks: <c>filename</c>.</param>
    public static string? DecodeParameter(ParameterList parameters, string name) => ParameterText.Decode(parameters, name);

    /// <summary>As above, within the guesses of the message that the value is of.</summary>
    internal static string Decode(ReadOnlySpan<byte> raw, CharsetGuesses guesses)
    {
        var value = HeaderValue.Unfold(raw, MimeLimits.HeaderFieldOctetsMax);
        if (value.AsSpan().IndexOf("=?"u8) < 0) return guesses.For(value).GetString(value);
        if (value.Length <= PieceOctets) return Rfc2047.DecodeText(OptionsFor(value, guesses), value);
        var text = new StringBuilder(value.Length);
        for (ReadOnlySpan<byte> rest = value; !rest.IsEmpty;)
        {
            var cut = rest.Length <= PieceOctets ? rest.Length : rest[..PieceOctets].LastIndexOf((byte)' ') + 1;
            if (cut == 0) cut = PieceOctets;
            var piece = rest[..cut].ToArray();
            text.Append(Rfc2047.DecodeText(OptionsFor(piece, guesses), piece));
            rest = rest[cut..];
        }
        return text.ToString();
    }

    private static ParserOptions OptionsFor(ReadOnlySpan<byte> value, CharsetGuesses guesses)
    {
        var encoding = guesses.For(value);
        if (encoding == Encoding.UTF8) return Options;
        var options = Options.Clone();
        options.CharsetEncoding = encoding;
        return options;
    }

    private static ParserOptions MakeOptions()
    {
        Charsets.Register();
        var options = ParserOptions.Default.Clone();
        options.CharsetEncoding = Encoding.UTF8;
        return options;
    }
}
