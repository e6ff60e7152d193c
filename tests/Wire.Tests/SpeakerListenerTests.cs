using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Xunit;
using static Posthorn.Wire.Tests.CommandReaderTests;

namespace Posthorn.Wire.Tests;

public sealed class SpeakerListenerTests
{
    private static readonly IPEndPoint Proxy = new(IPAddress.Parse("192.0.2.99"), 1000);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task The_header_of_a_trusted_proxy_tells_who_the_client_is()
    {
        await using var link = new WireLink(new WireLimits(), _time, Proxy);
        IPEndPoint? seen = null;
        string? line = null;
        var listener = Listener(
            async connection =>
            {
                seen = connection.Remote;
                line = Text((await connection.Reader.ReadLineAsync()).Line);
            },
            new SpeakerOptions { Name = "smtp", EndPoints = [], TrustedProxies = Networks("192.0.2.0/24") });
        var serving = listener.ServeAsync(link.ServerContext);
        foreach (var octet in "PROXY TCP4 198.51.100.7 192.0.2.1 4000 25\r\nEHLO x\r\n"u8.ToArray()) await SendAsync(link.Client, new[] { octet });
        await serving;
        Assert.Equal("198.51.100.7:4000", seen!.ToString());
        Assert.Equal("EHLO x", line);
    }

    [Theory]
    [InlineData("EHLO x\r\n")]
    [InlineData("PROXY nonsense\r\n")]
    [InlineData("")] // silence
    public async Task A_trusted_proxy_without_a_header_is_closed(string sent)
    {
        await using var link = new WireLink(new WireLimits(), _time, Proxy);
        var listener = Listener(
            _ => throw new InvalidOperationException("nobody should be served"),
            new SpeakerOptions { Name = "smtp", EndPoints = [], TrustedProxies = Networks("192.0.2.0/24") });
        var serving = listener.ServeAsync(link.ServerContext);
        await SendAsync(link.Client, Encoding.ASCII.GetBytes(sent));
        if (sent.Length == 0) _time.Advance(new WireLimits().HandshakeTimeout + TimeSpan.FromSeconds(1));
        await serving;
        Assert.Equal(0, listener.ConnectionCount);
    }

    [Fact]
    public async Task From_everybody_else_the_header_is_a_line_like_another()
    {
        await using var link = new WireLink(new WireLimits(), _time, new IPEndPoint(IPAddress.Parse("198.51.100.1"), 1000));
        string? line = null;
        IPEndPoint? seen = null;
        var listener = Listener(
            async connection => (seen, line) = (connection.Remote, Text((await connection.Reader.ReadLineAsync()).Line)),
            new SpeakerOptions { Name = "smtp", EndPoints = [], TrustedProxies = Networks("192.0.2.0/24") });
        var serving = listener.ServeAsync(link.ServerContext);
        await SendAsync(link.Client, "PROXY TCP4 203.0.113.7 192.0.2.1 4000 25\r\n"u8.ToArray());
        await serving;
        Assert.Equal("PROXY TCP4 203.0.113.7 192.0.2.1 4000 25", line);
        Assert.Equal("198.51.100.1:1000", seen!.ToString());
    }

    [Fact]
    public async Task Who_is_banned_hears_nothing()
    {
        await using var link = new WireLink(new WireLimits(), _time, Proxy);
        var listener = Listener(
            _ => throw new InvalidOperationException("nobody should be served"),
            new SpeakerOptions
            {
                Name = "smtp",
                EndPoints = [],
                IsBanned = address => address.Equals(Proxy.Address),
                Busy = "421 busy\r\n"u8.ToArray(),
            });
        await listener.ServeAsync(link.ServerContext);
        Assert.Equal(ReadStatus.Closed, (await link.Client.Reader.ReadLineAsync()).Status);
    }

    [Fact]
    public async Task Who_finds_no_place_hears_why_and_the_place_comes_back()
    {
        var stay = new TaskCompletionSource();
        var listener = Listener(
            _ => stay.Task,
            new SpeakerOptions
            {
                Name = "smtp",
                EndPoints = [],
                Connections = new ConnectionLimits { ConnectionsMax = 1 },
                Busy = "421 4.7.0 too many connections\r\n"u8.ToArray(),
            });
        await using var first = new WireLink(new WireLimits(), _time);
        var serving = listener.ServeAsync(first.ServerContext);
        await using var second = new WireLink(new WireLimits(), _time);
        await listener.ServeAsync(second.ServerContext);
        Assert.Equal("421 4.7.0 too many connections", Text((await second.Client.Reader.ReadLineAsync()).Line));
        Assert.Equal(1, listener.ConnectionCount);
        stay.SetResult();
        await serving;
        Assert.Equal(0, listener.ConnectionCount);
    }

    [Fact]
    public async Task A_session_that_throws_ends_its_connection_and_nothing_else()
    {
        var listener = Listener(
            _ => throw new InvalidOperationException("we are wrong"), new SpeakerOptions { Name = "smtp", EndPoints = [] });
        await using var link = new WireLink(new WireLimits(), _time);
        await listener.ServeAsync(link.ServerContext);
        Assert.Equal(0, listener.ConnectionCount);
        Assert.Equal(ReadStatus.Closed, (await link.Client.Reader.ReadLineAsync()).Status);
    }

    [Fact]
    public async Task What_takes_too_long_to_stop_is_aborted()
    {
        var reason = "";
        var listener = Listener(
            async connection =>
            {
                await connection.Reader.ReadExactAsync(new byte[10]); // a body: a stop does not end it
                reason = connection.AbortReason;
            },
            new SpeakerOptions { Name = "smtp", EndPoints = [] });
        await using var link = new WireLink(new WireLimits(), _time);
        var serving = listener.ServeAsync(link.ServerContext);
        link.Stop();
        _time.Advance(new WireLimits().StopTimeout - TimeSpan.FromSeconds(1));
        Assert.False(serving.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        await serving;
        Assert.Equal("the command under way took too long to stop", reason);
    }

    [Fact]
    public void An_address_for_both_families_takes_in_that_of_one()
    {
        var (any, any6) = (new IPEndPoint(IPAddress.Any, 25), new IPEndPoint(IPAddress.IPv6Any, 25));
        if (System.Net.Sockets.Socket.OSSupportsIPv6) Assert.Equal([any6], SpeakerListener.WithoutOverlap([any, any6]));
        var one = new IPEndPoint(IPAddress.Loopback, 25);
        Assert.Equal([any, one], SpeakerListener.WithoutOverlap([any, one, one]));
    }

    private SpeakerListener Listener(Func<WireConnection, Task> serve, SpeakerOptions options) =>
        new(options, serve, _time, NullLogger<SpeakerListener>.Instance);

    private static NetworkSet Networks(string text) => NetworkSet.TryParse([text], out var set, out _) ? set : NetworkSet.Empty;
}
