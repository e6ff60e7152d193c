using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Posthorn.Wire.Tests;

public sealed class SocksProxyTests
{
    [Theory]
    [InlineData(null)]
    [InlineData("me")]
    public async Task A_connection_is_made_through_the_proxy(string? login)
    {
        using var proxy = new FakeProxy { Login = login };
        using var client = new WireClient(TimeProvider.System);
        var options = new WireClientOptions { Socks = new SocksProxy(proxy.EndPoint, login, login is null ? null : "secret") };
        var (connection, failure) = await client.ConnectAsync([new IPEndPoint(IPAddress.Parse("192.0.2.1"), 25)], options);
        Assert.Null(failure);
        await using (connection)
        {
            var line = await connection!.Reader.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.Equal(ReadStatus.Ok, line.Status);
            Assert.Equal("220 hello", System.Text.Encoding.ASCII.GetString(System.Buffers.BuffersExtensions.ToArray(line.Line)));
        }
        Assert.Equal("192.0.2.1:25", proxy.Asked);
    }

    [Theory]
    [InlineData(5, "connection refused")]
    [InlineData(2, "does not allow")]
    [InlineData(99, "the proxy failed")]
    public async Task A_proxy_that_makes_no_connection_says_why(byte code, string why)
    {
        using var proxy = new FakeProxy { Code = code };
        using var client = new WireClient(TimeProvider.System);
        var options = new WireClientOptions { Socks = new SocksProxy(proxy.EndPoint) };
        var (connection, failure) = await client.ConnectAsync([new IPEndPoint(IPAddress.Parse("2001:db8::1"), 25)], options);
        Assert.Null(connection);
        Assert.Contains(why, failure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    [InlineData("\x05\xFF")]
    [InlineData("")]
    public async Task What_is_no_such_proxy_is_no_connection(string answer)
    {
        using var proxy = new FakeProxy { Answer = answer };
        using var client = new WireClient(TimeProvider.System);
        var options = new WireClientOptions { Socks = new SocksProxy(proxy.EndPoint) };
        var (connection, failure) = await client.ConnectAsync([new IPEndPoint(IPAddress.Parse("192.0.2.1"), 25)], options);
        Assert.Null(connection);
        Assert.NotNull(failure);
    }

    private sealed class FakeProxy : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public FakeProxy()
        {
            _listener.Start();
            _ = ServeAsync();
        }

        public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

        public string? Login { get; init; }

        public byte Code { get; init; }

        /// <summary>Said instead of everything.</summary>
        public string? Answer { get; init; }

        public string Asked { get; private set; } = "";

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                using var socket = await _listener.AcceptSocketAsync();
                await SpeakAsync(socket);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or EndOfStreamException)
            {
                // The test is over.
            }
        }

        private async Task SpeakAsync(Socket socket)
        {
            var hello = await ReceiveAsync(socket, 3);
            if (Answer is not null)
            {
                await socket.SendAsync(System.Text.Encoding.Latin1.GetBytes(Answer));
                return;
            }
            Assert.Equal((byte)(Login is null ? 0 : 2), hello[2]);
            await socket.SendAsync((byte[])[5, hello[2]]);
            if (Login is not null)
            {
                var name = await ReceiveAsync(socket, (await ReceiveAsync(socket, 2))[1]);
                var secret = await ReceiveAsync(socket, (await ReceiveAsync(socket, 1))[0]);
                var isRight = name.AsSpan().SequenceEqual("me"u8) && secret.AsSpan().SequenceEqual("secret"u8);
                await socket.SendAsync((byte[])[1, (byte)(isRight ? 0 : 1)]);
            }
            var head = await ReceiveAsync(socket, 4);
            var address = new IPAddress(await ReceiveAsync(socket, head[3] == 4 ? 16 : 4));
            var port = await ReceiveAsync(socket, 2);
            Asked = new IPEndPoint(address, port[0] << 8 | port[1]).ToString();
            await socket.SendAsync((byte[])[5, Code, 0, 3, 4, (byte)'h', (byte)'o', (byte)'s', (byte)'t', 0, 25]);
            if (Code == 0) await socket.SendAsync("220 hello\r\n"u8.ToArray());
            await ReceiveAsync(socket, 1);
        }

        private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
        {
            var octets = new byte[count];
            for (var at = 0; at < count;)
            {
                var read = await socket.ReceiveAsync(octets.AsMemory(at));
                if (read == 0) throw new EndOfStreamException();
                at += read;
            }
            return octets;
        }
    }
}
