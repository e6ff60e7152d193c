using Posthorn.Db;
using Posthorn.Directory;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>Rules that decide where a message goes.</summary>
public sealed class RuleTests
{
    private const string Message = "From: ann@example.test\r\nSubject: Plan\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_rule_chooses_the_route_past_its_own_conditions(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await host.AliasAsync("team", "ann@example.test", "x@far.test");
        var route = (await host.Delivery.Routes.AddAsync(
            new MailRoute { Action = RouteAction.Relay, Match = new RouteMatch { RecipientDomain = "nobody.test" }, Host = "relay.test", Port = 587 },
            default)).Require();
        await AddAsync(host, new RuleMatch(Header: "Subject: plan"), RuleAction.Route, $"{route.Id}");
        Assert.True((await host.SendAsync("ann", ["bob@else.test", "team"], Message, ann)).Ok);
        Assert.True((await host.SendAsync("ann", ["carol@else.test"], Message.Replace("Plan", "Other", StringComparison.Ordinal), ann)).Ok);
        await host.WorkAsync();
        Assert.Equal(
            [("bob@else.test", "relay.test"), ("carol@else.test", null), ("x@far.test", "relay.test")],
            host.World.Attempts.SelectMany(static sent => sent.To.Select(to => (to, sent.Message.Hop?.Host))).Order());
        Assert.Single(await host.InboxAsync(ann));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_rule_leads_mail_of_some_recipients_elsewhere(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob, carol) = (await host.AddAsync("ann"), await host.AddAsync("bob"), await host.AddAsync("carol"));
        await AddAsync(host, new RuleMatch(Recipient: "bob@*"), RuleAction.Redirect, "carol@example.test");
        await AddAsync(host, new RuleMatch(Sender: "news@*"), RuleAction.Redirect, "archive@far.test");
        Assert.True((await host.SendAsync("joe@far.test", ["ann", "bob", "carol"], Message)).Ok);
        Assert.Equal((1, 0, 1), ((await host.InboxAsync(ann)).Count, (await host.InboxAsync(bob)).Count, (await host.InboxAsync(carol)).Count));
        Assert.True((await host.SendAsync("news@far.test", ["ann", "bob"], Message)).Ok);
        await host.WorkAsync();
        Assert.Equal(["archive@far.test"], Assert.Single(host.World.Attempts).To);
        Assert.Equal((1, 0, 1), ((await host.InboxAsync(ann)).Count, (await host.InboxAsync(bob)).Count, (await host.InboxAsync(carol)).Count));
    }

    [Theory]
    [InlineData(RuleAction.Redirect, "nobody", null)]
    [InlineData(RuleAction.Route, "seven", null)]
    [InlineData(RuleAction.RewriteHeader, "Subject", null)]
    [InlineData(RuleAction.RewriteHeader, "Subject: *", "dmarc=fail")]
    [InlineData(RuleAction.Reject, "", null)]
    public async Task A_rule_that_makes_no_sense_is_refused(RuleAction action, string text, string? verdict)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var condition = VerdictCondition.TryParse(verdict ?? "", out var parsed) ? parsed : null;
        Assert.False((await host.Intake.Rules.AddAsync(Authority.System, 1, new RuleMatch(Verdict: condition), action, text)).Ok);
    }

    private static async Task AddAsync(DeliveryHost host, RuleMatch match, RuleAction action, string text) =>
        (await host.Intake.Rules.AddAsync(Authority.System, 1, match, action, text)).Require();
}
