using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>Mail to and from Exim, also when it and others do not behave.</summary>
public sealed class EximTests : IAsyncLifetime
{
    private const string Known = $"known@{EximServer.Domain}";

    private readonly PosthornServer _server = new();
    private EximServer? _exim;
    private TcpListener? _silent;

    private EximServer Exim => _exim!;

    public async ValueTask InitializeAsync()
    {
        int port = PortRange.TakeOne();
        _server.Settings["POSTHORN_DELIVERY_PORT"] = $"{port}";
        await _server.InitializeAsync();
        await File.AppendAllTextAsync(
            _server.Settings["POSTHORN_DNS_ZONE_FILE"],
            $"""
            {EximServer.Domain}. MX 10 mx.{EximServer.Domain}.
            {EximServer.Grey}. MX 10 mx.{EximServer.Domain}.
            {EximServer.Slow}. MX 10 mx.{EximServer.Domain}.
            mx.{EximServer.Domain}. A 127.0.0.1
            silent.test. A 127.0.0.9
            down.test. A 127.0.0.10

            """);
        _exim = await EximServer.StartAsync(port, _server.Smtp);
        _silent = new TcpListener(IPAddress.Parse("127.0.0.9"), port);
        _silent.Start();
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine($"The server's log:\n{_server.Log}\nExim's log:\n{_exim?.Log()}");
        _silent?.Dispose();
        if (_exim is not null) await _exim.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Mail_goes_out_over_TLS_and_an_answer_comes_back()
    {
        var person = await _server.AddPersonAsync();
        (await SubmitAsync(person, Known, "A question")).Require();
        string received = Assert.Single(await ReceivedAsync(1));
        Assert.Contains("Subject: A question", received, StringComparison.Ordinal);
        Assert.Contains("with esmtps", received, StringComparison.Ordinal);
        (await SwaksAsync(Exim.Port, "--tls", "--from", Known, "--to", person.Address, "--header", "Subject: An answer")).Require();
        string answer = Assert.Single(await MailOfAsync(person));
        Assert.Contains("Subject: An answer", answer, StringComparison.Ordinal);
        Assert.Contains("with ESMTPS", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_report_of_success_comes_from_exim_and_one_of_failure_from_here()
    {
        var person = await _server.AddPersonAsync();
        using var client = await LineClient.ConnectAsync(_server.Submission);
        await client.ReplyAsync();
        Assert.StartsWith("250", await client.AskAsync("EHLO client.test"), StringComparison.Ordinal);
        var secret = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"\0{person.Address}\0{person.Password}"));
        Assert.StartsWith("235", await client.AskAsync("AUTH PLAIN " + secret), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"MAIL FROM:<{person.Address}> ENVID=QQ27"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"RCPT TO:<{Known}> NOTIFY=SUCCESS"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"RCPT TO:<nobody@{EximServer.Domain}>"), StringComparison.Ordinal);
        Assert.StartsWith("354", await client.AskAsync("DATA"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"From: {person.Address}\r\nSubject: Tell me\r\n\r\nA line.\r\n."), StringComparison.Ordinal);
        var reports = await Eventually.SeeAsync("both reports", async () => await ReadAsync(person) is { Count: 2 } both ? both : null);
        Assert.Contains(reports, r => r.Contains("Action: delivered", StringComparison.OrdinalIgnoreCase)
            && r.Contains("Original-Envelope-ID: QQ27", StringComparison.OrdinalIgnoreCase));
        Assert.Contains(reports, r => r.Contains($"Final-Recipient: rfc822; nobody@{EximServer.Domain}", StringComparison.OrdinalIgnoreCase)
            && r.Contains("Diagnostic-Code: smtp; 550", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_address_outside_of_ASCII_gets_there_and_back()
    {
        var person = await _server.AddPersonAsync();
        string alias = $"josé@{PosthornServer.Domain}";
        (await _server.CliAsync(["alias", "add", alias, person.Address])).Require();
        using var client = await LineClient.ConnectAsync(_server.Submission);
        await client.ReplyAsync();
        Assert.StartsWith("250", await client.AskAsync("EHLO client.test"), StringComparison.Ordinal);
        var secret = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"\0{person.Address}\0{person.Password}"));
        Assert.StartsWith("235", await client.AskAsync("AUTH PLAIN " + secret), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync(Octets($"MAIL FROM:<{alias}> SMTPUTF8")), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync(Octets($"RCPT TO:<známý@{EximServer.Domain}>")), StringComparison.Ordinal);
        Assert.StartsWith("354", await client.AskAsync("DATA"), StringComparison.Ordinal);
        string text = Octets($"From: {alias}\r\nSubject: Dobrý den\r\n\r\nA line.\r\n.");
        Assert.StartsWith("250", await client.AskAsync(text), StringComparison.Ordinal);
        string received = Assert.Single(await ReceivedAsync(1));
        Assert.Contains("Subject: Dobrý den", received, StringComparison.Ordinal);
        Assert.Contains("utf8esmtps", received, StringComparison.Ordinal);

        using var back = await LineClient.ConnectAsync(Exim.Port);
        await back.ReplyAsync();
        Assert.StartsWith("250", await back.AskAsync("EHLO client.test"), StringComparison.Ordinal);
        Assert.StartsWith("250", await back.AskAsync(Octets($"MAIL FROM:<známý@{EximServer.Domain}> SMTPUTF8")), StringComparison.Ordinal);
        Assert.StartsWith("250", await back.AskAsync(Octets($"RCPT TO:<{alias}>")), StringComparison.Ordinal);
        Assert.StartsWith("354", await back.AskAsync("DATA"), StringComparison.Ordinal);
        Assert.StartsWith("250", await back.AskAsync("Subject: Nazdar\r\n\r\nA line.\r\n."), StringComparison.Ordinal);
        Assert.Contains("with UTF8SMTP", Assert.Single(await MailOfAsync(person)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_greylist_is_waited_out_by_the_schedule_of_a_route()
    {
        (await _server.CliAsync(["route", "add", "direct", "--to", EximServer.Grey, "--retry", "10"])).Require();
        var person = await _server.AddPersonAsync();
        (await SubmitAsync(person, $"known@{EximServer.Grey}", "Patience")).Require();
        await Eventually.HoldsAsync(
            "the first attempt was put off", async () => (await QueueTextAsync()).Contains("greylisted", StringComparison.Ordinal));
        Assert.Contains("Subject: Patience", Assert.Single(await ReceivedAsync(1, TimeSpan.FromSeconds(60))), StringComparison.Ordinal);
        await Eventually.HoldsAsync("the queue is empty", async () => await QueueTextAsync() == "[]");
    }

    [Fact]
    public async Task A_storm_of_421_loses_nothing_and_doubles_nothing()
    {
        const int Count = 60;
        var person = await _server.AddPersonAsync();
        Exim.Storm();
        using (var client = await LineClient.ConnectAsync(_server.Submission))
        {
            await client.ReplyAsync();
            await client.AskAsync("EHLO client.test");
            var secret = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"\0{person.Address}\0{person.Password}"));
            Assert.StartsWith("235", await client.AskAsync("AUTH PLAIN " + secret), StringComparison.Ordinal);
            for (int i = 0; i < Count; i++)
            {
                await client.AskAsync($"MAIL FROM:<{person.Address}>");
                await client.AskAsync($"RCPT TO:<{Known}>");
                await client.AskAsync("DATA");
                string text = $"From: {person.Address}\r\nSubject: Storm {i}.\r\n\r\nA line.\r\n.";
                Assert.StartsWith("250", await client.AskAsync(text), StringComparison.Ordinal);
            }
        }
        await Eventually.HoldsAsync(
            "Exim has put it off", async () => (await QueueTextAsync()).Contains("too much of a good thing", StringComparison.Ordinal));
        Exim.Calm();
        (await _server.CliAsync(["queue", "retry", "--domain", EximServer.Domain])).Require();
        var received = await ReceivedAsync(Count, TimeSpan.FromSeconds(60));
        for (int i = 0; i < Count; i++) Assert.Single(received, r => r.Contains($"Subject: Storm {i}.\n", StringComparison.Ordinal));
        await Eventually.HoldsAsync("the queue is empty", async () => await QueueTextAsync() == "[]");
        Assert.Equal(Count, (await Exim.ReceivedAsync()).Count);
    }

    [Fact]
    public async Task Slow_silent_and_dead_hosts_hold_up_nobody_else()
    {
        var person = await _server.AddPersonAsync();
        for (int i = 0; i < 4; i++)
        {
            foreach (string domain in (string[])[EximServer.Slow, "silent.test", "down.test"])
            {
                (await SubmitAsync(person, $"known@{domain}", $"Late {i}.")).Require();
            }
        }
        long began = TimeProvider.System.GetTimestamp();
        (await SubmitAsync(person, Known, "At once")).Require();
        await Eventually.HoldsAsync(
            "the one to a good host is there",
            async () => (await Exim.ReceivedAsync()).Any(r => r.Contains("Subject: At once", StringComparison.Ordinal)));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
        Assert.Contains("silent.test", await QueueTextAsync(), StringComparison.Ordinal);
        Assert.Contains("down.test", await QueueTextAsync(), StringComparison.Ordinal);
        // The slow one gets its mail all the same.
        await ReceivedAsync(5, TimeSpan.FromSeconds(90));
    }

    // The client sends each character as one octet.
    private static string Octets(string text) => System.Text.Encoding.Latin1.GetString(System.Text.Encoding.UTF8.GetBytes(text));

    private static Task<Outcome> SwaksAsync(int port, params string[] options) =>
        Peer.RunAsync("swaks", ["--server", "127.0.0.1", "--port", $"{port}", "--helo", "client.test", "--timeout", "20", .. options]);

    private Task<Outcome> SubmitAsync(Person person, string to, string subject) =>
        SwaksAsync(
            _server.Submission, "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password", person.Password,
            "--from", person.Address, "--to", to, "--header", $"Subject: {subject}");

    private Task<IReadOnlyList<string>> ReceivedAsync(int count, TimeSpan? patience = null) => Eventually.SeeAsync(
        $"{count} messages in Exim's Maildir", async () => await Exim.ReceivedAsync() is var some && some.Count >= count ? some : null, patience);

    private Task<IReadOnlyList<string>> MailOfAsync(Person person) => Eventually.SeeAsync("mail", () => ReadAsync(person));

    private async Task<IReadOnlyList<string>?> ReadAsync(Person person)
    {
        var outcome = await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, "INBOX");
        string[] messages = outcome.Require().Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return messages.Length > 0 ? messages : null;
    }

    private async Task<string> QueueTextAsync()
    {
        using var list = JsonDocument.Parse((await _server.CliAsync(["queue", "list", "--json"])).Require());
        return list.RootElement.GetArrayLength() == 0 ? "[]" : list.RootElement.ToString();
    }
}
