using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>MTA-STS with a Postfix as the peer: a policy that names it, one that does not, and the next one.</summary>
public sealed class StsTests : IAsyncLifetime
{
    private const string Host = $"mta-sts.{PostfixServer.Domain}";

    private readonly PosthornServer _server = new();
    private PostfixServer? _postfix;
    private PolicyServer? _policies;

    public async ValueTask InitializeAsync()
    {
        int port = PortRange.TakeOne();
        _postfix = await PostfixServer.StartAsync(port, 1);
        _policies = new PolicyServer(port - 25 + 443);
        string trusted = Path.Combine(Path.GetTempPath(), $"posthorn-trusted-{port}.pem");
        string certificates = await File.ReadAllTextAsync(_postfix.CertificateFile) + _policies.Certificate.ExportCertificatePem() + "\n";
        await File.WriteAllTextAsync(trusted, certificates);
        _server.Settings["SSL_CERT_FILE"] = trusted;
        _server.Settings["POSTHORN_DELIVERY_PORT"] = $"{port}";
        await _server.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            string postfix = _postfix is null ? "" : await _postfix.LogAsync();
            TestContext.Current.TestOutputHelper?.WriteLine($"The server's log:\n{_server.Log}\nPostfix's log:\n{postfix}");
        }
        if (_policies is not null) await _policies.DisposeAsync();
        if (_postfix is not null) await _postfix.DisposeAsync();
        await _server.DisposeAsync();
        File.Delete(_server.Settings["SSL_CERT_FILE"]);
    }

    [Fact]
    public async Task Mail_waits_until_the_policy_names_the_host_and_its_certificate_is_proven()
    {
        await PublishAsync("1", "mx: elsewhere.test");
        var person = await _server.AddPersonAsync();
        (await Peer.RunAsync(
            "swaks",
            [
                "--server", $"127.0.0.1:{_server.Submission}", "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password",
                person.Password, "--from", person.Address, "--to", PostfixServer.Known, "--header", "Subject: By policy",
            ])).Require();
        await Eventually.HoldsAsync("the mail waits", async () => (await QueueAsync()).Contains("does not name", StringComparison.Ordinal));
        Assert.Empty(await _postfix!.ReceivedAsync());

        await PublishAsync("2", $"mx: mx.{PostfixServer.Domain}");
        await Eventually.HoldsAsync("the mail arrives", async () =>
        {
            using var queue = JsonDocument.Parse(await QueueAsync());
            foreach (var entry in queue.RootElement.EnumerateArray())
            {
                await _server.CliAsync(["queue", "retry", $"{entry.GetProperty("id").GetInt64()}"]);
            }
            return (await _postfix.ReceivedAsync()).Count == 1;
        });
        string results = (await _server.CliAsync(["tls", "results", "--domain", PostfixServer.Domain])).Require();
        Assert.Matches(@"remote\.test\s+sts\s+success\s+1 ", results);
        Assert.Matches(@"remote\.test\s+sts\s+validation-failure", results);

        // A certificate that nobody trusts any more is a result too, and the mail waits again.
        Assert.Equal(0, await _server.StopAsync());
        await File.WriteAllTextAsync(_server.Settings["SSL_CERT_FILE"], _policies!.Certificate.ExportCertificatePem());
        await _server.StartAsync();
        (await Peer.RunAsync(
            "swaks",
            [
                "--server", $"127.0.0.1:{_server.Submission}", "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password",
                person.Password, "--from", person.Address, "--to", PostfixServer.Known, "--header", "Subject: Untrusted",
            ])).Require();
        await Eventually.HoldsAsync("the mail waits", async () => (await QueueAsync()).Contains("4.7.5", StringComparison.Ordinal)
            || (await QueueAsync()).Contains("not valid", StringComparison.Ordinal));
        Assert.Single(await _postfix.ReceivedAsync());
    }

    private async Task<string> QueueAsync() => (await _server.CliAsync(["queue", "list", "--json"])).Require();

    private async Task PublishAsync(string id, string mx)
    {
        _policies!.Policy = $"version: STSv1\nmode: enforce\n{mx}\nmax_age: 86400\n";
        string file = Path.Combine(_server.Data, "zone");
        var lines = await File.ReadAllLinesAsync(file);
        string zone = string.Join('\n', lines.Where(static line => !line.Contains("mta-sts", StringComparison.Ordinal)));
        await File.WriteAllTextAsync(file, $"{zone}\n_mta-sts.{PostfixServer.Domain}. TXT \"v=STSv1; id={id}\"\n{Host}. A 127.0.0.1\n");
    }

    /// <summary>The web server of the remote domain.</summary>
    private sealed class PolicyServer : IAsyncDisposable
    {
        private readonly TcpListener _listener;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _serving;

        public PolicyServer(int port)
        {
            _listener = new TcpListener(IPAddress.Loopback, port);
            _listener.Start();
            _serving = ServeAsync();
        }

        public string Policy { get; set; } = "";

        public X509Certificate2 Certificate { get; } = Make();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            _listener.Dispose();
            await _serving;
            Certificate.Dispose();
            _stop.Dispose();
        }

        private static X509Certificate2 Make()
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={Host}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(Host);
            request.CertificateExtensions.Add(names.Build());
            var now = TimeProvider.System.GetUtcNow();
            using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
            return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        }

        private async Task ServeAsync()
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                    await using var secure = new SslStream(client.GetStream());
                    await secure.AuthenticateAsServerAsync(Certificate);
                    var request = new byte[8192];
                    await secure.ReadAtLeastAsync(request, 1, throwOnEndOfStream: false, _stop.Token);
                    string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                        + $"Content-Length: {Policy.Length}\r\n\r\n{Policy}";
                    await secure.WriteAsync(Encoding.ASCII.GetBytes(answer), _stop.Token);
                }
                catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException or SocketException
                    or ObjectDisposedException)
                {
                    // The client or the test has ended.
                }
            }
        }
    }
}
