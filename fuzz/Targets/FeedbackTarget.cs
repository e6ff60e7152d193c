using Posthorn.Mime;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>Messages at a report address: which part is the report, and the fields of a feedback report.</summary>
/// <remarks>Oracles: one outcome; values are one line and bounded; the fields alone read as they do in the message.</remarks>
internal sealed class FeedbackTarget : Target
{
    public override string Name => "feedback";

    public override (long Fixed, long PerOctet) Memory => (96 * 1024 * 1024, 64 * 1024);

    public override IReadOnlyList<string> Words { get; } =
    [
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n", "\r\n--b\r\n", "\r\n--b--\r\n",
        "Content-Type: message/feedback-report\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n", "Content-Type: text/rfc822-headers\r\n\r\n",
        "Content-Type: text/xml\r\n\r\n", "Content-Type: application/gzip\r\n", "Content-Type: application/octet-stream; name=r.xml\r\n\r\n",
        "Content-Transfer-Encoding: base64\r\n\r\n", "Feedback-Type: abuse\r\n", "User-Agent: x\r\n", "Original-Mail-From: <a@b.test>\r\n",
        "Original-Rcpt-To: <c@d.test>\r\n", "Reported-Domain: b.test\r\n", "Arrival-Date: Tue, 30 Apr 2019 02:09:00 +0000\r\n",
        "Source-IP: 192.0.2.1\r\n", "Incidents: 3\r\n", "Auth-Failure: dmarc\r\n", "Delivery-Result: reject\r\n", "Authentication-Results: x\r\n",
        "DKIM-Domain: b.test\r\n", "DKIM-Selector: s\r\n", "From: a@b.test\r\n", "Subject: =?utf-8?Q?x?=\r\n", "Message-ID: <1@b.test>\r\n", "\r\n",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Trust/Reports/FeedbackReportReader.cs"), new("src/Trust/Reports/IncomingReport.cs"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var found = IncomingReport.Read(input.Span, MessageReader.Read(input).Structure);
        if (found is IncomingReport.Feedback { Report: var report }) Check(report);
        if (FeedbackReportReader.TryRead(input.Span, default, out var alone, out var fault)) Check(alone!);
        else Oracle.Holds(fault!.Detail.Length is > 0 and < 200, "a fault is one line");
    }

    private static void Check(FeedbackReport report)
    {
        string?[] values =
        [
            report.FeedbackType, report.UserAgent, report.OriginalMailFrom, report.Source, report.AuthFailure, report.DeliveryResult,
            report.AuthenticationResults, report.DkimDomain, report.DkimSelector, report.OriginalFrom, report.Subject, report.MessageId,
            .. report.OriginalRcptTo, .. report.ReportedDomains,
        ];
        foreach (var value in values.OfType<string>())
        {
            Oracle.Holds(value.Length <= 1000 && !value.Any(char.IsControl), "a value is one line and bounded");
        }
        Oracle.Holds(report.FeedbackType.Length > 0, "a feedback report has a type");
        Oracle.Holds(report.Incidents >= 0, "incidents are counted");
    }
}
