using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>Reads the machine's part of a feedback report (RFC 5965 §3) and the header of the message that it is about.</summary>
internal static class FeedbackReportReader
{
    private const int ListMax = 100;

    /// <param name="fields">The decoded content of message/feedback-report.</param>
    /// <param name="original">The original message or its header; empty when the report has neither.</param>
    public static bool TryRead(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> original, out FeedbackReport? report, out ReportFault? fault)
    {
        (report, fault) = (null, null);
        try
        {
            ReportText.RequireUtf8(fields, ReportLimits.BadOctetsMax);
            report = WithOriginal(Read(fields), original);
            return true;
        }
        catch (ReportFaultException refused)
        {
            fault = refused.Fault;
            return false;
        }
    }

    private static FeedbackReport Read(ReadOnlySpan<byte> fields)
    {
        var report = new FeedbackReport("");
        List<string> recipients = [], domains = [];
        foreach (var field in HeaderFields.Of(fields))
        {
            if (field.Is("feedback-type"u8)) report = report with { FeedbackType = Text(field).ToLowerInvariant() };
            else if (field.Is("user-agent"u8)) report = report with { UserAgent = OrNull(field) };
            else if (field.Is("original-mail-from"u8)) report = report with { OriginalMailFrom = Path(field) };
            else if (field.Is("original-rcpt-to"u8)) Add(recipients, Path(field));
            else if (field.Is("reported-domain"u8)) Add(domains, ReportText.Domain(Text(field)));
            else if (field.Is("arrival-date"u8) || field.Is("received-date"u8)) report = report with { ArrivedAt = Date(field) };
            else if (field.Is("source-ip"u8)) report = report with { Source = ReportText.Address(Text(field), "Source-IP") };
            else if (field.Is("incidents"u8)) report = report with { Incidents = ReportText.Count(Text(field), "Incidents") };
            else if (field.Is("auth-failure"u8)) report = report with { AuthFailure = OrNull(field)?.ToLowerInvariant() };
            else if (field.Is("delivery-result"u8)) report = report with { DeliveryResult = OrNull(field)?.ToLowerInvariant() };
            else if (field.Is("authentication-results"u8)) report = report with { AuthenticationResults = OrNull(field) };
            else if (field.Is("dkim-domain"u8)) report = report with { DkimDomain = ReportText.OrNull(ReportText.Domain(Text(field))) };
            else if (field.Is("dkim-selector"u8)) report = report with { DkimSelector = OrNull(field) };
        }
        return report.FeedbackType.Length > 0
            ? report with { OriginalRcptTo = recipients, ReportedDomains = domains }
            : throw ReportText.Missing("Feedback-Type"); // RFC 5965 §3.1
    }

    private static FeedbackReport WithOriginal(FeedbackReport report, ReadOnlySpan<byte> original)
    {
        foreach (var field in HeaderFields.Of(original))
        {
            if (field.Is("from"u8)) report = report with { OriginalFrom = report.OriginalFrom ?? OrNull(HeaderText.Decode(field.Value)) };
            else if (field.Is("subject"u8)) report = report with { Subject = report.Subject ?? OrNull(HeaderText.Decode(field.Value)) };
            else if (field.Is("message-id"u8)) report = report with { MessageId = report.MessageId ?? OrNull(field)?.Trim('<', '>') };
        }
        return report;
    }

    private static string Text(HeaderField field)
    {
        var value = field.Value;
        return ReportText.OneLine(Encoding.UTF8.GetString(value[..Math.Min(value.Length, ReportLimits.ValueCharsMax * 4)]));
    }

    private static string? OrNull(HeaderField field) => ReportText.OrNull(Text(field));

    private static string? OrNull(string text) => ReportText.OrNull(ReportText.OneLine(text));

    private static string? Path(HeaderField field) => ReportText.OrNull(Text(field).Trim('<', '>'));

    private static DateTimeOffset? Date(HeaderField field) =>
        InternetDate.TryParse(Encoding.ASCII.GetBytes(Text(field)), out var at) ? at : null;

    private static void Add(List<string> list, string? value)
    {
        if (value is { Length: > 0 } && list.Count < ListMax) list.Add(value);
    }
}
