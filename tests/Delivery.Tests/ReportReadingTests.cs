using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>Reports of other servers on their way from the MX into the tables.</summary>
public sealed class ReportReadingTests
{
    private static readonly Domain Example = Domain.Parse("example.test");

    private static string Xml(string id, string domain, int records, DateTimeOffset begins)
    {
        var xml = new StringBuilder();
        xml.Append(CultureInfo.InvariantCulture, $"""
            <feedback><report_metadata><org_name>reporter.test</org_name><report_id>{id}</report_id>
            <date_range><begin>{begins.ToUnixTimeSeconds()}</begin><end>{begins.AddDays(1).ToUnixTimeSeconds() - 1}</end></date_range>
            </report_metadata>
            <policy_published><domain>{domain}</domain><p>reject</p></policy_published>
            """);
        for (var i = 0; i < records; i++)
        {
            var (pass, disposition) = i % 2 == 0 ? ("pass", "none") : ("fail", "reject");
            xml.Append(CultureInfo.InvariantCulture, $"""
                <record><row><source_ip>192.0.2.{i % 4}</source_ip><count>2</count>
                <policy_evaluated><disposition>{disposition}</disposition><dkim>{pass}</dkim><spf>fail</spf></policy_evaluated></row>
                <identifiers><header_from>{domain}</header_from></identifiers>
                <auth_results><dkim><domain>{domain}</domain><selector>s</selector><result>{pass}</result></dkim></auth_results></record>
                """);
        }
        return xml.Append("</feedback>").ToString();
    }

    private static string Message(string xml) => $"From: noreply@reporter.test\r\nSubject: Report\r\nContent-Type: text/xml\r\n\r\n{xml}\r\n";

