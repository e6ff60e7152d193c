using System.Net;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Directory;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class RouteTests
{
    private const string Message = "From: ann@example.test\r\nX-Campaign: spring 2026\r\nSubject: Plan\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task The_first_route_that_matches_decides(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob) = (await host.AddAsync("ann"), await host.AddAsync("bob"));
        await AddAsync(host, RouteAction.Fail, new RouteMatch { RecipientDomain = "never.test" }, r => r with { Text = "not there" });
        await AddAsync(
            host, RouteAction.Relay, new RouteMatch { RecipientDomain = "*.big.test" }, r => r with { Host = "big.relay.test", Port = 587 });
        await AddAsync(host, RouteAction.Relay, new RouteMatch { SenderAccount = bob.Account }, r => r with { Host = "bob.relay.test", Port = 587 });
        var campaign = new RouteMatch { Header = "X-Campaign", HeaderText = "SPRING" };
        await AddAsync(host, RouteAction.Lmtp, campaign, r => r with { Host = "lmtp.test", Port = 24 });
        await AddAsync(host, RouteAction.Relay, new RouteMatch { SizeMin = 5000 }, r => r with { Host = "large.relay.test", Port = 25 });
        await AddAsync(
            host, RouteAction.Direct, new RouteMatch { SenderDomain = "example.test" }, r => r with { Sources = [IPAddress.Parse("192.0.2.9")] });
        const string Plain = "From: ann@example.test\r\nSubject: Plan\r\n\r\nA line.\r\n";
        Assert.True((await host.SendAsync("ann", ["a@never.test", "b@mail.big.test", "c@else.test"], Plain, ann)).Ok);
        Assert.True((await host.SendAsync("ann", ["e@else.test"], Message, ann)).Ok);
        Assert.True((await host.SendAsync("ann", ["f@else.test"], Plain + new string('x', 5000) + "\r\n", ann)).Ok);
        Assert.True((await host.SendAsync("bob", ["g@else.test", "h@more.test"], Plain.Replace("ann@", "bob@"), bob)).Ok);
        await host.WorkAsync();
        Assert.Equal(
            [
                "b@mail.big.test: big.relay.test:587", "c@else.test: direct 192.0.2.9", "e@else.test: lmtp.test:24 LMTP",
                "f@else.test: large.relay.test:25", "g@else.test h@more.test: bob.relay.test:587",
            ],
            host.World.Attempts.Select(sent => $"{string.Join(' ', sent.To)}: {Describe(sent.Message.Hop!)}").Order());
        Assert.Contains("Status: 5.7.1", Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_change_of_the_routes_moves_what_waits(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Defer;
        for (var i = 0; i < 5; i++) Assert.True((await host.SendAsync("ann", [$"u{i}@one.test", $"u{i}@two.test"], Message, ann)).Ok);
        await host.WorkAsync();
        var relay = await AddAsync(
            host, RouteAction.Relay, new RouteMatch { RecipientDomain = "one.test" }, r => r with { Host = "relay.test", Port = 587 });
        Assert.Equal([$"#{relay.Id}", "two.test"], (await host.QueuedAsync()).Select(item => item.Lane).Distinct().Order());
        host.World.Answer = RemoteWorld.Deliver;
        await host.WorkAfterAsync(TimeSpan.FromMinutes(6));
        var moved = host.World.Attempts.Skip(10).Where(sent => sent.To[0].EndsWith("one.test", StringComparison.Ordinal));
        Assert.All(moved, sent => Assert.Equal("relay.test", sent.Message.Hop!.Host));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        Assert.True((await host.SendAsync("ann", ["x@one.test"], Message, ann)).Ok);
        Assert.True((await host.Delivery.Routes.RemoveAsync(relay.Id)).Ok);
        Assert.Equal(RefusalKind.NotFound, (await host.Delivery.Routes.RemoveAsync(relay.Id)).Refusal!.Kind);
        Assert.Equal("one.test", Assert.Single(await host.QueuedAsync()).Lane);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_a_route_holds_waits_for_an_operator_and_goes_by_the_rules_behind_it(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await AddAsync(host, RouteAction.Hold, new RouteMatch { RecipientDomain = "held.test" });
        var relay = await AddAsync(host, RouteAction.Relay, new RouteMatch(), r => r with { Host = "relay.test", Port = 587 });
        Assert.True((await host.SendAsync("ann", ["a@held.test", "b@held.test", "c@other.test"], Message, ann)).Ok);
        await host.WorkAsync();
        Assert.Equal(["c@other.test"], host.World.Attempts.SelectMany(sent => sent.To));
        var items = await host.QueuedAsync();
        Assert.All(items, item => Assert.Equal(QueueState.Held, item.State));
        Assert.True((await host.Queue.DoAsync(QueueDeed.Release, items[0].Id)).Ok);
        await host.WorkAsync();
        Assert.Equal("relay.test", host.World.Attempts.Last().Message.Hop!.Host);
        var direct = await AddAsync(host, RouteAction.Direct, new RouteMatch { RecipientDomain = "unused.test" });
        Assert.True((await host.Queue.RouteAsync(items[1].Id, direct.Id)).Ok);
        Assert.Equal(RefusalKind.NotFound, (await host.Queue.RouteAsync(items[1].Id, 99)).Refusal!.Kind);
        Assert.True((await host.Queue.DoAsync(QueueDeed.Release, items[1].Id)).Ok);
        await host.WorkAsync();
        Assert.Null(host.World.Attempts.Last().Message.Hop!.Host);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
        Assert.NotEqual(relay.Id, direct.Id);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_local_route_fills_a_mailbox_here_and_does_not_go_round(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, trap) = (await host.AddAsync("ann"), await host.AddAsync("trap"));
        await host.AliasAsync("out", "trap@outside.test");
        await AddAsync(host, RouteAction.Local, new RouteMatch { RecipientDomain = "one.test" }, r => r with { Mailbox = DeliveryHost.At("trap") });
        await AddAsync(host, RouteAction.Local, new RouteMatch { RecipientDomain = "two.test" }, r => r with { Mailbox = DeliveryHost.At("out") });
        Assert.True((await host.SendAsync("ann", ["a@one.test", "b@two.test"], Message, ann)).Ok);
        await host.WorkAsync();
        Assert.Single(await host.InboxAsync(trap));
        Assert.Contains("Status: 5.4.6", Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
        Assert.Empty(host.World.Attempts);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_route_has_its_own_patience(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await AddAsync(
            host, RouteAction.Direct, new RouteMatch { RecipientDomain = "brief.test" },
            r => r with { Lifetime = TimeSpan.FromHours(1), Retry = [TimeSpan.FromMinutes(20)] });
        host.World.Answer = RemoteWorld.Defer;
        Assert.True((await host.SendAsync("ann", ["a@brief.test"], Message, ann)).Ok);
        for (var minute = 0; minute < 65; minute++) await host.WorkAfterAsync(TimeSpan.FromMinutes(1));
        Assert.InRange(host.World.Attempts.Count, 3, 4);
        Assert.Contains("Status: 5.4.7", Assert.Single(await host.InboxAsync(ann)), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task The_password_of_a_relay_is_sealed_and_opened_for_the_relay(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        var route = new MailRoute { Action = RouteAction.Relay, Host = "relay.test", Port = 587, Login = "api_token" };
        Assert.True((await host.Delivery.Routes.AddAsync(route, "s3cret"u8.ToArray())).Ok);
        Assert.True((await host.SendAsync("ann", ["a@one.test"], Message, ann)).Ok);
        await host.CrashAsync();
        await host.WorkAsync();
        var hop = Assert.Single(host.World.Attempts).Message.Hop!;
        Assert.Equal("s3cret"u8.ToArray(), await hop.PasswordAsync!(default));
        var stored = await host.Db.ReadAsync(db =>
        {
            using var rows = db.Prepare("SELECT password FROM mail_route").Query();
            return rows.Next() ? rows.Blob(0).ToArray() : [];
        });
        Assert.Equal(-1, stored.AsSpan().IndexOf("s3cret"u8));
        Assert.NotEmpty(stored);
    }

    [Theory]
    [InlineData("a relay needs a host")]
    [InlineData("a relay needs a port")]
    [InlineData("only a relay has a host")]
    [InlineData("a local route needs the address of a mailbox")]
    [InlineData("nobody logs in without TLS")]
    [InlineData("a login needs a password")]
    [InlineData("a password needs a login")]
    [InlineData("this is no name of a header")]
    [InlineData("ten seconds is the shortest time between two attempts")]
    public async Task A_route_that_makes_no_sense_is_refused(string fault)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        var relay = new MailRoute { Action = RouteAction.Relay, Host = "relay.test", Port = 587 };
        var (route, password) = fault switch
        {
            "a relay needs a host" => (relay with { Host = null }, ""),
            "a relay needs a port" => (relay with { Port = 0 }, ""),
            "only a relay has a host" => (relay with { Action = RouteAction.Direct }, ""),
            "a local route needs the address of a mailbox" => (new MailRoute { Action = RouteAction.Local }, ""),
            "nobody logs in without TLS" => (relay with { Login = "me", Security = HopSecurity.None }, "x"),
            "a login needs a password" => (relay with { Login = "me" }, ""),
            "a password needs a login" => (relay, "x"),
            "this is no name of a header" => (relay with { Match = new RouteMatch { Header = "a b" } }, ""),
            _ => (relay with { Retry = [TimeSpan.FromSeconds(1)] }, ""),
        };
        var refused = await host.Delivery.Routes.AddAsync(route, System.Text.Encoding.UTF8.GetBytes(password));
        Assert.Equal(fault, refused.Refusal!.Text);
        Assert.Empty(await host.Delivery.Routes.ListAsync());
    }

    [Fact]
    public void Providers_are_known_by_name()
    {
        Assert.Equal(("smtp.mx.cloudflare.net", 465, HopSecurity.Tls, "api_token"), Of("cloudflare"));
        Assert.Equal(("email-smtp.eu-west-1.amazonaws.com", 587, HopSecurity.StartTls, null), Of("ses:eu-west-1"));
        Assert.Equal(7, RelayPresets.All.Count);
        Assert.Null(RelayPresets.Find("ses:a/b"));
        Assert.Null(RelayPresets.Find("nobody"));

        static (string, int, HopSecurity, string?) Of(string name) =>
            RelayPresets.Find(name) is { } preset ? (preset.Host, preset.Port, preset.Security, preset.Login) : default;
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_is_meant_is_found_by_each_of_its_sides_and_done_to_all(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var (ann, bob) = (await host.AddAsync("ann"), await host.AddAsync("b_b"));
        host.World.Answer = to => to.Domain.Ascii == "one.test" ? RemoteWorld.Defer(to) : RemoteWorld.Defer(to) with { Reply = "451 100% full" };
        var first = (await host.SendAsync("ann", ["x@one.test", "y@two.test"], Message, ann)).Require();
        host.Clock.Advance(TimeSpan.FromHours(1));
        Assert.True((await host.SendAsync("b_b", ["z@one.test"], Message.Replace("ann@", "b_b@"), bob)).Ok);
        await host.WorkAsync();
        Assert.Equal(["x@one.test", "z@one.test"], await FindAsync(new QueueFilter { Domain = Domain.Parse("one.test") }));
        Assert.Equal(["z@one.test"], await FindAsync(new QueueFilter { Sender = "B_B" }));
        Assert.Empty(await FindAsync(new QueueFilter { Sender = "a_n" }));
        Assert.Equal(["y@two.test"], await FindAsync(new QueueFilter { Error = "100% FULL" }));
        Assert.Equal(["y@two.test"], await FindAsync(new QueueFilter { Recipient = "Y@" }));
        Assert.Equal(["x@one.test", "y@two.test"], await FindAsync(new QueueFilter { Age = TimeSpan.FromMinutes(59) }));
        Assert.Equal(["x@one.test", "y@two.test"], await FindAsync(new QueueFilter { Message = first.Id }));
        Assert.Equal(3, (await FindAsync(new QueueFilter { Within = DeliveryHost.Example })).Length);
        Assert.Empty(await FindAsync(new QueueFilter { Within = Domain.Parse("other.test") }));
        Assert.Null(await host.Queue.FindAsync((await host.QueuedAsync())[0].Id, Domain.Parse("other.test")));
        Assert.Equal(2, await host.Queue.DoAsync(QueueDeed.Hold, new QueueFilter { Domain = Domain.Parse("one.test") }));
        Assert.Equal(2, (await FindAsync(new QueueFilter { State = QueueState.Held })).Length);
        var destinations = await host.Queue.DestinationsAsync(10);
        Assert.Equal(("two.test", 1L), (destinations.Single().Lane, destinations.Single().Waiting));
        Assert.Equal(2, await host.Queue.DoAsync(QueueDeed.Cancel, new QueueFilter { State = QueueState.Held }));
        Assert.Equal(1, await host.Queue.DoAsync(QueueDeed.Cancel, QueueFilter.All));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());

        async Task<string[]> FindAsync(QueueFilter filter) => [.. (await host.Queue.ListAsync(filter)).Select(item => item.Recipient.ToString())];
    }

    private static async Task<MailRoute> AddAsync(
        DeliveryHost host, RouteAction action, RouteMatch match, Func<MailRoute, MailRoute>? with = null)
    {
        var route = new MailRoute { Action = action, Match = match };
        return (await host.Delivery.Routes.AddAsync(with is null ? route : with(route), default)).Require();
    }

    private static string Describe(NextHop hop) =>
        hop.Host is null ? $"direct {string.Join(',', hop.Sources)}" : $"{hop.Host}:{hop.Port}{(hop.IsLmtp ? " LMTP" : "")}";
}
