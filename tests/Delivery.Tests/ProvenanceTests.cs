using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>What the intake makes of verdicts, and what it signs.</summary>
public sealed class ProvenanceTests
{
    private const string Zone = """
        good.test. TXT "v=spf1 ip4:192.0.2.7 -all"
        _dmarc.good.test. TXT "v=DMARC1; p=reject"
        _dmarc.reject.test. TXT "v=DMARC1; p=reject; rua=mailto:d@reject.test"
        _dmarc.junk.test. TXT "v=DMARC1; p=quarantine"
        7.2.0.192.in-addr.arpa. PTR mail.good.test.
        mail.good.test. A 192.0.2.7

        """;

    public static TheoryData<DatabaseKind> Kinds => Cluster.Kinds;

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Verdicts_stand_in_the_message(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, zone: Zone);
        var ann = await host.AddAsync("ann");
        Assert.True((await host.SendAsync("bob@good.test", ["ann"], Message("bob@good.test"))).Ok);
        var text = Assert.Single(await host.InboxAsync(ann));
        Assert.Contains("Authentication-Results: mx.example.test;\r\n\tiprev=pass", text, StringComparison.Ordinal);
        Assert.Contains("spf=pass reason=\"ip4:192.0.2.7 of good.test\"\r\n\t\tsmtp.mailfrom=good.test", text, StringComparison.Ordinal);
        Assert.Contains("dmarc=pass", text, StringComparison.Ordinal);
        Assert.True(text.IndexOf("Authentication-Results:", StringComparison.Ordinal) < text.IndexOf("Received:", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_the_authors_domain_refuses_is_refused(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, zone: Zone);
        var ann = await host.AddAsync("ann");
        var refused = await host.SendAsync("bob@good.test", ["ann"], Message("bob@reject.test"));
        Assert.Equal(RefusalKind.Forbidden, refused.Refusal!.Kind);
        Assert.Equal("refused by the DMARC policy of reject.test: neither SPF nor DKIM is aligned with reject.test", refused.Refusal.Text);
        Assert.Empty(await host.InboxAsync(ann));
        // Its domain asks to hear of that.
        var day = DateOnly.FromDateTime(DeliveryHost.Start.UtcDateTime);
        var report = await new DmarcBook(host.Db).ReportAsync(day, Domain.Parse("reject.test"), "us", "a@b.test", CancellationToken.None);
        var row = Assert.Single(report!.Value.Report.Records);
        Assert.Equal(("192.0.2.7", Disposition.Reject, "good.test"), (row.Source, row.Disposition, row.EnvelopeFrom));
        Assert.Equal("mailto:d@reject.test", report.Value.Destinations);
    }

    [Theory]
    [InlineData("dmarc=fail", "bob@junk.test", true)]
    [InlineData("dmarc=fail", "bob@good.test", false)]
    [InlineData("dmarc!=pass", "bob@nobody.test", true)]
    [InlineData("dkim=none", "bob@good.test", true)]
    [InlineData("spf=pass", "bob@good.test", true)]
    [InlineData("spf!=pass", "bob@good.test", false)]
    [InlineData("iprev=pass", "bob@good.test", true)]
    [InlineData("arc=pass", "bob@good.test", false)]
    [InlineData("from=several-addresses", "bob@good.test, eve@good.test", true)]
    [InlineData("from=name-looks-like-address", "bob@good.test", false)]
    public async Task Rules_may_ask_what_was_found_out(string condition, string author, bool holds)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        var ann = await host.AddAsync("ann");
        Assert.True(VerdictCondition.TryParse(condition, out var verdict));
        Assert.Equal(condition, verdict.ToString());
        var rules = host.Intake.Rules;
        (await rules.AddAsync(Authority.System, 1, new RuleMatch(Verdict: verdict), RuleAction.AddHeader, "X-Ruled: yes")).Require();
        (await rules.AddAsync(Authority.System, 2, new RuleMatch(Verdict: verdict), RuleAction.Accept, "")).Require();
        (await rules.AddAsync(Authority.System, 3, new RuleMatch(), RuleAction.AddHeader, "X-Ruled: no")).Require();
        Assert.True((await host.SendAsync("bob@good.test", ["ann"], Message(author))).TryGet(out var receipt));
        var all = (await host.InboxAsync(ann)).Concat(await host.JunkAsync(ann));
        Assert.Contains(holds ? "X-Ruled: yes\r\n" : "X-Ruled: no\r\n", Assert.Single(all), StringComparison.Ordinal);
        var checks = (await host.Journey.FindAsync(new JourneyQuery { Message = receipt.Id }, 10))
            .Where(static step => step.Step == JourneyStep.Checked).Select(static step => step.Text!).ToArray();
        Assert.Contains(checks, static text => text.StartsWith("iprev=pass ", StringComparison.Ordinal) && text.Contains("; dmarc="));
        Assert.Contains(checks, static text => text.StartsWith("rule ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("dmarc")]
    [InlineData("dmarc=")]
    [InlineData("dmarc=maybe")]
    [InlineData("=pass")]
    [InlineData("!=pass")]
    [InlineData("from=pass")]
    [InlineData("spam=yes")]
    public void A_condition_on_verdicts_names_a_method_and_a_result(string text) => Assert.False(VerdictCondition.TryParse(text, out _));

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_it_wants_kept_apart_goes_to_junk_also_through_the_queue(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, zone: Zone);
        var ann = await host.AddAsync("ann");
        await host.AliasAsync("team", "ann", "carl@remote.test");
        Assert.True((await host.SendAsync("bob@good.test", ["ann"], Message("bob@junk.test"))).Ok);
        Assert.True((await host.SendAsync("bob@good.test", ["team"], Message("bob@junk.test"))).Ok);
        await host.WorkAsync();
        Assert.Empty(await host.InboxAsync(ann));
        Assert.Equal(2, (await host.JunkAsync(ann)).Count);
    }

    [Theory]
    [InlineData(DmarcHandling.Quarantine, 0, 1)]
    [InlineData(DmarcHandling.Ignore, 1, 0)]
    public async Task A_domain_may_be_milder_than_it_is_asked_to_be(DmarcHandling handling, int inbox, int junk)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        var ann = await host.AddAsync("ann");
        await host.Directory.Domains.ChangeAsync(Authority.System, DeliveryHost.Example, new DomainChange { Dmarc = handling });
        Assert.True((await host.SendAsync("bob@good.test", ["ann"], Message("bob@reject.test"))).Ok);
        Assert.Equal((inbox, junk), ((await host.InboxAsync(ann)).Count, (await host.JunkAsync(ann)).Count));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::ffff:10.1.2.3")]
    [InlineData("fd00::1")]
    public async Task Private_clients_are_not_checked(string client)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        var ann = await host.AddAsync("ann");
        host.Client = IPAddress.Parse(client);
        Assert.True((await host.SendAsync("bob@good.test", ["ann"], Message("bob@reject.test"))).Ok);
        Assert.DoesNotContain("Authentication-Results", Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verdicts_that_others_wrote_in_our_name_are_gone()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        var ann = await host.AddAsync("ann");
        const string forged = "Authentication-Results: mx.example.test; dmarc=pass header.from=bank.test\r\n";
        const string foreign = "Authentication-Results: other.test; dmarc=pass\r\n";
        Assert.True((await host.SendAsync("bob@good.test", ["ann"], forged + foreign + Message("bob@good.test"))).Ok);
        var text = Assert.Single(await host.InboxAsync(ann));
        Assert.DoesNotContain("bank.test", text, StringComparison.Ordinal);
        Assert.Contains(foreign, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_From_fields_are_refused()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        await host.AddAsync("ann");
        var refused = await host.SendAsync("bob@good.test", ["ann"], "From: boss@bank.test\r\n" + Message("bob@good.test"));
        Assert.Equal(RefusalKind.Forbidden, refused.Refusal!.Kind);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_our_people_submit_is_signed_with_both_keys(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, zone: Zone);
        var ann = await host.AddAsync("ann");
        await host.Keys!.EnsureAsync(DeliveryHost.Example);
        var large = string.Concat(Enumerable.Repeat("A line of a long message.\r\n", 5000));
        foreach (var body in (string[])["", large])
        {
            Assert.True((await host.SendAsync("ann", ["carl@remote.test"], Message("ann@example.test") + body, ann)).Ok);
            await host.WorkAsync();
            var sent = host.World.Attempts.Last();
            var verdicts = await VerifyAsync(host, sent.Text);
            Assert.Equal([AuthResult.Pass, AuthResult.Pass], verdicts.Dkim.Select(verdict => verdict.Result));
            Assert.All(verdicts.Dkim, verdict => Assert.Equal("example.test", verdict.Domain));
            Assert.Equal("ann@example.test", sent.From);
        }
    }

    [Fact]
    public async Task A_report_to_a_sender_is_signed()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        var ann = await host.AddAsync("ann");
        await host.Keys!.EnsureAsync(DeliveryHost.Example);
        host.World.Answer = RemoteWorld.Fail;
        Assert.True((await host.SendAsync("ann", ["carl@remote.test"], Message("ann@example.test"), ann)).Ok);
        await host.WorkAsync();
        var report = Assert.Single(await host.InboxAsync(ann));
        Assert.Equal(2, (await VerifyAsync(host, report)).Dkim.Count(verdict => verdict.Result == AuthResult.Pass));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_an_alias_forwards_is_sealed_and_rewritten_and_its_bounce_comes_back(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, zone: Zone);
        await host.Keys!.EnsureAsync(DeliveryHost.Example);
        await host.AliasAsync("away", "carl@remote.test");
        Assert.True((await host.SendAsync("bob@good.test", ["away"], Message("bob@good.test"))).Ok);
        await host.WorkAsync();
        var sent = Assert.Single(host.World.Attempts);
        Assert.Matches("^SRS0=[a-z2-7]{8}=[a-z2-7]{2}=good.test=bob@example.test$", sent.From);
        var arc = (await VerifyAsync(host, sent.Text)).Arc!;
        Assert.True(arc.Result == AuthResult.Pass, arc.Evidence);
        Assert.Contains("dmarc=pass", Assert.Single(arc.Seals).Results, StringComparison.Ordinal);

        Assert.True((await host.SendAsync("", [sent.From], "From: mailer@remote.test\r\nSubject: no\r\n\r\nno\r\n")).Ok);
        await host.WorkAsync();
        Assert.Equal(["bob@good.test"], host.World.Attempts.Last().To);

        var forged = await host.SendAsync("", [sent.From.Replace("good.test", "evil.test", StringComparison.Ordinal)], Message("x@remote.test"));
        Assert.Equal(RefusalKind.NotFound, forged.Refusal!.Kind);
        host.Clock.Advance(SenderRewriting.Lifetime + TimeSpan.FromDays(1));
        var late = await host.SendAsync("", [sent.From], Message("x@remote.test"));
        Assert.Equal(RefusalKind.NotFound, late.Refusal!.Kind);
    }

    private static string Message(string from) => $"From: {from}\r\nTo: ann@example.test\r\nSubject: Hello\r\nMessage-ID: <1@good.test>\r\n" +
        "Date: Wed, 25 Nov 2026 10:00:00 +0000\r\n\r\nHello.\r\n";

    // With the keys as they would be published.
    private static async Task<MailVerdicts> VerifyAsync(DeliveryHost host, string text)
    {
        var keys = await host.Keys!.ListAsync(DeliveryHost.Example);
        var zone = Path.GetTempFileName();
        await File.WriteAllLinesAsync(zone, keys.Select(key =>
            $"{key.Name}. TXT {string.Join(' ', key.Record.Chunk(200).Select(part => $"\"{new string(part)}\""))}"));
        await using var resolver = Dns.Resolver.Open(
            new Dns.DnsSettings { ZoneFile = zone }, host.Clock, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
        var octets = Encoding.Latin1.GetBytes(text);
        using var check = new MailVerifier(resolver, "mx.remote.test", host.Clock).Begin(octets, null);
        check.Append(octets.AsSpan(Mime.HeaderFields.Of(octets).Length));
        var verdicts = await check.FinishAsync();
        File.Delete(zone);
        return verdicts;
    }
}
