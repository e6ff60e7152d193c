using System.Collections.Frozen;
using System.Xml;

namespace Posthorn.Trust;

/// <summary>
/// Whether an image is of the profile for marks (draft-svg-tiny-ps-abrotman §2): SVG Tiny 1.2 that is drawn and nothing else. It is shown in
/// mail programs, so what runs, moves, or fetches something is refused, and so is what nobody knows.
/// </summary>
internal static class SvgProfile
{
    private const string Svg = "http://www.w3.org/2000/svg";
    private const int DepthMax = 64;

    private static readonly FrozenSet<string> Elements = FrozenSet.Create(
        StringComparer.Ordinal,
        "svg", "title", "desc", "defs", "g", "use", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "solidColor",
        "linearGradient", "radialGradient", "stop", "text", "textArea", "tspan", "tbreak");

    /// <returns>Null when it is one, else what is wrong with it, in one line.</returns>
    public static string? Fault(byte[] image)
    {
        if (image.Length > TrustLimits.IndicatorOctetsMax) return "the image is too large";
        try
        {
            using var stream = new MemoryStream(image, writable: false);
            using var xml = XmlReader.Create(stream, new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                MaxCharactersInDocument = TrustLimits.IndicatorOctetsMax,
            });
            return Read(xml);
        }
        catch (XmlException)
        {
            return "the image is no SVG";
        }
    }

    private static string? Read(XmlReader xml)
    {
        var titled = false;
        while (xml.Read())
        {
            if (xml.NodeType == XmlNodeType.ProcessingInstruction) return "the image has a processing instruction";
            if (xml.NodeType != XmlNodeType.Element) continue;
            if (xml.Depth > DepthMax) return "the image is nested too deeply";
            if (xml.NamespaceURI != Svg || !Elements.Contains(xml.LocalName)) return $"the image has an element {Shown(xml.LocalName)}";
            if (xml.Depth == 0 && Root(xml) is { } fault) return fault;
            titled |= xml.Depth == 1 && xml.LocalName == "title";
            while (xml.MoveToNextAttribute())
            {
                if (Attribute(xml) is { } wrong) return wrong;
            }
        }
        return titled ? null : "the image has no title";
    }

    private static string? Root(XmlReader xml) =>
        xml.LocalName != "svg" ? "the image is no SVG"
        : xml.GetAttribute("version") != "1.2" || xml.GetAttribute("baseProfile") != "tiny-ps" ? "the image is not of version 1.2 and profile tiny-ps"
        : null;

    private static string? Attribute(XmlReader xml)
    {
        if (xml.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase)) return "the image has a handler of events";
        if (xml is { Prefix: "xml", LocalName: "base" }) return "the image has a base address";
        if (xml.LocalName == "href" && !xml.Value.StartsWith('#')) return "the image refers to something outside of it";
        for (var at = 0; (at = xml.Value.IndexOf("url(", at, StringComparison.OrdinalIgnoreCase)) >= 0;)
        {
            at += 4;
            if (!xml.Value.AsSpan(at).TrimStart(" \t\r\n'\"").StartsWith('#')) return "the image refers to something outside of it";
        }
        return null;
    }

    private static string Shown(string name) => ReportText.OneLine(name.Length > 40 ? name[..40] : name);
}
