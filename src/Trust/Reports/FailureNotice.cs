using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>One message in a domain's name that failed, which the domain wants to hear of (RFC 7489 §7.3, RFC 6591).</summary>
/// <param name="Domain">Where the policy was found.</param>
/// <param name="Destinations">The <c>ruf</c> tag.</param>
/// <param name="Fields">Those of the machine's part, each with its line end.</param>
/// <param name="Header">What of the message's header says nothing of its recipients.</param>
public sealed record FailureNotice(Domain Domain, string Destinations, string Fields, string Header)
{
    // RFC 6591 §3.1 wants the whole header, and §5.1 knows that this tells a stranger who got what: no recipient stands in these.
    private static readonly string[] Shown =
    [
        "from", "sender", "reply-to", "subject", "date", "message-id", "dkim-signature", "mime-version", "content-type", "list-id", "user-agent",
        "x-mailer",
    ];

    /// <summary>Whom and what it is about: one is enough of those that are the same.</summary>
    public required string Cause { get; init; }

    /// <summary>Null when the author's domain does not want to hear of it.</summary>
    /// <param name="mailFrom">The reverse-path; empty for the null path, which nobody is told of.</param>
    /// <param name="header">The message, or its header.</param>
    public static FailureNotice? Of(
        MailVerdicts verdicts, IPAddress client, string mailFrom, Disposition disposition, ReadOnlySpan<byte> header, Domain reporter,
        DateTimeOffset now)
    {
        if (verdicts.Dmarc is not { Record: { FailureUris.Count: > 0 } record } dmarc || mailFrom.Length == 0) return null;
        if (!IsAsked(record, dmarc, verdicts) || !Domain.TryParse(dmarc.PolicyDomain, out var domain)) return null;
        var source = client.Unmapped().ToString();
        var fields = FieldsOf(verdicts, dmarc, source, mailFrom, disposition, reporter, now);
        return new FailureNotice(domain, string.Join(',', record.FailureUris), fields, HeaderOf(header))
        {
            Cause = $"{domain.Ascii} {source} {dmarc.Domain}",
        };
    }

    // RFC 7489 §6.3, fo
    private static bool IsAsked(DmarcRecord record, DmarcVerdict dmarc, MailVerdicts verdicts)
    {
        var options = TagList.Words(record.FailureOptions);
        if (options.Contains("1") && !(dmarc.DkimAligned && dmarc.SpfAligned)) return true;
        if (options.Contains("d") && verdicts.Dkim.Any(static one => one.Result is AuthResult.Fail or AuthResult.PermError)) return true;
        if (options.Contains("s") && verdicts.Spf is [.., { Result: not (AuthResult.Pass or AuthResult.None or AuthResult.TempError) }]) return true;
        return dmarc.Result == AuthResult.Fail && (options.Contains("0") || !options.Any(static option => option is "1" or "d" or "s"));
    }

    private static string FieldsOf(
        MailVerdicts verdicts, DmarcVerdict dmarc, string source, string mailFrom, Disposition disposition, Domain reporter, DateTimeOffset now)
    {
        var text = new StringBuilder();
        Field(text, "Feedback-Type", "auth-failure");
        Field(text, "User-Agent", "Posthorn");
        Field(text, "Version", "1");
        Field(text, "Original-Mail-From", $"<{mailFrom}>");
        Field(text, "Arrival-Date", InternetDate.Format(now));
        Field(text, "Source-IP", source);
        Field(text, "Reported-Domain", dmarc.Domain);
        text.Append("Authentication-Results: ").Append(reporter.Ascii)
            .Append(AuthenticationResults.Payload(new MailVerdicts { Dmarc = dmarc })).Append("\r\n");
        Field(text, "Auth-Failure", "dmarc");
        Field(text, "Identity-Alignment", (dmarc.DkimAligned, dmarc.SpfAligned) switch
        {
            (true, true) => "dkim, spf",
            (true, false) => "dkim",
            (false, true) => "spf",
            _ => "none",
        });
        Field(text, "Delivery-Result", disposition switch
        {
            Disposition.Reject => "reject",
            Disposition.Quarantine => "spam",
            _ => "delivered",
        });
        if (verdicts.Dkim is [{ Domain.Length: > 0 } signature, ..])
        {
            Field(text, "DKIM-Domain", signature.Domain);
            Field(text, "DKIM-Identity", signature.Identity);
            Field(text, "DKIM-Selector", signature.Selector);
        }
        // RFC 6591 §3.2.6: the record itself is where everybody finds it.
        if (verdicts.Spf is [.., { Domain.Length: > 0 } spf]) Field(text, "SPF-DNS", $"txt : {spf.Domain} : \"\"");
        return text.ToString();
    }

    private static void Field(StringBuilder text, string name, string value) =>
        text.Append(name).Append(": ").Append(ReportText.OneLine(value)).Append("\r\n");

    private static string HeaderOf(ReadOnlySpan<byte> header)
    {
        var text = new StringBuilder();
        foreach (var field in HeaderFields.Of(header))
        {
            var name = Encoding.ASCII.GetString(field.Name);
            if (!Shown.Contains(name, StringComparer.OrdinalIgnoreCase)) continue;
            if (text.Length + field.Octets.Length > ReportLimits.ReportedHeaderOctetsMax) break;
            // Latin-1 keeps the octets as they are.
            text.Append(Encoding.Latin1.GetString(field.Octets));
        }
        return text.ToString();
    }
}
