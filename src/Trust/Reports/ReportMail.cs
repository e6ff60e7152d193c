using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>A report as a message (RFC 7489 §7.2.1.1, RFC 8460 §5.3).</summary>
public static class ReportMail
{
    private const int Base64LineOctets = 57; // 76 characters

    /// <param name="submitter">The name of this server.</param>
    public static byte[] Write(DueReport report, EmailAddress from, EmailAddress to, Domain submitter, DateTimeOffset now)
    {
        var tls = report.Kind == ReportKind.Tls;
        var boundary = $"=_{report.Day:yyyyMMdd}_{report.Packed.Length}_{report.Domain.Ascii.Length}_report";
        var mail = new StringBuilder(report.Packed.Length * 4 / 3 + 2048);
        Line(mail, $"Date: {InternetDate.Format(now)}");
        Line(mail, $"From: {from}");
        Line(mail, $"To: {to}");
        Line(mail, $"Message-ID: <{report.Kind.ToString().ToLowerInvariant()}.{report.Day:yyyyMMdd}.{report.Domain.Ascii}@{submitter.Ascii}>");
        Line(mail, $"Subject: Report Domain: {report.Domain.Ascii}");
        Line(mail, $" Submitter: {submitter.Ascii}");
        Line(mail, $" Report-ID: <{report.ReportId}>");
        Line(mail, "Auto-Submitted: auto-generated"); // RFC 3834 §5
        Line(mail, "MIME-Version: 1.0");
        if (tls)
        {
            Line(mail, $"TLS-Report-Domain: {report.Domain.Ascii}");
            Line(mail, $"TLS-Report-Submitter: {submitter.Ascii}");
            Line(mail, "TLS-Required: No"); // RFC 8689 §3: what is wrong with TLS must not keep the report of it away
            Line(mail, $"Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"{boundary}\"");
        }
        else
        {
            Line(mail, $"Content-Type: multipart/mixed; boundary=\"{boundary}\"");
        }
        Line(mail, "");
        Line(mail, "--" + boundary);
        Line(mail, "Content-Type: text/plain; charset=us-ascii");
        Line(mail, "");
        Line(mail, tls
            ? $"This is an aggregate TLS report of {submitter.Ascii} for {report.Domain.Ascii}."
            : $"This is an aggregate DMARC report of {submitter.Ascii} for {report.Domain.Ascii}.");
        Line(mail, string.Create(CultureInfo.InvariantCulture, $"It is about {report.Day:yyyy-MM-dd} (UTC)."));
        Line(mail, "--" + boundary);
        Line(mail, $"Content-Type: {report.MediaType}; name=\"{report.FileName}\"");
        Line(mail, "Content-Transfer-Encoding: base64");
        Line(mail, $"Content-Disposition: attachment; filename=\"{report.FileName}\"");
        Line(mail, "");
        foreach (var piece in report.Packed.Chunk(Base64LineOctets)) Line(mail, Convert.ToBase64String(piece));
        Line(mail, $"--{boundary}--");
        return Encoding.ASCII.GetBytes(mail.ToString());
    }

    private static void Line(StringBuilder mail, string text) => mail.Append(text).Append("\r\n");
}
