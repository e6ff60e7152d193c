using System.Net;
using Posthorn.Core;

namespace Posthorn.Server.Tests;

public sealed class WebListenersTests
{
    [Theory]
    [InlineData("198.51.100.9", "203.0.113.5", "198.51.100.9")] // not a proxy of ours: what it says of others is not believed
    [InlineData("192.0.2.1", "203.0.113.5", "203.0.113.5")]
    [InlineData("192.0.2.1", "6.6.6.6, 203.0.113.5", "203.0.113.5")] // the client made the first one up
    [InlineData("192.0.2.1", "203.0.113.5, 192.0.2.2", "203.0.113.5")] // two proxies in a row
    [InlineData("192.0.2.1", "", "192.0.2.1")]
    [InlineData("192.0.2.1", "unknown", "192.0.2.1")]
    public void The_clients_address_is_taken_from_trusted_proxies_only(string peer, string forwarded, string client)
    {
        Assert.True(NetworkSet.TryParse(["192.0.2.0/24"], out var proxies, out _));
        Assert.Equal(IPAddress.Parse(client), WebListeners.ClientOf(IPAddress.Parse(peer), forwarded, proxies));
    }
}
