using Posthorn.Core;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class OutboundRouteTests
{
    private static readonly Domain A = Domain.Parse("a.test");

    [Fact]
    public async Task Exchanges_are_tried_by_preference_and_equals_in_random_order()
    {
        await using var house = new OutboundHouse(2525, "a.test. MX 20 z.test.\n MX 10 x.test.\n MX 10 y.test.\n MX 10 X.test.");
        var orders = new HashSet<string>();
        for (var i = 0; i < 100; i++) orders.Add(string.Join(' ', (await house.Exchanges.FindAsync(A, default)).Hosts).ToLowerInvariant());
        Assert.Equal(["x.test y.test z.test", "y.test x.test z.test"], orders.Order());
    }

    [Fact]
    public async Task No_more_exchanges_are_tried_than_the_limit()
    {
        var zone = string.Concat(Enumerable.Range(0, 50).Select(i => $"a.test. MX {i} mx{i}.test.\n"));
        await using var house = new OutboundHouse(2525, zone);
        Assert.Equal(OutboundLimits.ExchangesMax, (await house.Exchanges.FindAsync(A, default)).Hosts.Count);
    }

    [Fact]
    public async Task A_domain_without_exchange_is_its_own_host()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port, "a.test. A 127.0.0.1");
        var result = await house.SendAsync();
        Assert.Equal((OutboundOutcome.Delivered, "a.test"), (result.Outcome, result.RemoteMta));
    }

    [Theory]
    [InlineData("a.test. MX 0 .", "5.1.10")] // RFC 7505
    [InlineData("b.test. A 127.0.0.1", "5.1.2")]
    [InlineData("a.test. TXT x", "5.4.4")]
    [InlineData("a.test. MX 10 gone.test.", "5.4.4")]
    [InlineData("a.test. MX 10 me.test.\n MX 10 x.test.\n MX 20 y.test.\nx.test. A 127.0.0.1\ny.test. A 127.0.0.1", "5.4.6")]
    [InlineData("a.test. CNAME b.test.\nb.test. CNAME a.test.", "4.4.3")]
    [InlineData("a.test. MX 10 b.test.\nb.test. CNAME c.test.\nc.test. CNAME b.test.", "4.4.3")]
    [InlineData("a.test. MX 10 gone.test.\n MX 20 b.test.\nb.test. CNAME c.test.\nc.test. CNAME b.test.", "4.4.3")]
    [InlineData("a.test. MX 10 b.test.\n MX 20 gone.test.\nb.test. CNAME c.test.\nc.test. CNAME b.test.", "4.4.3")]
    public async Task Where_nobody_can_be_reached_the_status_says_why(string zone, string status)
    {
        await using var house = new OutboundHouse(2525, zone);
        var result = await house.SendAsync();
        Assert.Equal(status, result.Status);
        Assert.Equal(status[0] == '5' ? OutboundOutcome.Failed : OutboundOutcome.Deferred, result.Outcome);
        Assert.NotEmpty(result.Reply);
    }

    [Fact]
    public async Task A_name_of_ours_cuts_off_only_what_is_not_before_it()
    {
        await using var house = new OutboundHouse(2525, "a.test. MX 10 x.test.\n MX 20 ME.test.\n MX 20 y.test.\n MX 30 z.test.\nme.test. TXT x");
        Assert.Equal(["x.test"], (await house.Exchanges.FindAsync(A, default)).Hosts);
        Assert.Equal("5.4.6", (await house.Exchanges.FindAsync(Domain.Parse("me.test"), default)).Verdict!.Status);
    }

    [Theory]
    [InlineData("A 127.0.0.1")]
    [InlineData("A 10.1.2.3")]
    [InlineData("A 172.31.0.1")]
    [InlineData("A 192.168.1.1")]
    [InlineData("A 100.64.0.1")]
    [InlineData("A 169.254.169.254")]
    [InlineData("A 0.0.0.0")]
    [InlineData("A 224.0.0.1")]
    [InlineData("A 255.255.255.255")]
    [InlineData("AAAA ::1")]
    [InlineData("AAAA ::")]
    [InlineData("AAAA ::ffff:127.0.0.1")]
    [InlineData("AAAA fe80::1")]
    [InlineData("AAAA fd00::1")]
    [InlineData("AAAA ff02::1")]
    public async Task An_exchange_in_a_private_place_is_refused_on_port_25_alone(string record)
    {
        var zone = $"a.test. MX 10 x.test.\nx.test. {record}";
        await using var real = new OutboundHouse(25, zone);
        var result = await real.SendAsync();
        Assert.Equal((OutboundOutcome.Failed, "5.4.4"), (result.Outcome, result.Status));
        await using var test = new OutboundHouse(2525, zone);
        Assert.Single((await test.Exchanges.AddressesAsync("x.test", default)).Addresses);
    }

    [Fact]
    public async Task The_families_take_turns_and_public_addresses_pass()
    {
        await using var house = new OutboundHouse(25, "x.test. AAAA 2001:db8::1\n AAAA 2001:db8::2\n A 192.0.2.1\n A 10.0.0.1\n AAAA ::1");
        var found = await house.Exchanges.AddressesAsync("x.test", default);
        Assert.Equal(["2001:db8::1", "192.0.2.1", "2001:db8::2"], found.Addresses.Select(a => a.ToString()));
    }

    [Theory]
    [InlineData("421 4.3.2 busy")]
    [InlineData("450 not now")]
    [InlineData("554 5.7.1 not you")]
    [InlineData("nonsense")]
    public async Task The_next_exchange_is_tried_when_the_first_does_not_greet(string greeting)
    {
        await using var first = new ScriptedServer(1) { Greeting = greeting };
        await using var second = new ScriptedServer(2, first.Port);
        await using var house = Two(first.Port);
        Assert.Equal((OutboundOutcome.Delivered, "mx2.test"), await OutcomeAsync(house));
        Assert.Single(second.Messages);
    }

    [Fact]
    public async Task The_next_exchange_is_tried_when_the_first_cannot_be_reached()
    {
        await using var second = new ScriptedServer(2);
        await using var house = Two(second.Port);
        Assert.Equal((OutboundOutcome.Delivered, "mx2.test"), await OutcomeAsync(house));
    }

    [Theory]
    [InlineData("EHLO", "421 4.3.2 closing")]
    [InlineData("EHLO", "")]
    [InlineData("MAIL", "451 4.3.0 later")]
    [InlineData("MAIL", "421 4.3.2 closing")]
    [InlineData("MAIL", "")]
    public async Task The_next_exchange_is_tried_when_the_first_takes_nothing_now(string verb, string answer)
    {
        await using var first = new ScriptedServer(1) { Answer = Only(verb, answer) };
        await using var second = new ScriptedServer(2, first.Port);
        await using var house = Two(first.Port);
        Assert.Equal((OutboundOutcome.Delivered, "mx2.test"), await OutcomeAsync(house));
        Assert.All(first.Messages, Assert.Empty); // the lone dot after a 354
    }

    [Theory]
    [InlineData("MAIL", "550 5.7.1 not you", true)]
    [InlineData("RCPT", "550 5.1.1 nobody", true)]
    [InlineData("RCPT", "450 4.2.1 later", false)]
    [InlineData("DATA", "451 4.3.0 later", false)]
    [InlineData(".", "554 5.6.0 spam", true)]
    [InlineData(".", "", false)]
    public async Task What_the_first_says_about_the_message_is_final(string verb, string answer, bool forEver)
    {
        await using var first = new ScriptedServer(1) { Answer = Only(verb, answer) };
        await using var second = new ScriptedServer(2, first.Port);
        await using var house = Two(first.Port);
        var result = await house.SendAsync();
        Assert.Equal((forEver ? OutboundOutcome.Failed : OutboundOutcome.Deferred, "mx1.test"), (result.Outcome, result.RemoteMta));
        if (answer.Length > 0) Assert.Equal(answer, result.Reply);
        Assert.Empty(second.Conversations);
    }

    [Fact]
    public async Task When_every_exchange_says_no_one_that_may_change_its_mind_counts()
    {
        await using var first = new ScriptedServer(1) { Greeting = "450 4.3.2 busy" };
        await using var second = new ScriptedServer(2, first.Port) { Greeting = "554 5.7.1 not you" };
        await using var house = Two(first.Port);
        Assert.Equal((OutboundOutcome.Deferred, "mx1.test"), await OutcomeAsync(house));
        first.Greeting = "554 5.7.1 not you either";
        Assert.Equal((OutboundOutcome.Failed, "mx2.test"), await OutcomeAsync(house));
    }

    internal static Func<string, string?> Only(string verb, string answer) =>
        command => command.StartsWith(verb, StringComparison.Ordinal) ? answer : null;

    private static async Task<(OutboundOutcome, string?)> OutcomeAsync(OutboundHouse house)
    {
        var result = await house.SendAsync();
        return (result.Outcome, result.RemoteMta);
    }

    private static OutboundHouse Two(int port) =>
        new(port, "a.test. MX 10 mx1.test.\n MX 20 mx2.test.\nmx1.test. A 127.0.0.1\nmx2.test. A 127.0.0.2");
}
