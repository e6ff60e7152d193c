using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Posthorn.Interop;

/// <summary>DANE with a Postfix as the MX of zones that knot serves and unbound validates: signed well, tampered with, expired, unsigned.</summary>
public sealed partial class DaneTests : IAsyncLifetime
{
    private static readonly string[] Zones =
        ["good.test", "other.test", "bogus.test", "expired.test", "missing.test", "unsigned.test", "plain.test"];

    private readonly PosthornServer _server = new();
    private readonly SignedNames _names = new();
    private PostfixServer? _postfix;

    private PostfixServer Postfix => _postfix!;

    public async ValueTask InitializeAsync()
    {
        int port = PortRange.TakeOne();
        _server.Settings["POSTHORN_DELIVERY_PORT"] = $"{port}";
        await _server.InitializeAsync();
        _postfix = await PostfixServer.StartAsync(port, _server.Smtp, Zones);
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Postfix.CertificateFile);
        string digest = Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        string good = $"3 1 1 {digest}", wrong = $"3 1 1 {new string('0', 64)}";
        await _names.AddAsync("good.test", port, good, days: 10);
        await _names.AddAsync("other.test", port, wrong, days: 10);
        await _names.AddAsync("bogus.test", port, wrong, days: 10, zone => zone.Replace(new string('0', 64), digest, StringComparison.Ordinal));
        await _names.AddAsync("expired.test", port, good, days: -1);
        await _names.AddAsync("missing.test", port, good, days: 10, zone => SignatureOfTlsa().Replace(zone, ""));
        await _names.AddAsync("unsigned.test", port, wrong, days: null);
        await _names.AddAsync("plain.test", port, tlsa: null, days: 10);
        await _names.StartAsync();
        // From now on the resolver answers, and not the zone file of the other tests.
        Assert.Equal(0, await _server.StopAsync());
        _server.Settings.Remove("POSTHORN_DNS_ZONE_FILE");
        _server.Settings["POSTHORN_DNS_SERVER"] = $"127.0.0.1:{_names.Port}";
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            string postfix = _postfix is null ? "" : await _postfix.LogAsync();
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"The server's log:\n{_server.Log}\nPostfix's log:\n{postfix}\nThe resolver's log:\n{await _names.LogAsync()}");
        }
        if (_postfix is not null) await _postfix.DisposeAsync();
        await _names.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Only_what_the_signatures_vouch_for_counts()
    {
        var person = await _server.AddPersonAsync();
        foreach (string zone in Zones)
        {
            (await Peer.RunAsync(
                "swaks",
                [
                    "--server", $"127.0.0.1:{_server.Submission}", "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password",
                    person.Password, "--from", person.Address, "--to", $"known@{zone}", "--header", $"Subject: To {zone}",
                ])).Require();
        }
        string[] arrives = ["good.test", "unsigned.test", "plain.test"];
        await Eventually.HoldsAsync("what may arrive arrives", async () => (await Postfix.ReceivedAsync()).Count >= arrives.Length);
        await Eventually.HoldsAsync("the others wait", async () => (await QueueAsync()).All(static entry => entry.Reply.Length > 0));

        var received = await Postfix.ReceivedAsync();
        Assert.Equal(arrives.Order(), received.Select(static mail => Subject().Match(mail).Groups[1].Value).Order());
        Assert.All(received, static mail => Assert.Contains("(using TLS", mail, StringComparison.Ordinal));
        var queue = await QueueAsync();
        Assert.Equal(Zones.Except(arrives).Order(), queue.Select(static entry => entry.Domain).Order());
        Assert.Contains("TLSA", queue.Single(static entry => entry.Domain == "other.test").Reply, StringComparison.Ordinal);

        var results = JsonDocument.Parse((await _server.CliAsync(["tls", "results", "--json"])).Require()).RootElement.EnumerateArray()
            .Select(static row => string.Join(' ', new[] { "domain", "policyType", "result" }.Select(name => row.GetProperty(name).GetString())))
            .ToList();
        Assert.Contains("good.test tlsa success", results);
        Assert.Contains("other.test tlsa validation-failure", results);
        Assert.Contains("unsigned.test no-policy-found success", results);
    }

    private async Task<List<(string Domain, string Reply)>> QueueAsync()
    {
        using var queue = JsonDocument.Parse((await _server.CliAsync(["queue", "list", "--json"])).Require());
        return
        [
            .. queue.RootElement.EnumerateArray().Select(static entry => (
                entry.GetProperty("domain").GetString()!,
                entry.TryGetProperty("lastReply", out var reply) ? reply.GetString() ?? "" : "")),
        ];
    }

    [GeneratedRegex(@"^.*RRSIG\s+TLSA.*$\n?", RegexOptions.Multiline)]
    private static partial Regex SignatureOfTlsa();

    [GeneratedRegex(@"^Subject: To (\S+)", RegexOptions.Multiline)]
    private static partial Regex Subject();
}
