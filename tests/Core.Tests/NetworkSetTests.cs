using System.Net;
using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class NetworkSetTests
{
    [Theory]
    [InlineData("192.0.2.0/24", "192.0.2.255", true)]
    [InlineData("192.0.2.0/24", "192.0.3.0", false)]
    [InlineData("192.0.2.0/24", "::ffff:192.0.2.1", true)] // a dual-stack socket writes it so
    [InlineData("::ffff:192.0.2.0/120", "192.0.2.1", true)]
    [InlineData("::ffff:192.0.2.0/120", "192.0.3.1", false)]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.8", false)]
    [InlineData("2001:db8::/32", "2001:db8:ffff::1", true)]
    [InlineData("2001:db8::/32", "2001:db9::1", false)]
    [InlineData("0.0.0.0/0", "203.0.113.9", true)]
    [InlineData("0.0.0.0/0", "2001:db8::1", false)]
    [InlineData("::/0", "2001:db8::1", true)]
    public void A_network_holds_its_addresses(string network, string address, bool holds)
    {
        Assert.True(NetworkSet.TryParse([network], out var set, out _));
        Assert.Equal(holds, set.Contains(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("192.0.2.1/24")] // bits beyond the prefix: a mistake, not a network
    [InlineData("192.0.2.0/33")]
    [InlineData("192.0.2.0/")]
    [InlineData("::ffff:0:0/95")]
    [InlineData("example.test")]
    [InlineData("")]
    public void The_first_wrong_text_is_named(string wrong)
    {
        Assert.False(NetworkSet.TryParse(["127.0.0.1", wrong, "x"], out _, out var named));
        Assert.Equal(wrong, named);
    }

    [Fact]
    public void Loopback_is_loopback_and_the_empty_set_is_empty()
    {
        Gen.Byte.Array[4].Sample(octets => NetworkSet.Loopback.Contains(new IPAddress(octets)) == (octets[0] == 127));
        Assert.True(NetworkSet.Loopback.Contains(IPAddress.IPv6Loopback));
        Assert.True(NetworkSet.Empty.IsEmpty);
        Assert.False(NetworkSet.Empty.Contains(IPAddress.Loopback));
    }
}
