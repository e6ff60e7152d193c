using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Posthorn.Interop;

/// <summary>OpenDKIM and rspamd as milters, as Debian has them.</summary>
public sealed class MilterTests : IAsyncLifetime
{
    private const string Gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly PosthornServer _server = new();
    private readonly List<Process> _milters = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine("The server's log:\n" + _server.Log);
        await _server.DisposeAsync();
        foreach (var milter in _milters)
        {
            milter.Kill(entireProcessTree: true);
            await milter.WaitForExitAsync(CancellationToken.None);
            milter.Dispose();
        }
    }

    [Fact]
    public async Task OpenDkim_signs_what_is_submitted()
    {
        var folder = Directory.CreateTempSubdirectory("opendkim-").FullName;
        var port = PortRange.TakeOne();
        (await Peer.RunAsync("openssl", ["genrsa", "-out", $"{folder}/key.pem", "2048"])).Require();
        await File.WriteAllTextAsync($"{folder}/conf", "RequireSafeKeys no\nUMask 007\n", TestContext.Current.CancellationToken);
        await StartAsync(
            port, "opendkim", "-f", "-x", $"{folder}/conf", "-b", "s", "-d", PosthornServer.Domain, "-s", "sel", "-k", $"{folder}/key.pem",
            "-p", Inet(port), "-P", $"{folder}/pid");
        await StartServerAsync(port);

        var person = await _server.AddPersonAsync();
        (await SwaksAsync(person, _server.Submission, "--tls", "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password", person.Password,
            "--from", person.Address)).Require();
        var message = await ReadAsync(person);
        Assert.Contains("\r\nDKIM-Signature: v=1; a=rsa-sha256;", message, StringComparison.Ordinal);
        Assert.Contains("d=example.test; s=sel;", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rspamd_lets_mail_pass_and_refuses_spam()
    {
        var folder = Directory.CreateTempSubdirectory("rspamd-").FullName;
        var port = PortRange.TakeOne();
        await File.WriteAllTextAsync(
            $"{folder}/rspamd.conf",
            $$"""
            options { pidfile = "{{folder}}/pid"; dns { nameserver = ["127.0.0.1"]; timeout = 0.1s; retransmits = 1; } filters = ""; }
            logging { type = "console"; level = "info"; }
            metric { name = "default"; actions { reject = 15; add_header = 6; } symbol { name = "GTUBE"; weight = 100; } }
            worker "rspamd_proxy" {
              bind_socket = "127.0.0.1:{{port}}"; milter = yes; timeout = 60s; count = 1;
              upstream "local" { default = yes; self_scan = yes; }
            }
            """,
            TestContext.Current.CancellationToken);
        await StartAsync(port, "rspamd", "-f", "-i", "-c", $"{folder}/rspamd.conf", "--var", $"DBDIR={folder}", "--var", $"RUNDIR={folder}");
        await StartServerAsync(port);

        var person = await _server.AddPersonAsync();
        (await SwaksAsync(person, _server.Smtp, "--from", "stranger@example.net", "--body", "An honest letter.")).Require();
        Assert.Contains("An honest letter.", await ReadAsync(person), StringComparison.Ordinal);
        var spam = await SwaksAsync(person, _server.Smtp, "--from", "stranger@example.net", "--body", Gtube);
        Assert.NotEqual(0, spam.Status);
        Assert.Contains("550 5.7.1 ", spam.Out, StringComparison.Ordinal);
        Assert.DoesNotContain(Gtube, await ReadAsync(person), StringComparison.Ordinal);
    }

    private static string Inet(int port) => string.Create(CultureInfo.InvariantCulture, $"inet:{port}@127.0.0.1");

    private async Task StartServerAsync(int port)
    {
        _server.Settings["POSTHORN_MILTER_ADDRESS"] = $"127.0.0.1:{port}";
        await _server.InitializeAsync();
    }

    private async Task StartAsync(int port, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments);
        _milters.Add(Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start."));
        var began = Stopwatch.GetTimestamp();
        while (!await ListensAsync(port))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"{program} does not listen");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
    }

    private static async Task<bool> ListensAsync(int port)
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Task<Outcome> SwaksAsync(Person to, int port, params string[] options) => Peer.RunAsync(
        "swaks", ["--server", "127.0.0.1", "--port", $"{port}", "--helo", "client.test", "--timeout", "20", "--to", to.Address, .. options]);

    private async Task<string> ReadAsync(Person person) =>
        (await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, "INBOX")).Require();
}
