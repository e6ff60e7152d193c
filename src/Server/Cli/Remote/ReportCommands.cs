using System.CommandLine;
using System.Globalization;
using Posthorn.Admin;
using Posthorn.Trust;

namespace Posthorn.Server;

internal static class ReportCommands
{
    private const string Path = "reports";
    private const int LinesMax = 50;

    public static Command Create(RemoteOptions remote) => remote.Group(
        "report", "What other servers report about the domains here.", List(remote), Show(remote), Summary(remote));

    private static Command List(RemoteOptions remote)
    {
        var domain = new Option<string?>("--domain") { Description = "Only about this domain.", HelpName = "DOMAIN" };
        var kind = new Option<string?>("--kind") { Description = "aggregate, feedback, tls or refused.", HelpName = "KIND" };
        kind.AcceptOnlyFromAmong("aggregate", "feedback", "tls", "refused");
        return remote.Command(
            "list",
            "Lists the reports, the newest first.",
            async call =>
            {
                string?[] query =
                [
                    call.Get(domain) is { } only ? "domain=" + ApiClient.Segment(only) : null, call.Get(kind) is { } one ? "kind=" + one : null,
                ];
                var wanted = string.Join('&', query.OfType<string>());
                return call.Print(
                    await call.Api.ListAsync(wanted.Length > 0 ? $"{Path}?{wanted}" : Path, AdminJson.Default.ReportPage, call.Ct),
                    AdminJson.Default.StoredReport,
                    reports => Text.WriteTable(
                        call.Output,
                        ["ID", "KIND", "DOMAIN", "REPORTER", "FROM", "TO", "PASSED", "FAILED"],
                        reports.Select(r => new[]
                        {
                            Text.Of(r.Id), Word(r.Kind), r.Domain, r.Reporter, Day(r.Begins), Day(r.Ends), Text.Of(r.Passed), Text.Of(r.Failed),
                        }),
                        0, 6, 7));
            },
            domain, kind);
    }

    private static Command Show(RemoteOptions remote)
    {
        var id = new Argument<long>("ID");
        return remote.Command(
            "show",
            "Shows a report.",
            async call => call.Print(
                await call.Api.GetAsync(
                    string.Create(CultureInfo.InvariantCulture, $"{Path}/{call.Get(id)}"), AdminJson.Default.ReportContent, call.Ct),
                AdminJson.Default.ReportContent,
                content => Tell(call.Output, content)),
            id);
    }

    private static Command Summary(RemoteOptions remote)
    {
        var domain = new Argument<string>("DOMAIN") { Description = "As example.org." };
        var since = new Option<string?>("--since") { Description = "From this day on, as 2026-11-01; else the last 30 days.", HelpName = "DAY" };
        return remote.Command(
            "summary",
            "Says who sends in a domain's name, what passes, what fails, and since when.",
            async call =>
            {
                var query = $"{Path}/summary?domain={ApiClient.Segment(call.Get(domain))}"
                    + (call.Get(since) is { } day ? "&since=" + ApiClient.Segment(day) : "");
                return call.Print(
                    await call.Api.GetAsync(query, AdminJson.Default.ReportSummary, call.Ct),
                    AdminJson.Default.ReportSummary,
                    summary => Tell(call.Output, summary));
            },
            domain, since);
    }

    private static void Tell(TextWriter output, ReportContent content)
    {
        var report = content.Report;
        Text.WriteList(
            output,
            ("Id", Text.Of(report.Id)),
            ("Kind", Word(report.Kind)),
            ("Domain", report.Domain),
            ("Reporter", report.Reporter),
            ("Identifier", report.Identifier),
            ("From", Text.Of(report.Begins)),
            ("To", Text.Of(report.Ends)),
            ("Received", Text.Of(report.ReceivedAt)),
            ("Passed", Text.Of(report.Passed)),
            ("Failed", Text.Of(report.Failed)),
            ("Refused", content.Fault?.ToString()),
            ("Policy", content.Aggregate?.Policy is { } policy ? $"{policy.Domain} p={policy.P ?? "-"} sp={policy.Sp ?? "-"}" : null));
        if (content.Aggregate is { } aggregate) WriteRecords(output, aggregate.Records);
        if (content.Feedback is { } feedback) WriteFeedback(output, feedback);
        if (content.Tls is { } tls) WriteSessions(output, tls);
        if (content.Rows > LinesMax) output.WriteLine($"… of {Text.Of(content.Rows)} in all; --json has more.");
    }

