namespace Posthorn.Interop;

/// <summary>Mail from strangers on port 25, sent by swaks, curl and Python, read back by Python.</summary>
public sealed class ReceivingTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Fact]
    public async Task A_message_sent_by_swaks_is_in_the_mailbox_when_250_is_heard()
    {
        var person = await Server.AddPersonAsync();
        string[] options = ["--from", "stranger@example.net", "--to", person.Address, "--header", "Subject: Hello by swaks", "--body", "Words"];
        (await SwaksAsync(options)).Require();

        string message = Assert.Single(await ReadAsync(person));
        Assert.StartsWith("Return-Path: <stranger@example.net>\r\n", message, StringComparison.Ordinal);
        Assert.Contains("\r\nReceived: from client.test", message, StringComparison.Ordinal);
        Assert.Contains("Subject: Hello by swaks\r\n", message, StringComparison.Ordinal);
        Assert.Contains("\r\n\r\nWords\r\n", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Swaks_sends_over_STARTTLS_with_pipelining()
    {
        var person = await Server.AddPersonAsync();
        (await SwaksAsync("--from", "stranger@example.net", "--to", person.Address, "--tls", "--pipeline")).Require();
        Assert.Contains(" with ESMTPS", Assert.Single(await ReadAsync(person)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Curl_sends_a_message()
    {
        var person = await Server.AddPersonAsync();
        var outcome = await Peer.RunAsync(
            "curl",
            ["-sS", "--crlf", $"smtp://127.0.0.1:{Server.Smtp}", "--mail-from", "you@example.net", "--mail-rcpt", person.Address, "-T", "-"],
            "Subject: Hello\n\nHello, Posthorn.\n");
        outcome.Require();
        Assert.Contains("\r\n\r\nHello, Posthorn.\r\n", Assert.Single(await ReadAsync(person)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Python_sends_an_internationalized_message()
    {
        var person = await Server.AddPersonAsync();
        (await Peer.PythonAsync("send_utf8.py", $"{Server.Smtp}", "zoë@example.net", person.Address)).Require();
        string message = Assert.Single(await ReadAsync(person));
        Assert.Contains("Subject: Grüße aus Köln", message, StringComparison.Ordinal);
        Assert.Contains("Größe: 3 €", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_recipient_hears_550_5_1_1()
    {
        var outcome = await SwaksAsync("--from", "stranger@example.net", "--to", $"nobody-here@{PosthornServer.Domain}");
        Assert.NotEqual(0, outcome.Status);
        Assert.Contains("550 5.1.1", outcome.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stranger@example.net", "somebody@example.org")]
    [InlineData("admin@example.test", "somebody@example.org")]
    [InlineData("stranger@example.net", "\"somebody@example.org\"@example.test")]
    [InlineData("stranger@example.net", "somebody%example.org@example.test")]
    public async Task Nobody_relays_through_the_port_for_incoming_mail(string sender, string recipient)
    {
        using var client = await LineClient.ConnectAsync(Server.Smtp);
        await client.ReplyAsync();
        await client.AskAsync("EHLO client.test");
        Assert.StartsWith("250", await client.AskAsync($"MAIL FROM:<{sender}>"), StringComparison.Ordinal);
        Assert.StartsWith("55", await client.AskAsync($"RCPT TO:<{recipient}>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mailbox_over_its_quota_takes_no_more()
    {
        var person = await Server.AddPersonAsync("small", "--quota", "100K");
        string large = string.Concat(Enumerable.Repeat(new string('x', 70) + "\n", 1200));
        string[] options = ["--from", "stranger@example.net", "--to", person.Address, "--body", large];
        (await SwaksAsync(options)).Require();
        var outcome = await SwaksAsync(options);
        Assert.NotEqual(0, outcome.Status);
        Assert.Matches(@"(452 4\.2\.2|552 5\.2\.2)", outcome.Out);
        Assert.Single(await ReadAsync(person));
    }

    [Fact]
    public async Task A_message_larger_than_the_announced_size_is_refused_at_MAIL()
    {
        using var client = await LineClient.ConnectAsync(Server.Smtp);
        await client.ReplyAsync();
        await client.SendAsync("EHLO client.test\r\n");
        string size = "";
        while (await client.ReadLineAsync() is { } line)
        {
            if (line.Length > 8 && line[4..].StartsWith("SIZE ", StringComparison.Ordinal)) size = line[9..];
            if (line[3] == ' ') break;
        }

        long limit = long.Parse(size, System.Globalization.CultureInfo.InvariantCulture);
        Assert.StartsWith("552", await client.AskAsync($"MAIL FROM:<stranger@example.net> SIZE={limit + 1}"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"MAIL FROM:<stranger@example.net> SIZE={limit}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n.\n")]
    [InlineData("\n.\r\n")]
    [InlineData("\r.\r")]
    [InlineData("\r\n.\n")]
    public async Task Nothing_but_crlf_dot_crlf_ends_a_message(string smuggler)
    {
        var person = await Server.AddPersonAsync();
        using var client = await LineClient.ConnectAsync(Server.Smtp);
        await client.ReplyAsync();
        await client.AskAsync("EHLO client.test");
        await client.AskAsync("MAIL FROM:<stranger@example.net>");
        await client.AskAsync($"RCPT TO:<{person.Address}>");
        await client.AskAsync("DATA");
        string second = $"MAIL FROM:<evil@example.net>\r\nRCPT TO:<{person.Address}>\r\nDATA\r\nSubject: two\r\n\r\nsecond\r\n.\r\n";
        await client.SendAsync($"Subject: one\r\n\r\nfirst{smuggler}{second}");
        string reply = await client.ReplyAsync();
        await client.AskAsync("QUIT");

        // Refused as a whole or kept as one message: both are safe, two messages are not.
        var messages = await ReadAsync(person);
        Assert.True(messages.Count <= 1, reply);
        Assert.DoesNotContain(messages, m => m.Contains("Return-Path: <evil", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_detail_after_a_plus_reaches_the_account()
    {
        var person = await Server.AddPersonAsync();
        (await SwaksAsync("--from", "stranger@example.net", "--to", person.Address.Replace("@", "+lists@", StringComparison.Ordinal))).Require();
        Assert.Single(await ReadAsync(person));
    }

    [Fact]
    public async Task An_alias_reaches_its_account()
    {
        var person = await Server.AddPersonAsync("owner", "--alias", $"sales@{PosthornServer.Domain}");
        (await SwaksAsync("--from", "stranger@example.net", "--to", $"Sales@{PosthornServer.Domain.ToUpperInvariant()}")).Require();
        Assert.Single(await ReadAsync(person));
    }

    [Fact]
    public async Task One_message_reaches_many_recipients()
    {
        var people = new List<Person>();
        for (int i = 0; i < 5; i++) people.Add(await Server.AddPersonAsync("crowd"));
        (await SwaksAsync("--from", "stranger@example.net", "--to", string.Join(',', people.Select(p => p.Address)))).Require();
        foreach (var person in people) Assert.Single(await ReadAsync(person));
    }

    [Fact]
    public async Task A_disabled_account_takes_no_mail_until_it_is_enabled()
    {
        var person = await Server.AddPersonAsync();
        (await Server.CliAsync(["account", "disable", person.Address])).Require();
        var outcome = await SwaksAsync("--from", "stranger@example.net", "--to", person.Address);
        Assert.Contains("550 5.2.1", outcome.Out, StringComparison.Ordinal);
        (await Server.CliAsync(["account", "enable", person.Address])).Require();
        (await SwaksAsync("--from", "stranger@example.net", "--to", person.Address)).Require();
        Assert.Single(await ReadAsync(person));
    }
}
