using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>Mail to and from another server: a Postfix that is the MX of remote.test.</summary>
public sealed class PostfixTests : IAsyncLifetime
{
    private readonly PosthornServer _server = new();
    private PostfixServer? _postfix;

    private PostfixServer Postfix => _postfix!;

    public async ValueTask InitializeAsync()
    {
        int port = PortRange.TakeOne();
        _server.Settings["POSTHORN_DELIVERY_PORT"] = $"{port}";
        await _server.InitializeAsync();
        _postfix = await PostfixServer.StartAsync(port, _server.Smtp);
    }

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            string other = _postfix is null ? "" : await _postfix.LogAsync();
            TestContext.Current.TestOutputHelper?.WriteLine($"The server's log:\n{_server.Log}\nPostfix's log:\n{other}");
        }

        if (_postfix is not null) await _postfix.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Mail_goes_out_to_postfix_over_TLS_and_an_answer_comes_back()
    {
        var person = await _server.AddPersonAsync();
        (await SubmitAsync(person, PostfixServer.Known, "A question")).Require();
        string received = Assert.Single(await Eventually.SeeAsync("the message in Postfix's Maildir", SomeReceivedAsync));
        Assert.Contains("Subject: A question", received, StringComparison.Ordinal);
        Assert.Contains($"Return-Path: <{person.Address}>", received, StringComparison.Ordinal);
        Assert.Contains("(using TLS", received, StringComparison.Ordinal);

        (await SwaksAsync(Postfix.Port, "--from", PostfixServer.Known, "--to", person.Address, "--header", "Subject: An answer")).Require();
        string answer = Assert.Single(await Eventually.SeeAsync("the answer", () => MailOfAsync(person)));
        Assert.Contains("Subject: An answer", answer, StringComparison.Ordinal);
        Assert.Contains($"from mx.{PostfixServer.Domain}", answer, StringComparison.Ordinal);
        Assert.Equal("[]", (await _server.CliAsync(["queue", "list", "--json"])).Require().Trim());
    }

    [Fact]
    public async Task An_unknown_recipient_of_postfix_comes_back_as_a_delivery_report()
    {
        var person = await _server.AddPersonAsync();
        string unknown = $"nobody@{PostfixServer.Domain}";
        (await SubmitAsync(person, unknown, "Into the void")).Require();
        string report = Assert.Single(await Eventually.SeeAsync("the report", () => MailOfAsync(person)));
        Assert.StartsWith("Return-Path: <>\r\n", report, StringComparison.Ordinal);
        Assert.Contains("multipart/report", report, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("message/delivery-status", report, StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"Final-Recipient: rfc822; {unknown}", report, StringComparison.OrdinalIgnoreCase);
        Assert.Matches(@"Status: 5\.1\.1", report);
        Assert.Matches("Diagnostic-Code: smtp; 550", report);
        Assert.Contains("Subject: Into the void", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_that_takes_no_mail_and_one_that_does_not_exist_are_reported_too()
    {
        var person = await _server.AddPersonAsync();
        (await SubmitAsync(person, "somebody@nomail.test", "To a null MX")).Require();
        (await SubmitAsync(person, "somebody@nowhere.test", "To nowhere")).Require();
        var reports = await Eventually.SeeAsync("both reports", async () => await MailOfAsync(person) is { Count: 2 } both ? both : null);
        Assert.Contains(reports, r => r.Contains("nomail.test", StringComparison.Ordinal) && r.Contains("Status: 5.1.10", StringComparison.Ordinal));
        Assert.Contains(reports, r => r.Contains("nowhere.test", StringComparison.Ordinal) && r.Contains("Status: 5.1.2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bounce_of_postfix_reaches_the_sender_here()
    {
        // Postfix accepts for our domain without asking us, and learns at delivery that nobody is there.
        var person = await _server.AddPersonAsync();
        (await SwaksAsync(Postfix.Port, "--from", person.Address, "--to", $"nobody@{PosthornServer.Domain}")).Require();
        string bounce = Assert.Single(await Eventually.SeeAsync("Postfix's bounce", () => MailOfAsync(person)));
        Assert.StartsWith("Return-Path: <>\r\n", bounce, StringComparison.Ordinal);
        Assert.Contains("550 5.1.1", bounce, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_alias_may_point_outside()
    {
        (await _server.CliAsync(["alias", "add", $"friends@{PosthornServer.Domain}", PostfixServer.Known])).Require();
        string[] options = ["--from", "stranger@example.net", "--to", $"friends@{PosthornServer.Domain}", "--header", "Subject: Passed on"];
        (await SwaksAsync(_server.Smtp, options)).Require();
        string received = Assert.Single(await Eventually.SeeAsync("the message in Postfix's Maildir", SomeReceivedAsync));
        Assert.Contains("Subject: Passed on", received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_postfix_cannot_take_now_waits_through_a_restart_until_it_can()
    {
        var person = await _server.AddPersonAsync();
        await Postfix.EndAsync();
        (await SubmitAsync(person, PostfixServer.Known, "Patience")).Require();
        await Eventually.HoldsAsync(
            "a first attempt has failed",
            async () => await QueueAsync() is [var entry] && entry.GetProperty("lastReply").ToString().Length > 0);

        await _server.KillAsync();
        await _server.StartAsync();
        var waiting = Assert.Single(await QueueAsync());
        Assert.Equal(PostfixServer.Known, waiting.GetProperty("recipient").GetString());
        await Postfix.BeginAsync();
        (await _server.CliAsync(["queue", "retry", waiting.GetProperty("id").ToString()])).Require();
        string received = Assert.Single(await Eventually.SeeAsync("the message in Postfix's Maildir", SomeReceivedAsync));
        Assert.Contains("Subject: Patience", received, StringComparison.Ordinal);
        await Eventually.HoldsAsync("the queue is empty", async () => (await QueueAsync()).Length == 0);
    }

    [Fact]
    public async Task What_a_sender_asks_to_be_told_is_passed_on_to_postfix_which_tells_it()
    {
        var person = await _server.AddPersonAsync();
        using var client = await LineClient.ConnectAsync(_server.Submission);
        await client.ReplyAsync();
        Assert.StartsWith("250", await client.AskAsync("EHLO client.test"), StringComparison.Ordinal);
        var secret = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"\0{person.Address}\0{person.Password}"));
        Assert.StartsWith("235", await client.AskAsync("AUTH PLAIN " + secret), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"MAIL FROM:<{person.Address}> RET=HDRS ENVID=QQ314159"), StringComparison.Ordinal);
        var recipient = $"RCPT TO:<{PostfixServer.Known}> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Known+2Bplus@else.test";
        Assert.StartsWith("250", await client.AskAsync(recipient), StringComparison.Ordinal);
        Assert.StartsWith("354", await client.AskAsync("DATA"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"From: {person.Address}\r\nSubject: Tell me\r\n\r\nA line.\r\n."), StringComparison.Ordinal);
        string report = Assert.Single(await Eventually.SeeAsync("Postfix's report of the success", () => MailOfAsync(person)));
        Assert.Contains("Action: delivered", report, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Original-Envelope-Id: QQ314159", report, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Known+plus@else.test", report, StringComparison.OrdinalIgnoreCase);
    }

    private static Task<Outcome> SwaksAsync(int port, params string[] options) =>
        Peer.RunAsync("swaks", ["--server", "127.0.0.1", "--port", $"{port}", "--helo", "client.test", "--timeout", "20", .. options]);

    private Task<Outcome> SubmitAsync(Person person, string to, string subject) =>
        SwaksAsync(
            _server.Submission, "--tls", "--auth", "PLAIN", "--auth-user", person.Address, "--auth-password", person.Password,
            "--from", person.Address, "--to", to, "--header", $"Subject: {subject}");

    private async Task<IReadOnlyList<string>?> SomeReceivedAsync() => await Postfix.ReceivedAsync() is { Count: > 0 } some ? some : null;

    private async Task<IReadOnlyList<string>?> MailOfAsync(Person person)
    {
        var outcome = await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, "INBOX");
        string[] messages = outcome.Require().Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return messages.Length > 0 ? messages : null;
    }

    private async Task<JsonElement[]> QueueAsync()
    {
        using var list = JsonDocument.Parse((await _server.CliAsync(["queue", "list", "--json"])).Require());
        return [.. list.RootElement.EnumerateArray().Select(e => e.Clone())];
    }
}