    private static DateTimeOffset Yesterday => DeliveryHost.Start.AddDays(-1);

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_report_that_arrives_is_stored_once_and_in_nobodys_mailbox(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var boss = await host.AddAsync("boss");
        var book = new ReportBook(host.Db, host.Clock);
        var message = Message(Xml("one", "example.test", 5, Yesterday));
        Assert.True((await host.SendAsync("noreply@reporter.test", ["dmarc-reports"], message)).Ok);
        Assert.True((await host.SendAsync("noreply@reporter.test", ["tls-reports"], message)).Ok); // the reporter sends it again
        await host.WorkAsync();
        Assert.Empty(await host.QueuedAsync());
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        Assert.Empty(await host.InboxAsync(boss));
        var report = Assert.Single(await book.ListAsync(Example, null, null, 10));
        Assert.Equal((ReportKind.Aggregate, "reporter.test", "one"), (report.Kind, report.Reporter, report.Identifier));
        Assert.Equal((6, 4), (report.Passed, report.Failed));
        var content = await book.FindAsync(report.Id);
        Assert.Equal((5, "reject"), (content!.Rows, content.Aggregate!.Policy.P));
        Assert.Contains(content.Aggregate.Records, r => r is { Source: "192.0.2.1", Disposition: Disposition.Reject, Dkim: false });
        Assert.Equal("s", content.Aggregate.Records[0].DkimResults[0].Selector);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task The_summary_says_who_sends_what_passes_what_fails_and_since_when(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var book = new ReportBook(host.Db, host.Clock);
        foreach (var (id, days) in new[] { ("old", -40), ("new", -2), ("newer", -1) })
        {
            var xml = Xml(id, "sub.example.test", 4, DeliveryHost.Start.AddDays(days));
            Assert.True((await host.SendAsync("noreply@reporter.test", ["dmarc-reports"], Message(xml))).Ok);
        }
        await host.WorkAsync();
        var summary = await book.SummaryAsync(Example, DeliveryHost.Start.AddDays(-30));
        Assert.Equal((2, 1, 8, 8), (summary.Reports, summary.Reporters, summary.Passed, summary.Failed));
        Assert.Equal(["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3"], summary.Sources.Select(static source => source.Source));
        Assert.Equal((4, 0, 4, 0, 0), Numbers(summary.Sources[0]));
        Assert.Equal((0, 4, 0, 0, 4), Numbers(summary.Sources[1]));
        Assert.Equal(DeliveryHost.Start.AddDays(-40), summary.Sources[0].FirstSeen);

        static (long, long, long, long, long) Numbers(SourceSummary s) => (s.Passed, s.Failed, s.DkimPassed, s.SpfPassed, s.Enforced);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task TLS_reports_and_complaints_are_part_of_the_summary(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var book = new ReportBook(host.Db, host.Clock);
        const string tls = """
            {"organization-name":"reporter.test","report-id":"t1","contact-info":"a@reporter.test",
            "date-range":{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"},
            "policies":[{"policy":{"policy-type":"sts","policy-domain":"example.test"},
            "summary":{"total-successful-session-count":70,"total-failure-session-count":5},
            "failure-details":[{"result-type":"certificate-expired","failed-session-count":3,"receiving-mx-hostname":"mx.example.test"}]}]}
            """;
        await host.SendAsync("a@reporter.test", ["tls-reports"], $"From: a@reporter.test\r\nContent-Type: application/tlsrpt+json\r\n\r\n{tls}");
        const string complaint = """
            From: fbl@reporter.test
            Content-Type: multipart/report; report-type=feedback-report; boundary=b

            --b
            Content-Type: message/feedback-report

            Feedback-Type: abuse
            Original-Mail-From: <news@example.test>
            --b--
            """;
        await host.SendAsync("fbl@reporter.test", ["feedback-reports"], complaint.ReplaceLineEndings("\r\n"));
        await host.WorkAsync();
        var summary = await book.SummaryAsync(Example, DeliveryHost.Start.AddDays(-30));
        Assert.Equal(
            [("success", 70), ("certificate-expired", 3), ("unspecified", 2)],
            summary.Sessions.Select(static session => (session.Result, session.Sessions)));
        Assert.Equal(("abuse", 1), Assert.Single(summary.Feedback) is var only ? (only.Type, only.Count) : default);
        var report = Assert.Single(await book.ListAsync(null, ReportKind.Tls, null, 10));
        var detail = Assert.Single(Assert.Single((await book.FindAsync(report.Id))!.Tls!.Policies).Details);
        Assert.Equal("mx.example.test", detail.ReceivingHost);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_is_refused_and_what_is_no_report_goes_to_the_postmaster(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var account = (await host.Directory.Accounts.AddAsync(
            Directory.Authority.System, new Directory.NewAccount(DeliveryHost.At("boss")) { Role = Directory.Role.Admin })).Require();
        var boss = new Directory.Identity(account.Id, account.Address, account.Role, "boss");
        var book = new ReportBook(host.Db, host.Clock);
        var tomorrow = Message(Xml("ahead", "example.test", 1, DeliveryHost.Start.AddDays(2)));
        var old = Message(Xml("old", "example.test", 1, DeliveryHost.Start.AddDays(-500)));
        var strange = Message(Xml("strange", "elsewhere.test", 1, Yesterday));
        foreach (var message in new[] { tomorrow, old, strange, Message("<!DOCTYPE x>"), "Subject: hello\r\n\r\nIs anybody there?\r\n" })
        {
            Assert.True((await host.SendAsync("who@reporter.test", ["dmarc-reports"], message)).Ok);
        }
        await host.WorkAsync();
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        Assert.Equal(5, (await host.InboxAsync(boss)).Count);
        var refused = await book.ListAsync(Example, ReportKind.Refused, null, 10);
        var names = new List<string>();
        foreach (var report in refused) names.Add((await book.FindAsync(report.Id))!.Fault!.Name);
        Assert.Equal(["document-type", "wrong-dates", "wrong-dates", "wrong-domain"], names.Order(StringComparer.Ordinal));
        Assert.Equal(4, (await book.SummaryAsync(Example, Yesterday)).Refused);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_large_report_is_written_in_steps_and_forgotten_in_steps(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var book = new ReportBook(host.Db, host.Clock);
        Assert.True((await host.SendAsync("a@reporter.test", ["dmarc-reports"], Message(Xml("large", "example.test", 2_500, Yesterday)))).Ok);
        await host.WorkAsync();
        var report = Assert.Single(await book.ListAsync(Example, null, null, 10));
        var content = (await book.FindAsync(report.Id))!;
        Assert.Equal((2_500, 1_000), (content.Rows, content.Aggregate!.Records.Count));
        host.Clock.Advance(TimeSpan.FromDays(401));
        Assert.Equal(1, await book.PurgeAsync(CancellationToken.None));
        Assert.Empty(await book.ListAsync(null, null, null, 10));
        Assert.Equal(0, await host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM report_record").Scalar()!.Value));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_report_that_was_broken_off_is_taken_over_by_the_next_attempt(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var book = new ReportBook(host.Db, host.Clock);
        var report = IncomingReportOf(Xml("twice", "example.test", 1_500, Yesterday))!;
        var arrival = new ReportArrival("m1", "a@reporter.test", Example);
        await Assert.ThrowsAsync<InvalidOperationException>(() => book.AcceptAsync(
            arrival, report, Hosted, static (_, _) => throw new InvalidOperationException("the power fails"), CancellationToken.None));
        Assert.Empty(await book.ListAsync(null, null, null, 10));
        Assert.Null(await book.AcceptAsync(arrival with { Message = "m2" }, report, Hosted, static (_, _) => { }, CancellationToken.None));
        Assert.Equal(1_500, (await book.FindAsync(Assert.Single(await book.ListAsync(null, null, null, 10)).Id))!.Rows);

        static ValueTask<Domain?> Hosted(Domain domain, CancellationToken ct) => new(domain);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task An_account_or_an_alias_of_the_name_gets_the_mail_itself(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await host.AliasAsync("dmarc-reports", "ann");
        Assert.True((await host.SendAsync("a@reporter.test", ["dmarc-reports"], Message(Xml("own", "example.test", 1, Yesterday)))).Ok);
        await host.WorkAsync();
        Assert.Single(await host.InboxAsync(ann));
        Assert.Empty(await new ReportBook(host.Db, host.Clock).ListAsync(null, null, null, 10));
    }

    private static IncomingReport? IncomingReportOf(string xml)
    {
        var message = Encoding.UTF8.GetBytes(Message(xml));
        return IncomingReport.Read(message, Mime.MessageReader.Read(message).Structure);
    }
}
