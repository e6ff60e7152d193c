using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>MTA-STS with a Postfix as the peer: a policy that names it, one that does not, and the next one.</summary>
public sealed class StsTests : IAsyncLifetime
{
    private const string Host = $"mta-sts.{PostfixServer.Domain}";

    private readonly PosthornServer _server = new();
    private PostfixServer? _postfix;
    private HttpsHost? _policies;

    public async ValueTask InitializeAsync()
    {
        int port = PortRange.TakeOne();
        _postfix = await PostfixServer.StartAsync(port, 1);
        _policies = new HttpsHost(Host, port - 25 + 443);
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
        _policies!.Publish("/.well-known/mta-sts.txt", "text/plain", $"version: STSv1\nmode: enforce\n{mx}\nmax_age: 86400\n");
        string file = Path.Combine(_server.Data, "zone");
        var lines = await File.ReadAllLinesAsync(file);
        string zone = string.Join('\n', lines.Where(static line => !line.Contains("mta-sts", StringComparison.Ordinal)));
        await File.WriteAllTextAsync(file, $"{zone}\n_mta-sts.{PostfixServer.Domain}. TXT \"v=STSv1; id={id}\"\n{Host}. A 127.0.0.1\n");
    }
}
