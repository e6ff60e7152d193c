using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Posthorn.Server.Tests;

public sealed class MailServerTests
{
    [Fact]
    public async Task A_started_server_speaks_on_every_port()
    {
        using var place = new TestPlace();
        await using var server = await StartAsync(await place.InstallAsync());
        Assert.StartsWith("* OK", await GreetingAsync(place, Ports.Imap, tls: false), StringComparison.Ordinal);
        Assert.StartsWith("* OK", await GreetingAsync(place, Ports.Imaps, tls: true), StringComparison.Ordinal);
        Assert.StartsWith("+OK", await GreetingAsync(place, Ports.Pop3, tls: false), StringComparison.Ordinal);
        Assert.StartsWith("+OK", await GreetingAsync(place, Ports.Pop3s, tls: true), StringComparison.Ordinal);
        Assert.StartsWith("220 mail.example.test", await GreetingAsync(place, Ports.Smtp, tls: false), StringComparison.Ordinal);
        Assert.StartsWith("220 mail.example.test", await GreetingAsync(place, Ports.Submission, tls: false), StringComparison.Ordinal);
        Assert.StartsWith("220 mail.example.test", await GreetingAsync(place, Ports.Submissions, tls: true), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await GetAsync($"https://127.0.0.1:{place.Offset + Ports.Https}/healthz", null));
        Assert.Equal(HttpStatusCode.OK, await GetAsync($"http://127.0.0.1:{place.Offset + Ports.Http}/healthz", null));
        Assert.Equal(HttpStatusCode.OK, await GetAsync("http://localhost/healthz", Path.Combine(place.Data, "admin.sock")));
    }

    [Fact]
    public async Task Only_its_owner_may_open_the_admin_socket()
    {
        using var place = new TestPlace();
        await using var server = await StartAsync(await place.InstallAsync());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(place.Data, "admin.sock")));
    }

    [Fact]
    public async Task A_stop_says_goodbye_and_leaves_a_clean_directory_that_starts_again()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync();
        var server = await StartAsync(config);
        using var imap = new TcpClient();
        await imap.ConnectAsync(IPAddress.Loopback, place.Offset + Ports.Imap);
        using var lines = new StreamReader(imap.GetStream());
        await lines.ReadLineAsync();
        var stopped = server.DisposeAsync();
        Assert.StartsWith("* BYE", await lines.ReadLineAsync(), StringComparison.Ordinal);
        await stopped;
        Assert.False(File.Exists(Path.Combine(place.Data, "posthorn.db-wal")));
        await using var again = await StartAsync(config);
    }

    [Fact]
    public async Task Two_servers_on_one_directory_are_refused()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync();
        await using var server = await StartAsync(config);
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => StartAsync(config with { PortOffset = config.PortOffset + 1 }));
        Assert.Contains("another posthorn uses", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_named_and_lets_go_of_the_directory()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync();
        using (var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            other.Bind(new IPEndPoint(IPAddress.Loopback, place.Offset + Ports.Imaps));
            other.Listen();
            var failure = await Assert.ThrowsAsync<CommandFailedException>(() => StartAsync(config));
            Assert.Equal($"cannot listen on 127.0.0.1:{place.Offset + Ports.Imaps}: another program uses this port", failure.Message);
        }
        await using var server = await StartAsync(config);
    }

    [Fact]
    public async Task A_damaged_database_is_one_clear_line()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync();
        await File.WriteAllTextAsync(Path.Combine(place.Data, "posthorn.db"), new string('x', 100_000));
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(config));
        Assert.True(Failure.TryTell(failure, out var line));
        Assert.Contains("posthorn.db is damaged", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_PostgreSQL_is_one_clear_line()
    {
        using var place = new TestPlace();
        var config = await place.InstallAsync() with { DatabaseUrl = $"postgres://posthorn:s3cret@127.0.0.1:{place.Offset + 1}/posthorn" };
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(config));
        Assert.True(Failure.TryTell(failure, out var line));
        Assert.DoesNotContain("s3cret", line, StringComparison.Ordinal);
    }

    private static Task<MailServer> StartAsync(ServerConfig config) =>
        MailServer.StartAsync(config, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);

    private static async Task<string> GreetingAsync(TestPlace place, int port, bool tls)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, place.Offset + port);
        Stream stream = socket.GetStream();
        if (tls)
        {
            var secure = new SslStream(stream, false, (_, _, _, _) => true);
            await secure.AuthenticateAsClientAsync("mail.example.test");
            stream = secure;
        }
        using var lines = new StreamReader(stream, Encoding.ASCII);
        return await lines.ReadLineAsync() ?? "";
    }

    private static async Task<HttpStatusCode> GetAsync(string url, string? socket)
    {
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        if (socket is not null)
        {
            handler.ConnectCallback = async (_, ct) =>
            {
                var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await unix.ConnectAsync(new UnixDomainSocketEndPoint(socket), ct);
                return new NetworkStream(unix, ownsSocket: true);
            };
        }
        using var client = new HttpClient(handler);
        using var answer = await client.GetAsync(new Uri(url));
        return answer.StatusCode;
    }
}
