using System.Globalization;
using System.Text;

namespace Posthorn.Trust;

/// <summary>Writes an aggregate report (RFC 9990, which readers of RFC 7489 appendix C understand).</summary>
internal static class AggregateReportWriter
{
    private const string Namespace = "urn:ietf:params:xml:ns:dmarc-2.0";

    public static byte[] Write(AggregateReport report)
    {
        var xml = new StringBuilder(1024 + (report.Records.Count * 512));
        xml.Append("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"").Append(Namespace).Append("\">\n<version>1.0</version>\n");
        xml.Append("<report_metadata>\n");
        Value(xml, "org_name", report.Organization);
        Value(xml, "email", report.Contact);
        Value(xml, "extra_contact_info", report.ExtraContact);
        Value(xml, "report_id", report.ReportId);
        xml.Append("<date_range>\n");
        Value(xml, "begin", Number(report.Begins.ToUnixTimeSeconds()));
        Value(xml, "end", Number(report.Ends.ToUnixTimeSeconds()));
        xml.Append("</date_range>\n");
        Value(xml, "generator", report.Generator);
        xml.Append("</report_metadata>\n");
        Write(xml, report.Policy);
        foreach (var record in report.Records) Write(xml, record);
        return Encoding.UTF8.GetBytes(xml.Append("</feedback>\n").ToString());
    }

    private static void Write(StringBuilder xml, PublishedPolicy policy)
    {
        xml.Append("<policy_published>\n");
        Value(xml, "domain", policy.Domain);
        Value(xml, "adkim", policy.Adkim);
        Value(xml, "aspf", policy.Aspf);
        Value(xml, "p", policy.P);
        Value(xml, "sp", policy.Sp);
        Value(xml, "np", policy.Np);
        Value(xml, "pct", policy.Pct);
        Value(xml, "fo", policy.Fo);
        Value(xml, "testing", policy.Testing);
        Value(xml, "discovery_method", policy.DiscoveryMethod);
        xml.Append("</policy_published>\n");
    }

    private static void Write(StringBuilder xml, AggregateRecord record)
    {
        xml.Append("<record>\n<row>\n");
        Value(xml, "source_ip", record.Source);
        Value(xml, "count", Number(record.Count));
        xml.Append("<policy_evaluated>\n");
        Value(xml, "disposition", record.Disposition.ToString().ToLowerInvariant());
        Value(xml, "dkim", record.Dkim ? "pass" : "fail");
        Value(xml, "spf", record.Spf ? "pass" : "fail");
        foreach (var reason in record.Reasons)
        {
            xml.Append("<reason>\n");
            Value(xml, "type", reason.Type);
            Value(xml, "comment", reason.Comment);
            xml.Append("</reason>\n");
        }
        xml.Append("</policy_evaluated>\n</row>\n<identifiers>\n");
        Value(xml, "envelope_to", record.EnvelopeTo);
        Value(xml, "envelope_from", record.EnvelopeFrom);
        Value(xml, "header_from", record.HeaderFrom);
        xml.Append("</identifiers>\n<auth_results>\n");
        foreach (var dkim in record.DkimResults)
        {
            xml.Append("<dkim>\n");
            Value(xml, "domain", dkim.Domain);
            Value(xml, "selector", dkim.Selector);
            Value(xml, "result", dkim.Result);
            xml.Append("</dkim>\n");
        }
        foreach (var spf in record.SpfResults)
        {
            xml.Append("<spf>\n");
            Value(xml, "domain", spf.Domain);
            Value(xml, "scope", spf.Scope);
            Value(xml, "result", spf.Result);
            xml.Append("</spf>\n");
        }
        xml.Append("</auth_results>\n</record>\n");
    }

    private static void Value(StringBuilder xml, string name, string? value)
    {
        if (value is null) return;
        xml.Append('<').Append(name).Append('>');
        foreach (var c in value)
        {
            switch (c)
            {
                case '<': xml.Append("&lt;"); break;
                case '>': xml.Append("&gt;"); break;
                case '&': xml.Append("&amp;"); break;
                default: xml.Append(c); break;
            }
        }
        xml.Append("</").Append(name).Append(">\n");
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
