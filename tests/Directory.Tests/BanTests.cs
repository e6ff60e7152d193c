using System.Net;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public abstract partial class DirectoryTests
{
    [Fact]
    public async Task A_banned_network_is_covered_until_its_time_is_over_or_somebody_takes_it_back()
    {
        await using var house = await OpenAsync();
        var bans = house.Directory.Bans;
        (await bans.AddAsync(Authority.System, IPNetwork.Parse("192.0.2.0/24"), "spam", TimeSpan.FromHours(1))).Require();
        (await bans.AddAsync(Authority.System, IPNetwork.Parse("2001:db8:1::/48"), "more", null)).Require();
        Assert.True(bans.Covers(IPAddress.Parse("192.0.2.200")));
        Assert.True(bans.Covers(IPAddress.Parse("::ffff:192.0.2.1")));
        Assert.True(bans.Covers(IPAddress.Parse("2001:db8:1:ffff::1")));
        Assert.False(bans.Covers(IPAddress.Parse("192.0.3.1")));
        Assert.False(bans.Covers(IPAddress.Parse("2001:db8:2::1")));
        Assert.Equal(["2001:db8:1::/48", "192.0.2.0/24"], (await bans.ListAsync()).Select(ban => ban.Network.ToString()).OrderDescending());
        house.Clock.Advance(TimeSpan.FromHours(1));
        Assert.False(bans.Covers(IPAddress.Parse("192.0.2.200")));
        await bans.RefreshAsync(CancellationToken.None);
        Assert.Equal("2001:db8:1::/48", Assert.Single(await bans.ListAsync()).Network.ToString());
        (await bans.RemoveAsync(Authority.System, IPNetwork.Parse("2001:db8:1::/48"))).Require();
        Assert.False(bans.Covers(IPAddress.Parse("2001:db8:1::1")));
        Assert.Equal(RefusalKind.NotFound, (await bans.RemoveAsync(Authority.System, IPNetwork.Parse("192.0.2.0/24"))).Refusal!.Kind);
        var by = Authority.OverDomain("ann", House.Example);
        Assert.Equal(RefusalKind.Forbidden, (await bans.AddAsync(by, IPNetwork.Parse("192.0.2.0/24"), "", null)).Refusal!.Kind);
    }

    [Fact]
    public async Task Who_does_wrong_often_enough_is_banned_and_a_neighbour_is_not()
    {
        await using var house = await OpenAsync();
        var (conduct, bans) = (house.Directory.Conduct, house.Directory.Bans);
        var address = IPAddress.Parse("192.0.2.7");
        for (var i = 0; i < 19; i++) conduct.Note(address, Offence.FailedLogin);
        Assert.False(bans.Covers(address));
        house.Clock.Advance(Conduct.Drain * 10);
        for (var i = 0; i < 2; i++) conduct.Note(address, Offence.FailedLogin); // ten points have drained
        Assert.False(bans.Covers(address));
        conduct.Note(address, Offence.FailedLogin);
        await BannedAsync(bans, address);
        Assert.False(bans.Covers(IPAddress.Parse("192.0.2.8")));
        Assert.Equal("too many offences, the last one: a failed log-in", Assert.Single(await bans.ListAsync()).Reason);
        house.Clock.Advance(Conduct.BanTime);
        Assert.False(bans.Covers(address));
    }

    [Fact]
    public async Task A_network_whose_addresses_take_turns_is_banned_as_a_whole()
    {
        await using var house = await OpenAsync();
        for (var i = 0; i < 250; i++) house.Directory.Conduct.Note(IPAddress.Parse($"2001:db8:7:{i:x}::1"), Offence.UnknownRecipient);
        await BannedAsync(house.Directory.Bans, IPAddress.Parse("2001:db8:7:ffff::1"));
        Assert.False(house.Directory.Bans.Covers(IPAddress.Parse("2001:db8:8::1")));
    }

    [Fact]
    public async Task Loopback_is_not_counted_unless_the_operator_wants_it()
    {
        await using var house = await OpenAsync();
        house.Directory.Conduct.Note(IPAddress.Loopback, Offence.EarlyTalk, 100);
        Assert.False(house.Directory.Bans.Covers(IPAddress.Loopback));
        foreach (var shared in (string[])["10.1.2.3", "172.17.0.1", "192.168.1.1", "fd00::1", "::ffff:10.0.0.1"])
        {
            house.Directory.Conduct.Note(IPAddress.Parse(shared), Offence.EarlyTalk, 100);
        }
        await house.Directory.Bans.RefreshAsync(CancellationToken.None);
        Assert.Empty(await house.Directory.Bans.ListAsync());
        await using var strict = await OpenAsync(new DirectorySettings { ThrottleLoopback = true });
        strict.Directory.Conduct.Note(IPAddress.Loopback, Offence.EarlyTalk, 100);
        await BannedAsync(strict.Directory.Bans, IPAddress.Loopback);
    }

    // The ban is written behind the back of who has caused it.
    private static async Task BannedAsync(Bans bans, IPAddress address)
    {
        for (var i = 0; i < 5000 && !bans.Covers(address); i++) await bans.RefreshAsync(CancellationToken.None);
        Assert.True(bans.Covers(address));
    }
}
