using System.Text;
using System.Xml;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>Files of reports: XML or JSON, plain, in gzip or in a ZIP archive.</summary>
/// <remarks>
/// Oracles: a report is read, refused with a named reason, or there is none; what is written of a report reads to the same; what the framework's
/// XML reader takes, ours takes too, with the same elements and texts.
/// </remarks>
internal sealed class ReportTarget : Target
{
    public override string Name => "report";

    public override int OctetsMax => 8 * 1024;

    // A page of zeros is what the smallest bomb unpacks to.
    public override (long Fixed, long PerOctet) Memory => (96 * 1024 * 1024, 64 * 1024);

    public override IReadOnlyList<string> Words { get; } =
    [
        "<feedback>", "</feedback>", "<report_metadata>", "</report_metadata>", "<policy_published>", "</policy_published>", "<record>", "</record>",
        "<row>", "</row>", "</row >",
        "<row >", "<identifiers>", "</identifiers>", "<auth_results>", "</auth_results>", "<policy_evaluated>", "</policy_evaluated>",
        "<date_range>", "</date_range>", "<reason>", "</reason>", "<dkim>", "</dkim>", "<spf>", "</spf>", "<source_ip>192.0.2.1</source_ip>",
        "<count>1</count>", "<org_name>x</org_name>", "<report_id>1</report_id>", "<begin>1</begin>", "<end>2</end>", "<domain>a.test</domain>",
        "<header_from>a.test</header_from>", "<p>none</p>", "<result>pass</result>", "<x:", "/>", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>",
        "<!DOCTYPE", "&lt;", "&amp;", "&#60;", "&#x41;", "&e;", " a=\"b\"", " a='b'", "\u00EF\u00BB\u00BF", "\u00C3\u00A9", "\u00FF",
        "{\"organization-name\":\"x\",", "\"report-id\":\"1\",", "\"date-range\":{", "\"start-datetime\":\"2026-01-01T00:00:00Z\"",
        "\"end-datetime\":\"2026-01-02T00:00:00Z\"", "\"policies\":[{", "\"policy\":{", "\"policy-type\":\"sts\"", "\"policy-domain\":\"a.test\"",
        "\"summary\":{", "\"total-successful-session-count\":1", "\"failure-details\":[{", "\"result-type\":\"x\"", "\"failed-session-count\":1",
        "\"policy-string\":[", "\"mx-host\":", "}", "]", "\\uD800", "PK\u0003\u0004", "PK\u0001\u0002", "PK\u0005\u0006", "\u001F\u008B\b",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Trust/Reports/XmlScanner.cs"), new("src/Trust/Reports/AggregateReportReader.cs"), new("src/Trust/Reports/TlsReportReader.cs"),
        new("src/Trust/Reports/ReportPackage.cs"), new("src/Trust/Reports/ReportText.cs"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        switch (IncomingReport.File(input.ToArray()))
        {
            case IncomingReport.Refused { Fault: var fault }:
                Oracle.Holds(fault.Detail.Length is > 0 and < 200 && !fault.Detail.Any(char.IsControl), "a fault is one line");
                Oracle.Holds(fault.Name.Length > 0, "a fault has a name");
                break;
            case IncomingReport.Aggregate { Report: var report }:
                Check(report);
                break;
            case IncomingReport.Tls { Report: var report }:
                Check(report);
                break;
        }
        CompareXml(input.Span);
    }

    private static void Check(AggregateReport report)
    {
        var written = AggregateReportWriter.Write(report);
        Oracle.Holds(AggregateReportReader.TryRead(written, out var again, out _), "a report that is written reads");
        Oracle.Same(Encoding.UTF8.GetString(written), Encoding.UTF8.GetString(AggregateReportWriter.Write(again!)), "a report reads to the same");
        Oracle.Holds(report.Ends >= report.Begins, "a report ends after it begins");
    }

    private static void Check(TlsReport report)
    {
        var written = TlsReportWriter.Write(report);
        Oracle.Holds(TlsReportReader.TryRead(written, out var again, out _), "a report that is written reads");
        Oracle.Same(Encoding.UTF8.GetString(written), Encoding.UTF8.GetString(TlsReportWriter.Write(again!)), "a report reads to the same");
        Oracle.Holds(report.Policies.Count > 0, "a TLS report has policies");
    }

    private static void CompareXml(ReadOnlySpan<byte> input)
    {
        if (Reference(Encoding.UTF8.GetString(input)) is not { } expected) return;
        var actual = new StringBuilder();
        try
        {
            var xml = new XmlScanner(input);
            while (xml.Read())
            {
                if (xml.Token == XmlToken.Start) actual.Append('<').Append(Encoding.UTF8.GetString(xml.Name)).Append('>');
                else if (xml.Token == XmlToken.End) actual.Append("</>");
            }
        }
        catch (ReportFaultException fault) when (fault.Fault.Kind is ReportFaultKind.TooDeep)
        {
            return;
        }
        Oracle.Same(expected, actual.ToString(), "elements are those of the framework's reader");
    }

    // Null when the framework does not take it.
    private static string? Reference(string text)
    {
        var elements = new StringBuilder();
        try
        {
            using var source = new StringReader(text.TrimStart('\uFEFF'));
            using var reader = new XmlTextReader(source) { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, Namespaces = false };
            while (reader.Read())
            {
                if (reader.NodeType == XmlNodeType.Element)
                {
                    elements.Append('<').Append(reader.Name[(reader.Name.IndexOf(':', StringComparison.Ordinal) + 1)..]).Append('>');
                    if (reader.IsEmptyElement) elements.Append("</>");
                }
                else if (reader.NodeType == XmlNodeType.EndElement)
                {
                    elements.Append("</>");
                }
            }
            return elements.ToString();
        }
        catch (XmlException)
        {
            return null;
        }
    }
}
