using System.Net;
using System.Net.Sockets;
using Xunit;
using static Posthorn.Wire.Tests.CommandReaderTests;

namespace Posthorn.Wire.Tests;

public sealed class WireClientTests : IDisposable
{
    private readonly WireClient _client = new(TimeProvider.System);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public WireClientTests() => _listener.Start();

    [Fact]
    public async Task The_first_address_that_answers_is_used()
    {
        var there = (IPEndPoint)_listener.LocalEndpoint;
        var closed = new IPEndPoint(IPAddress.Parse("127.0.0.2"), there.Port);
        var (connection, failure) = await _client.ConnectAsync([closed, there], new WireClientOptions());
        Assert.Null(failure);
        await using var open = connection!;
        Assert.Equal(there, open.Remote);
        using var accepted = await _listener.AcceptTcpClientAsync();
        await accepted.GetStream().WriteAsync("220 hello\r\n"u8.ToArray());
        Assert.Equal("220 hello", Text((await open.Reader.ReadLineAsync()).Line));
    }

    [Fact]
    public async Task Without_an_answer_each_address_says_why()
    {
        var port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _listener.Stop();
        var (connection, failure) = await _client.ConnectAsync(
            [new IPEndPoint(IPAddress.Loopback, port), new IPEndPoint(IPAddress.Parse("127.0.0.2"), port)], new WireClientOptions());
        Assert.Null(connection);
        Assert.Contains($"127.0.0.1:{port}: ", failure, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.2:{port}: ", failure, StringComparison.Ordinal);
        Assert.NotNull((await _client.ConnectAsync([], new WireClientOptions())).Failure);
    }

    [Fact]
    public async Task A_source_address_is_connected_from()
    {
        var options = new WireClientOptions { Sources = [IPAddress.Parse("127.0.0.3")] };
        await using var connection = (await _client.ConnectAsync([(IPEndPoint)_listener.LocalEndpoint], options)).Connection!;
        using var accepted = await _listener.AcceptSocketAsync();
        Assert.Equal(IPAddress.Parse("127.0.0.3"), ((IPEndPoint)accepted.RemoteEndPoint!).Address);
    }

    [Fact]
    public async Task A_cancelled_connect_throws()
    {
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => _client.ConnectAsync([(IPEndPoint)_listener.LocalEndpoint], new WireClientOptions(), cancel.Token));
    }

    public void Dispose()
    {
        _listener.Dispose();
        _client.Dispose();
    }
}
