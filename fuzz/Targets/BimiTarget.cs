using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>What domains publish about their marks: records, selectors, images, certificates.</summary>
/// <remarks>Oracles: places are https ones; an image that is taken has, in the framework's tree of it, nothing that fetches or runs.</remarks>
internal sealed class BimiTarget : Target
{
    private static readonly X509Certificate2Collection NoRoots = [];
    private static readonly string[] Names = ["a.test"];

    public override string Name => "bimi";

    public override IReadOnlyList<string> Words { get; } =
    [
        "v=BIMI1; ", "v=BIMI1;", "l=", "a=", "s=", "https://a.test/x.svg", "https://a.test/x.pem", "http://", ":443", ":22", "me@", "127.0.0.1", ";",
        "BIMI-Selector: ", "brand", "\r\n", "default", "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.2\" baseProfile=\"tiny-ps\">",
        "</svg>", "<title>", "</title>", "<g>", "</g>", "<path d=\"\"/>", "<use href=\"#a\"/>", " href=\"", " xlink:href=\"",
        " xmlns:xlink=\"http://www.w3.org/1999/xlink\"", " fill=\"url(#a)\"", "url(", "#", " onload=\"", "<script/>", "<image/>", "<!DOCTYPE",
        "<?x y?>", " xml:base=\"", "\"", "&lt;", "&#35;", "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
        "data:image/svg+xml;base64,", "\u0030\u0003", "\u00A2\u0003", "\u00A0\u0003", "\u001F\u008B\b",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } = [new("src/Trust/Bimi/BimiRecord.cs"), new("src/Trust/Bimi/SvgProfile.cs")];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        if (BimiRecord.TryParse(text, out var record))
        {
            Check(record.Location);
            Check(record.Authority);
            var written = Write(record);
            if (written.Count(static c => c == ';') == 2 && written.Length < 4000)
            {
                Oracle.Same(written, BimiRecord.Of([written]) is { } again ? Write(again) : "", "a record that is written reads to the same");
            }
        }
        var selector = BimiRecord.SelectorOf(input.Span);
        Oracle.Holds(selector.Length is > 0 and <= 63 && !selector.Contains('.', StringComparison.Ordinal), "a selector is one label");
        var image = input.ToArray();
        if (SvgProfile.Fault(image) is null) CheckImage(image);
        MarkCertificate.TryVerify(image, Names, NoRoots, DateTimeOffset.UnixEpoch, out var mark, out var fault);
        Oracle.Holds(mark is null && fault!.Length > 0, "nobody is trusted here");
        try
        {
            MarkCertificate.ImageOf(image);
        }
        catch (AsnContentException)
        {
            // Whoever asks says that it cannot be read.
        }
    }

    private static string Write(BimiRecord record) => $"v=BIMI1; l={record.Location?.AbsoluteUri}; a={record.Authority?.AbsoluteUri}";

    private static void Check(Uri? place) =>
        Oracle.Holds(place is null or { Scheme: "https", Port: 443, UserInfo: "" }, "a place is an https one");

    private static void CheckImage(byte[] image)
    {
        using var reader = XmlReader.Create(new MemoryStream(image), new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
        var root = XDocument.Load(reader).Root!;
        Oracle.Holds(root.Attribute("baseProfile")?.Value == "tiny-ps", "the root names the profile");
        foreach (var element in root.DescendantsAndSelf())
        {
            Oracle.Holds(element.Name.NamespaceName == "http://www.w3.org/2000/svg", "all elements are of SVG");
            var name = element.Name.LocalName;
            Oracle.Holds(name is not ("script" or "image" or "a" or "animate" or "foreignObject" or "style"), "nothing runs or moves");
            foreach (var attribute in element.Attributes().Where(static one => !one.IsNamespaceDeclaration))
            {
                Oracle.Holds(attribute.Name.LocalName != "href" || attribute.Value.StartsWith('#'), "links stay inside");
                Oracle.Holds(!attribute.Name.LocalName.StartsWith("on", StringComparison.OrdinalIgnoreCase), "no event is handled");
                Oracle.Holds(!attribute.Value.Contains("url(h", StringComparison.OrdinalIgnoreCase), "nothing is fetched");
            }
        }
    }
}
