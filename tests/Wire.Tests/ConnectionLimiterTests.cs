using System.Net;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Wire.Tests;

public sealed class ConnectionLimiterTests
{
    [Fact]
    public void A_network_has_its_places_and_gets_them_back()
    {
        var limiter = new ConnectionLimiter(new ConnectionLimits { ConnectionsPerNetworkMax = 2 });
        var first = limiter.TryEnter(IPAddress.Parse("192.0.2.1"));
        using var second = limiter.TryEnter(IPAddress.Parse("::ffff:192.0.2.1"));
        Assert.NotNull(first);
        Assert.NotNull(second);
        Assert.Null(limiter.TryEnter(IPAddress.Parse("192.0.2.1")));
        using var other = limiter.TryEnter(IPAddress.Parse("192.0.2.2"));
        Assert.NotNull(other);
        first.Dispose();
        first.Dispose(); // once is once
        Assert.Equal(2, limiter.Count);
        using var again = limiter.TryEnter(IPAddress.Parse("192.0.2.1"));
        Assert.NotNull(again);
        Assert.Null(limiter.TryEnter(IPAddress.Parse("192.0.2.1")));
    }

    [Fact]
    public void A_subscriber_of_ipv6_is_a_64()
    {
        var limiter = new ConnectionLimiter(new ConnectionLimits { ConnectionsPerNetworkMax = 1 });
        using var first = limiter.TryEnter(IPAddress.Parse("2001:db8:0:1::1"));
        Assert.NotNull(first);
        Assert.Null(limiter.TryEnter(IPAddress.Parse("2001:db8:0:1:ffff::2")));
        using var other = limiter.TryEnter(IPAddress.Parse("2001:db8:0:2::1"));
        Assert.NotNull(other);
    }

    [Fact]
    public void The_network_around_has_its_places_too()
    {
        var limiter = new ConnectionLimiter(new ConnectionLimits { ConnectionsPerWideNetworkMax = 2 });
        foreach (var (near, far) in new[] { ("192.0.2.", "192.0.3.1"), ("2001:db8:1:", "2001:db8:2::1") })
        {
            var first = limiter.TryEnter(IPAddress.Parse(near + (near[0] == '1' ? "1" : "1::1")));
            using var second = limiter.TryEnter(IPAddress.Parse(near + (near[0] == '1' ? "2" : "2::1")));
            Assert.NotNull(first);
            Assert.NotNull(second);
            var third = IPAddress.Parse(near + (near[0] == '1' ? "3" : "3::1"));
            Assert.Null(limiter.TryEnter(third));
            using var other = limiter.TryEnter(IPAddress.Parse(far));
            Assert.NotNull(other);
            first.Dispose();
            using var again = limiter.TryEnter(third);
            Assert.NotNull(again);
        }
    }

    [Fact]
    public void Who_is_exempt_counts_against_the_whole_alone()
    {
        var limiter = new ConnectionLimiter(new ConnectionLimits { ConnectionsMax = 3, ConnectionsPerNetworkMax = 1 });
        for (var i = 0; i < 3; i++) Assert.NotNull(limiter.TryEnter(IPAddress.Loopback));
        Assert.Null(limiter.TryEnter(IPAddress.Loopback));
        var strict = new ConnectionLimiter(new ConnectionLimits { ConnectionsPerNetworkMax = 1, Exempt = NetworkSet.Empty });
        Assert.NotNull(strict.TryEnter(IPAddress.Loopback));
        Assert.Null(strict.TryEnter(IPAddress.Loopback));
    }
}
