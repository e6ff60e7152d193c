namespace Posthorn.Interop;

/// <summary>How the program starts, stops and comes back.</summary>
public sealed class LifeTests : IAsyncLifetime
{
    private readonly PosthornServer _server = new();

    public ValueTask InitializeAsync() => _server.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
            TestContext.Current.TestOutputHelper?.WriteLine("The server's log:\n" + _server.Log);
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task SIGTERM_says_BYE_and_421_and_ends_with_status_0()
    {
        var person = await _server.AddPersonAsync();
        using var imap = await LineClient.ConnectAsync(_server.Imap);
        await imap.ReadLineAsync();
        await imap.CommandAsync("a", $"LOGIN {person.Address} \"{person.Password}\"");
        await imap.CommandAsync("b", "SELECT INBOX");
        using var smtp = await LineClient.ConnectAsync(_server.Smtp);
        await smtp.ReplyAsync();
        await smtp.AskAsync("EHLO client.test");

        var stopped = _server.StopAsync();
        string? bye = await imap.ReadLineAsync();
        Assert.StartsWith("* BYE", bye, StringComparison.Ordinal);
        Assert.Null(await imap.ReadLineAsync());
        Assert.StartsWith("421 ", await smtp.ReplyAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await stopped);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_kill_9()
    {
        var person = await _server.AddPersonAsync();
        using var smtp = await LineClient.ConnectAsync(_server.Smtp);
        await smtp.ReplyAsync();
        await smtp.AskAsync("EHLO client.test");
        await smtp.AskAsync("MAIL FROM:<stranger@example.net>");
        await smtp.AskAsync($"RCPT TO:<{person.Address}>");
        await smtp.AskAsync("DATA");
        Assert.StartsWith("250", await smtp.AskAsync("Subject: last words\r\n\r\nStill here.\r\n."), StringComparison.Ordinal);
        await _server.KillAsync();

        await _server.StartAsync();
        var outcome = await Peer.PythonAsync("read_mailbox.py", $"{_server.Imap}", person.Address, person.Password, "INBOX");
        Assert.Contains("Still here.", outcome.Require(), StringComparison.Ordinal);
        (await _server.CliAsync(["verify"])).Require();
    }

    [Fact]
    public async Task A_second_init_changes_nothing_and_a_second_start_continues()
    {
        Assert.Equal(0, await _server.StopAsync());
        string config = await File.ReadAllTextAsync(Path.Combine(_server.Data, "posthorn.toml"), TestContext.Current.CancellationToken);
        await _server.InitializeAsync();
        Assert.Equal(config, await File.ReadAllTextAsync(Path.Combine(_server.Data, "posthorn.toml"), TestContext.Current.CancellationToken));
        Assert.Contains(_server.Admin.Address, (await _server.CliAsync(["account", "list", "--json"])).Require(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_readiness_and_metrics_answer_over_HTTPS()
    {
        foreach (string path in (string[])["healthz", "readyz", "metrics", ""])
            (await Peer.RunAsync("curl", ["-fsSk", $"https://127.0.0.1:{_server.Https}/{path}"])).Require();
    }

    [Fact]
    public async Task The_command_line_ends_with_1_when_refused_and_with_2_when_misused()
    {
        var refused = await _server.CliAsync(["account", "show", "nobody@example.test"]);
        Assert.Equal(1, refused.Status);
        Assert.Single(refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(2, (await _server.CliAsync(["account", "dance"])).Status);
    }
}
