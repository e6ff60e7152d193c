using System.Text;

namespace Posthorn.Mime;

/// <summary>The first words of a message (in the spirit of RFC 8970): its text part, or else the text of its HTML.</summary>
internal static class Preview
{
    public static string Of(PartDraft root)
    {
        var html = "";
        var plain = "";
        Search(root, ref plain, ref html);
        return plain.Length > 0 ? plain : html;
    }

    private static void Search(PartDraft part, ref string plain, ref string html)
    {
        if (part.Text is { Length: > 0 } text)
        {
            if (part.Subtype == "html")
            {
                if (html.Length == 0) html = Read(part, text);
            }
            else if (plain.Length == 0)
            {
                plain = Read(part, text);
            }
        }
        if (part.Kind == PartKind.Message) return;
        foreach (var child in part.Children)
        {
            if (plain.Length > 0) return;
            Search(child, ref plain, ref html);
        }
    }

    private static string Read(PartDraft part, Capture text)
    {
        var octets = text.Bytes;
        byte[]? decoded = null;
        if (TransferEncoding.Decoder(part.Encoding) is { } decoder)
        {
            decoded = new byte[decoder.EstimateOutputLength(octets.Length)];
            octets = decoded.AsSpan(0, decoder.Decode(octets.ToArray(), 0, octets.Length, decoded));
        }
        var collector = new TextCollector(MimeLimits.PreviewCharsMax);
        if (part.Subtype != "html") octets = octets[..Math.Min(octets.Length, 4 * MimeLimits.PreviewCharsMax)];
        var chars = Charsets.Decode(octets, Charset(part));
        if (part.Subtype == "html")
        {
            var html = new HtmlText(collector);
            html.Add(chars);
            html.End();
        }
        else
        {
            collector.Add(WithoutCutCharacter(chars));
        }
        return collector.ToString();
    }

    // The captured octets may end inside a character.
    private static ReadOnlySpan<char> WithoutCutCharacter(string chars) => chars.AsSpan().TrimEnd('\uFFFD');

    private static string Charset(PartDraft part)
    {
        if (part.ContentType is null) return "";
        foreach (var (name, value) in HeaderValue.Parameters(part.ContentType))
        {
            if (name.AsSpan().SequenceEqual("charset"u8)) return Encoding.ASCII.GetString(value);
        }
        return "";
    }
}