    private static void WriteRecords(TextWriter output, IReadOnlyList<AggregateRecord> records) => Text.WriteTable(
        output,
        ["SOURCE", "MESSAGES", "DISPOSITION", "DKIM", "SPF", "FROM", "SIGNED BY"],
        records.Take(LinesMax).Select(r => new[]
        {
            r.Source, Text.Of(r.Count), Word(r.Disposition), Word(r.Dkim), Word(r.Spf), r.HeaderFrom,
            r.DkimResults.Count == 0 ? "-" : string.Join(' ', r.DkimResults.Select(d => $"{d.Domain}={d.Result}")),
        }),
        1);

    private static void WriteFeedback(TextWriter output, FeedbackReport feedback) => Text.WriteList(
        output,
        ("Type", feedback.FeedbackType),
        ("Failure", feedback.AuthFailure),
        ("Source", feedback.Source),
        ("Sender", feedback.OriginalMailFrom),
        ("From", feedback.OriginalFrom),
        ("Subject", feedback.Subject),
        ("Message-ID", feedback.MessageId),
        ("Delivery", feedback.DeliveryResult));

    private static void WriteSessions(TextWriter output, TlsReport report) => Text.WriteTable(
        output,
        ["POLICY", "RESULT", "SESSIONS", "SERVER", "REASON"],
        report.Policies.SelectMany(policy => policy.Details.Select(f => new[]
            {
                policy.Type, f.ResultType, Text.Of(f.Sessions), f.ReceivingHost ?? "-", f.ReasonCode ?? f.Information ?? "-",
            }).Prepend([policy.Type, "success", Text.Of(policy.Successes), "-", "-"])).Take(LinesMax),
        2);

    private static void Tell(TextWriter output, ReportSummary summary)
    {
        Text.WriteList(
            output,
            ("Domain", summary.Domain),
            ("Since", Day(summary.Since)),
            ("Reports", $"{Text.Of(summary.Reports)} of {Text.Of(summary.Reporters)} reporters"),
            ("Passed", Text.Of(summary.Passed)),
            ("Failed", Text.Of(summary.Failed)),
            ("Refused reports", summary.Refused > 0 ? Text.Of(summary.Refused) : null));
        if (summary.Sources.Count > 0)
        {
            output.WriteLine();
            Text.WriteTable(
                output,
                ["SOURCE", "PASSED", "FAILED", "DKIM", "SPF", "STOPPED", "FIRST SEEN", "LAST SEEN"],
                summary.Sources.Take(LinesMax).Select(s => new[]
                {
                    s.Source, Text.Of(s.Passed), Text.Of(s.Failed), Text.Of(s.DkimPassed), Text.Of(s.SpfPassed), Text.Of(s.Enforced),
                    Day(s.FirstSeen), Day(s.LastSeen),
                }),
                1, 2, 3, 4, 5);
        }
        if (summary.Sessions.Count > 0)
        {
            output.WriteLine();
            Text.WriteTable(
                output,
                ["POLICY", "TLS RESULT", "SESSIONS", "LAST SEEN"],
                summary.Sessions.Select(s => new[] { s.PolicyType, s.Result, Text.Of(s.Sessions), Day(s.LastSeen) }),
                2);
        }
        if (summary.Feedback.Count == 0) return;
        output.WriteLine();
        Text.WriteTable(
            output, ["FEEDBACK", "COUNT", "LAST SEEN"], summary.Feedback.Select(f => new[] { f.Type, Text.Of(f.Count), Day(f.LastSeen) }), 1);
    }

    private static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private static string Word(bool passed) => passed ? "pass" : "fail";

    private static string Day(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
