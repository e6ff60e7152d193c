using System.Text.Json;
using System.Text.RegularExpressions;

namespace Posthorn.Interop;

/// <summary>Three servers of ours that mail each other, each on ports of its own.</summary>
public sealed class RingTests : IAsyncLifetime
{
    private const string Password = "walker;s3cret%";

    private readonly PosthornServer[] _servers = [new(), new(), new()];

    public async ValueTask InitializeAsync()
    {
        for (var i = 0; i < _servers.Length; i++)
        {
            var server = _servers[i];
            await server.InitializeAsync();
            await server.StopAsync();
            // All exchanges are this machine; the port says which of the three it is.
            var zone = Path.Combine(server.Data, "ring-zone");
            await File.WriteAllTextAsync(zone, string.Concat(Enumerable.Range(0, 3).Select(
                n => $"ring{n}.test. MX 10 mx{n}.ring.test.\nmx{n}.ring.test. A 127.0.0.1\n")));
            server.Settings["POSTHORN_DNS_ZONE_FILE"] = zone;
            server.Settings["POSTHORN_HOSTNAME"] = $"mx{i}.ring.test";
            server.Settings["POSTHORN_DELIVERY_PORT"] = $"{_servers[(i + 1) % 3].Smtp}";
            await server.StartAsync();
            (await server.CliAsync(["domain", "add", $"ring{i}.test"])).Require();
        }
        (await _servers[0].CliAsync(["account", "add", "walker@ring0.test", "--password-stdin"], Password + "\n")).Require();
        (await _servers[1].CliAsync(["alias", "add", "round@ring1.test", "round@ring2.test"])).Require();
        (await _servers[2].CliAsync(["alias", "add", "round@ring2.test", "walker@ring0.test"])).Require();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(server.Log);
            await server.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_message_goes_round_over_TLS_and_each_server_knows_its_part_of_the_journey()
    {
        (await SubmitAsync("round@ring1.test", "Once round")).Require();
        var message = Assert.Single(await Eventually.SeeAsync("the message back home", MailAsync));
        Assert.Contains("Subject: Once round", message, StringComparison.Ordinal);
        Assert.Equal(4, Regex.Count(message, "^Received: ", RegexOptions.Multiline)); // the submission, and three hops
        Assert.Equal(3, Regex.Count(message, @"with ESMTPS\b", RegexOptions.Multiline));
        foreach (var (i, server) in _servers.Index())
        {
            var steps = await TraceAsync(server, "walker@ring0.test");
            Assert.Contains(steps, step => step.GetProperty("step").GetString() == "received");
            var delivered = steps.Last(step => step.GetProperty("step").GetString() == "delivered" && step.TryGetProperty("host", out var host)
                && host.ValueKind == JsonValueKind.String);
            Assert.Equal($"mx{(i + 1) % 3}.ring.test", delivered.GetProperty("host").GetString());
            Assert.StartsWith("TLS1.3", delivered.GetProperty("tls").GetString(), StringComparison.Ordinal);
            Assert.StartsWith("250 ", delivered.GetProperty("text").GetString(), StringComparison.Ordinal);
            Assert.Equal("[]", (await server.CliAsync(["queue", "list", "--json"])).Require().Trim());
        }
    }

    [Fact]
    public async Task What_the_second_server_does_not_know_comes_back_as_a_report_and_closes_the_address()
    {
        (await SubmitAsync("nobody@ring1.test", "To nobody")).Require();
        var report = Assert.Single(await Eventually.SeeAsync("the report", MailAsync));
        Assert.Contains("Final-Recipient: rfc822; nobody@ring1.test", report, StringComparison.Ordinal);
        Assert.Contains("Diagnostic-Code: smtp; 550 5.1.1", report, StringComparison.Ordinal);
        (await SubmitAsync("nobody@ring1.test", "Again")).Require();
        var both = await Eventually.SeeAsync("both reports", async () => await MailAsync() is { Count: 2 } two ? two : null);
        Assert.Contains(both, again => again.Contains("Status: 5.7.1", StringComparison.Ordinal));
        Assert.Contains("nobody@ring1.test", (await _servers[0].CliAsync(["suppression", "list"])).Require(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_route_sends_mail_through_a_relay_and_another_fills_a_mailbox_here()
    {
        var relay = $"127.0.0.1:{_servers[2].Smtp}";
        (await _servers[0].CliAsync(["route", "add", "relay", "--to", "ring2.test", "--host", relay])).Require();
        (await _servers[0].CliAsync(["route", "add", "local", "--to", "*.ring1.test", "--mailbox", "walker@ring0.test"])).Require();
        (await SubmitAsync("round@ring2.test", "By the relay")).Require();
        Assert.Single(await Eventually.SeeAsync("the message back home", MailAsync));
        (await SubmitAsync("anybody@deep.ring1.test", "Into the trap")).Require();
        await Eventually.SeeAsync("both messages", async () => await MailAsync() is { Count: 2 } two ? two : null);
        Assert.Contains("to the relay 127.0.0.1", (await _servers[0].CliAsync(["route", "list"])).Require(), StringComparison.Ordinal);
    }

    private Task<Outcome> SubmitAsync(string to, string subject) => Peer.RunAsync(
        "swaks",
        [
            "--server", "127.0.0.1", "--port", $"{_servers[0].Submission}", "--helo", "client.test", "--timeout", "20", "--tls", "--auth", "PLAIN",
            "--auth-user", "walker@ring0.test", "--auth-password", Password, "--from", "walker@ring0.test", "--to", to,
            "--header", $"Subject: {subject}",
        ]);

    private async Task<IReadOnlyList<string>?> MailAsync()
    {
        var outcome = await Peer.PythonAsync("read_mailbox.py", $"{_servers[0].Imap}", "walker@ring0.test", Password, "INBOX");
        string[] messages = outcome.Require().Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return messages.Length > 0 ? messages : null;
    }

    private static async Task<JsonElement[]> TraceAsync(PosthornServer server, string address)
    {
        using var list = JsonDocument.Parse((await server.CliAsync(["trace", address, "--json"])).Require());
        return [.. list.RootElement.EnumerateArray().Select(e => e.Clone())];
    }
}
