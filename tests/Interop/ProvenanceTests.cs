using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>A server that checks what comes in, clients on this machine included, and signs what its people send.</summary>
public sealed class ProvenanceTests : IAsyncLifetime
{
    private readonly PosthornServer _server = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server.Settings["POSTHORN_LIMITS_LOOPBACK"] = "true";
        await _server.InitializeAsync();
        await File.AppendAllTextAsync(_server.Settings["POSTHORN_DNS_ZONE_FILE"], """
            good.test. TXT "v=spf1 ip4:127.0.0.1 -all"
            _dmarc.good.test. TXT "v=DMARC1; p=reject"
            _dmarc.reject.test. TXT "v=DMARC1; p=reject"
            _dmarc.junk.test. TXT "v=DMARC1; p=quarantine"

            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine("The server's log:\n" + _server.Log);
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Verdicts_and_policies_reach_swaks_and_the_mailbox()
    {
        var person = await _server.AddPersonAsync();
        var refused = await SwaksAsync(person, "bob@reject.test");
        Assert.NotEqual(0, refused.Status);
        Assert.Contains("550 5.7.1 refused by the DMARC policy of reject.test", refused.Out, StringComparison.Ordinal);

        (await SwaksAsync(person, "bob@junk.test")).Require();
        Assert.Contains("dmarc=fail", Assert.Single(await ReadAsync(person, "Junk")), StringComparison.Ordinal);

        (await SwaksAsync(person, "bob@good.test", "--header",
            $"Authentication-Results: mail.{PosthornServer.Domain}; dkim=pass header.d=bank.test")).Require();
        string text = Assert.Single(await ReadAsync(person, "INBOX"));
        Assert.Contains($"Authentication-Results: mail.{PosthornServer.Domain};", text, StringComparison.Ordinal);
        Assert.Contains("spf=pass", text, StringComparison.Ordinal);
        Assert.Contains("dmarc=pass", text, StringComparison.Ordinal);
        Assert.DoesNotContain("bank.test", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_submitted_verifies_with_dkimpy_by_the_records_to_publish()
    {
        var person = await _server.AddPersonAsync();
        (await Peer.RunAsync("swaks",
            [
                "--server", "127.0.0.1", "--port", $"{_server.Submission}", "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password",
                    person.Password,
                "--from", person.Address, "--to", person.Address, "--header", "Subject: Signed", "--body", "Some  text. \n\n",
            ])).Require();
        string text =
            Assert.Single(await Eventually.SeeAsync("the message", async () => await ReadAsync(person, "INBOX") is { Count: > 0 } some ? some
            : null));

        using var dns = JsonDocument.Parse((await _server.CliAsync(["domain", "dns", PosthornServer.Domain, "--format", "json"])).Require());
        string records = Path.Combine(_server.Data, "records");
        await File.WriteAllLinesAsync(records, dns.RootElement.GetProperty("records").EnumerateArray()
            .Where(record => record.GetProperty("name").GetString()!.Contains("._domainkey.", StringComparison.Ordinal))
            .Select(record => $"{record.GetProperty("name").GetString()} {record.GetProperty("value").GetString()!.Replace("\" \"", "",
                StringComparison.Ordinal).Trim('"')}"),
            Cancelled);
        var verified = await Peer.RunAsync("/usr/bin/python3", [Path.Combine(Peer.Folder, "python", "dkim_peer.py"), "verify", records], text);
        Assert.Equal(["True", "True"], verified.Require().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private Task<Outcome> SwaksAsync(Person to, string from, params string[] options) => Peer.RunAsync(
        "swaks",
        [
            "--server", "127.0.0.1", "--port", $"{_server.Smtp}", "--helo", "client.test", "--timeout", "20", "--from", from, "--to", to.Address,
                .. options,
        ]);

    private async Task<IReadOnlyList<string>> ReadAsync(Person person, string mailbox) =>
        (await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, mailbox))
            .Require().Split('\0', StringSplitOptions.RemoveEmptyEntries);
}
