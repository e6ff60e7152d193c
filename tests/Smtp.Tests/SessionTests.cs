using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Wire;

namespace Posthorn.Smtp.Tests;

public sealed class SessionTests
{
    private static readonly CancellationToken Ct = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("\n.\n")]
    [InlineData("\n.\r\n")]
    [InlineData("\r.\r")]
    [InlineData("\r.\r\n")]
    [InlineData("\r\n.\n")]
    [InlineData("\r\n.\r")]
    [InlineData("\n\n.\r\n")]
    public async Task Nothing_but_crlf_dot_crlf_ends_a_message(string smuggler)
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        await BeginAsync(client);
        const string second = "MAIL FROM:<evil@example.net>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\ntwo\r\n.\r\n";
        await client.SendAsync($"Subject: one\r\n\r\nfirst{smuggler}{second}");
        Assert.StartsWith("554 5.6.0", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync("NOOP"), StringComparison.Ordinal);
        Assert.Empty(await server.InboxAsync(TestServer.User, Ct));
    }

    [Fact]
    public async Task A_session_is_the_same_at_every_cut()
    {
        const string script = "EHLO c.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<ann@example.test>\r\nFOO\r\n"
            + "DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n";
        string[] expected = ["250 ", "250 2.1.0", "250 2.1.5", "500 5.5.2", "354 ", "250 2.0.0", "221 2.0.0"];
        await using var server = await TestServer.StartAsync(Ct);
        for (var cut = 1; cut < script.Length; cut++)
        {
            var client = new TestClient(server.Connect(), Ct);
            await client.ReadAsync();
            await client.SendAsync(script[..cut]);
            for (var i = 0; i < 20; i++) await Task.Yield();
            await client.SendAsync(script[cut..]);
            foreach (var reply in expected) Assert.StartsWith(reply, await client.ReadAsync(), StringComparison.Ordinal);
            Assert.Null(await client.ReadAsync());
        }
        Assert.Equal(script.Length - 1, (await server.InboxAsync(TestServer.User, Ct)).Count);
    }

    [Fact]
    public async Task A_connection_lost_inside_a_message_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var link = server.Link();
        var client = new TestClient(link.Client, Ct);
        await client.ReadAsync();
        await client.AskAsync("EHLO client.example");
        await BeginAsync(client);
        await client.SendAsync("Subject: half\r\n\r\nof it\r\n.\r");
        await link.Client.DisposeAsync();
        await server.EndedAsync(link);
        Assert.Empty(await server.InboxAsync(TestServer.User, Ct));
    }

    [Fact]
    public async Task When_the_world_fails_the_client_hears_451_and_the_connection_lives()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        await BeginAsync(client);
        await server.BreakAsync();
        await client.SendAsync("Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat("some text\r\n", 500)) + ".\r\nNOOP\r\n");
        Assert.StartsWith("451 4.3.0", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.ReadAsync(), StringComparison.Ordinal);
        await client.AskAsync("MAIL FROM:<a@example.org>");
        Assert.StartsWith("451 4.3.0", await client.AskAsync("RCPT TO:<bob@example.test>"), StringComparison.Ordinal);
        Assert.StartsWith("221", await client.AskAsync("QUIT"), StringComparison.Ordinal);
        Assert.Equal(2, server.TakeFailures());
    }

    [Fact]
    public async Task At_a_stop_a_message_under_way_is_finished_and_the_rest_is_told()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var link = server.Link();
        var client = new TestClient(link.Client, Ct);
        await client.ReadAsync();
        await client.AskAsync("EHLO client.example");
        await BeginAsync(client);
        link.Stop();
        await client.SendAsync("Subject: last\r\n\r\ntext\r\n.\r\n");
        Assert.StartsWith("250 2.0.0", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("421 4.3.2", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
        Assert.Single(await server.InboxAsync(TestServer.User, Ct));
    }

    [Fact]
    public async Task What_was_sent_before_the_handshake_is_never_read()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        await client.SendAsync("STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@example.org>\r\n");
        Assert.StartsWith("220", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.True((await client.Connection.UpgradeToTlsAsync(new TlsClient("x.example", (_, _, _, _) => true), Ct)).Ok);
        Assert.StartsWith("503", await client.AskAsync("MAIL FROM:<a@example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync("EHLO client.example"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_in_is_forgotten_at_the_handshake()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct, SmtpRole.Submission);
        var plain = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{TestServer.User}\0{TestServer.Password}"));
        Assert.StartsWith("235", await client.AskAsync("AUTH PLAIN " + plain), StringComparison.Ordinal);
        Assert.StartsWith("220", await client.AskAsync("STARTTLS"), StringComparison.Ordinal);
        Assert.True((await client.Connection.UpgradeToTlsAsync(new TlsClient("x.example", (_, _, _, _) => true), Ct)).Ok);
        await client.AskAsync("EHLO client.example");
        Assert.StartsWith("530 5.7.0", await client.AskAsync($"MAIL FROM:<{TestServer.User}>"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hundred_thousand_pipelined_commands_are_answered_in_order()
    {
        const int count = 100_000;
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        var sending = client.SendAsync(string.Concat(Enumerable.Repeat("NOOP\r\n", count)) + "QUIT\r\n");
        for (var i = 0; i < count; i++) Assert.StartsWith("250", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.StartsWith("221", await client.ReadAsync(), StringComparison.Ordinal);
        await sending;
    }

    [Fact]
    public async Task Ten_thousand_recipients_are_limited_and_the_accepted_ones_are_served()
    {
        await using var server = await TestServer.StartAsync(Ct);
        server.Settings = server.Settings with { RecipientsMax = 100 };
        var client = await server.ClientAsync(Ct);
        await client.AskAsync("MAIL FROM:<a@example.org>");
        for (var i = 0; i < 10_000; i++)
        {
            var reply = await client.AskAsync(string.Create(CultureInfo.InvariantCulture, $"RCPT TO:<ann+{i}@example.test>"));
            Assert.StartsWith(i < 100 ? "250 2.1.5" : "452 4.5.3", reply, StringComparison.Ordinal);
        }
        Assert.StartsWith("354", await client.AskAsync("DATA"), StringComparison.Ordinal);
        Assert.StartsWith("250 2.0.0", await client.AskAsync("Subject: x\r\n\r\ntext\r\n."), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("XYZZY", "500 5.5.2", SmtpLimits.BadCommandsMax)]
    [InlineData("DATA", "503 5.5.1", SmtpLimits.BadCommandsMax)]
    [InlineData("NOOP", "250 2.0.0", SmtpLimits.TurnsWithoutMailMax)]
    [InlineData("RCPT TO:<nobody@example.test>", "550 5.1.1", SmtpLimits.RecipientsRefusedMax)]
    public async Task Whoever_only_costs_is_sent_away(string command, string reply, int max)
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        if (command.StartsWith("RCPT", StringComparison.Ordinal)) await client.AskAsync("MAIL FROM:<a@example.org>");
        var turns = 0;
        string? said;
        while ((said = await client.AskAsync(command))!.StartsWith(reply, StringComparison.Ordinal)) turns++;
        Assert.StartsWith("421 4.7.0", said, StringComparison.Ordinal);
        Assert.InRange(turns, max - 2, max);
        Assert.Null(await client.ReadAsync());
    }

    [Theory]
    [InlineData(20_000, "500 5.5.2 the line is too long", true)]
    [InlineData(4_000_000, "500 5.5.2 the line has no end", false)]
    public async Task A_line_that_is_too_long_is_refused_and_not_kept(int octets, string reply, bool lives)
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        var sending = client.SendAsync(new string('A', octets) + "\r\nNOOP\r\n");
        Assert.Equal(reply, await client.ReadAsync());
        Assert.Equal(lives, await client.ReadAsync() is not null);
        await sending;
    }

    [Fact]
    public async Task A_silent_client_hears_421_after_five_minutes()
    {
        var time = new FakeTimeProvider();
        await using var server = await TestServer.StartAsync(Ct, time: time);
        var client = await server.ClientAsync(Ct);
        var reading = client.ReadAsync();
        Assert.True(await time.RunUntilAsync(reading) >= TimeSpan.FromMinutes(5));
        Assert.StartsWith("421 4.4.2", await reading, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_given_up()
    {
        var time = new FakeTimeProvider();
        await using var server = await TestServer.StartAsync(Ct, time: time);
        var link = server.Link(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 1), pipeOctetsMax: 4096);
        await new TestClient(link.Client, Ct).SendAsync(string.Concat(Enumerable.Repeat("HELP\r\n", 600)));
        await time.RunUntilAsync(server.EndedAsync(link));
        Assert.Equal("the peer does not read", link.Server.AbortReason);
    }

    [Fact]
    public async Task Only_text_that_the_client_can_read_is_in_a_reply()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct);
        await client.AskAsync("MAIL FROM:<a@example.org>");
        Assert.StartsWith("550 5.1.1 nobody", await client.AskAsync("RCPT TO:<nobody@example.test>"), StringComparison.Ordinal);
        var reply = await client.AskAsync("RCPT TO:<\"no \\\" body\"@example.test>");
        Assert.Equal("550 5.1.1 \"no \\\" body\"@example.test is not known here", reply);
    }

    [Fact]
    public async Task Who_makes_mistakes_waits_longer_for_each_answer()
    {
        var time = new WatchedTime();
        await using var server = await TestServer.StartAsync(Ct, time: time);
        server.Settings = server.Settings with { TarpitStep = TimeSpan.FromSeconds(1) };
        var client = new TestClient(server.Connect(new IPEndPoint(IPAddress.Parse("192.0.2.7"), 40000)), Ct);
        await client.ReadAsync();
        int[] expected = [0, 0, 0, 1, 2, 3, 4, 5, 5];
        foreach (var seconds in expected)
        {
            time.Waits.Clear();
            var answer = client.AskAsync("XYZZY");
            await time.RunUntilAsync(answer);
            Assert.StartsWith("500", await answer, StringComparison.Ordinal);
            // Every other wait of a session is a minute and more.
            Assert.Equal(seconds, time.Waits.Where(wait => wait < TimeSpan.FromSeconds(10)).Sum(wait => wait.TotalSeconds));
        }
    }

    [Fact]
    public async Task Who_speaks_before_the_greeting_is_counted_and_who_lies_about_a_name_too()
    {
        await using var server = await TestServer.StartAsync(Ct);
        server.Settings = server.Settings with { GreetingPause = TimeSpan.FromHours(1) };
        var stranger = IPAddress.Parse("192.0.2.7");
        // Ten would fill the bucket, if nothing had run out of it meanwhile.
        for (var i = 0; i < 11; i++)
        {
            var client = new TestClient(server.Connect(new IPEndPoint(stranger, 40000)), Ct);
            await client.SendAsync("EHLO client.example\r\n");
            Assert.StartsWith("220", await client.ReadAsync(), StringComparison.Ordinal);
        }
        for (var i = 0; i < 1000 && !server.Bans.Covers(stranger); i++) await server.Bans.RefreshAsync(Ct);
        Assert.True(server.Bans.Covers(stranger));
        server.Settings = server.Settings with { GreetingPause = TimeSpan.Zero };
        var liar = IPAddress.Parse("192.0.2.8");
        for (var i = 0; i < 17; i++)
        {
            var client = new TestClient(server.Connect(new IPEndPoint(liar, 40000)), Ct);
            await client.ReadAsync();
            string[] lies = ["mail.example.test", "localhost", "192.0.2.8", "[192.0.2.9]", "MAIL.example.test"];
            foreach (var name in lies) await client.AskAsync($"EHLO {name}");
            Assert.StartsWith("250", await client.AskAsync("EHLO [192.0.2.8]"), StringComparison.Ordinal);
        }
        for (var i = 0; i < 1000 && !server.Bans.Covers(liar); i++) await server.Bans.RefreshAsync(Ct);
        Assert.True(server.Bans.Covers(liar));
    }

    private static async Task BeginAsync(TestClient client)
    {
        Assert.StartsWith("250", await client.AskAsync("MAIL FROM:<a@example.org>"), StringComparison.Ordinal);
        Assert.StartsWith("250", await client.AskAsync($"RCPT TO:<{TestServer.User}>"), StringComparison.Ordinal);
        Assert.StartsWith("354", await client.AskAsync("DATA"), StringComparison.Ordinal);
    }
}
