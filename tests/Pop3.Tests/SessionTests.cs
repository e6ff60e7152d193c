using System.Text;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Store;
using Posthorn.Wire;

namespace Posthorn.Pop3.Tests;

public sealed class SessionTests
{
    private static readonly CancellationToken Ct = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Subject: x\r\n\r\n.\r\n..\r\n...\r\n.", "Subject: x\r\n\r\n.\r\n..\r\n...\r\n.\r\n")]
    [InlineData("Subject: x\r\n\r\nno end", "Subject: x\r\n\r\nno end\r\n")]
    [InlineData("Subject: x\n\n.\n\n.bare\n", "Subject: x\r\n\r\n.\r\n\r\n.bare\r\n")]
    [InlineData("Subject: x\r\n\r\na\rb\r\r\n", "Subject: x\r\n\r\na\rb\r\r\n")]
    [InlineData("Subject: x\r\n\r\nends with\r", "Subject: x\r\n\r\nends with\r\r\n")]
    [InlineData("Subject: only a header\r\n", "Subject: only a header\r\n")]
    public async Task A_message_comes_out_line_by_line(string stored, string sent)
    {
        await using var server = await TestServer.StartAsync(Ct);
        await server.DeliverAsync(stored, Ct);
        var client = await server.ClientAsync(Ct);
        Assert.Equal(sent, await client.LinesAsync("RETR 1"));
        Assert.Equal(sent, await client.LinesAsync("TOP 1 1000"));
        await client.OkAsync("NOOP");
    }

    [Fact]
    public async Task A_large_message_comes_out_as_it_went_in()
    {
        var random = new Random(7);
        var text = new StringBuilder("Subject: large\r\n\r\n");
        while (text.Length < 3_000_000) text.Append('.', random.Next(3)).Append((char)random.Next(0x21, 0x100), random.Next(300)).Append("\r\n");
        await using var server = await TestServer.StartAsync(Ct);
        await server.DeliverAsync(text.ToString(), Ct);
        var client = await server.ClientAsync(Ct);
        Assert.Equal($"+OK 1 {text.Length}", await client.AskAsync("STAT"));
        Assert.Equal(text.ToString(), await client.LinesAsync("RETR 1"));
    }

    [Fact]
    public async Task A_client_that_reads_slowly_costs_no_more_than_the_pipes_hold()
    {
        const int pipe = 32 * 1024;
        await using var server = await TestServer.StartAsync(Ct);
        await server.DeliverAsync("Subject: large\r\n\r\n" + string.Concat(Enumerable.Repeat("twenty-six octets of text\r\n", 400_000)), Ct);
        var link = server.Link(pipeOctetsMax: pipe);
        var client = new TestClient(link.Client, Ct);
        await client.ReadAsync();
        await client.AskAsync("USER " + TestServer.User);
        await client.AskAsync("PASS " + TestServer.Password);
        await client.SendAsync("RETR 1\r\n");
        for (var i = 0; i < 1000; i++) await Task.Yield();
        // What has left the server waits in two pipes; the rest of ten million octets has not been read from the disk.
        Assert.True(link.Server.Output.UnflushedBytes <= WireConnection.FlushOctets + Pop3Limits.BodyChunkOctets * 2);
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Equal(10_800_018, (await client.ReadLinesAsync()).Length);
    }

    [Fact]
    public async Task An_email_that_lies_in_two_places_is_shown_once_and_deleted_from_both()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var appended = await server.DeliverAsync("Subject: twin\r\n\r\n", Ct);
        (await server.Store.Emails.CopyAsync(server.Account, Mailbox.Inbox, appended.Uids, Mailbox.Inbox, Ct)).Require();
        var client = await server.ClientAsync(Ct);
        Assert.Equal("+OK 1 17", await client.AskAsync("STAT"));
        await client.OkAsync("DELE 1");
        await client.OkAsync("QUIT");
        Assert.Empty(await server.SubjectsAsync(Ct));
    }

    [Fact]
    public async Task A_unique_id_survives_a_move_and_a_return()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var appended = await server.DeliverAsync("Subject: wanderer\r\n\r\n", Ct);
        var archive = (await server.Store.Mailboxes.FindAsync(server.Account, "Archive", Ct))!;
        var client = await server.ClientAsync(Ct);
        var before = await client.LinesAsync("UIDL");
        await client.OkAsync("QUIT");
        await server.EndedAsync(client.Connection);
        var moved = (await server.Store.Emails.MoveAsync(server.Account, Mailbox.Inbox, appended.Uids, archive.Id, Ct)).Require();
        (await server.Store.Emails.MoveAsync(server.Account, archive.Id, [moved.Uids[0].To], Mailbox.Inbox, Ct)).Require();
        client = await server.ClientAsync(Ct);
        Assert.Equal(before, await client.LinesAsync("UIDL"));
    }

    [Fact]
    public async Task Thousands_of_messages_are_listed_and_deleted_at_once()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var staged = await server.Store.StageAsync(Encoding.ASCII.GetBytes("Subject: x\r\n\r\n"), Ct);
        for (var i = 0; i < 9; i++)
        {
            var emails = Enumerable.Range(0, 500).Select(_ => staged.ToEmail(SystemFlags.None, [], DateTimeOffset.UnixEpoch)).ToList();
            (await server.Store.Emails.AppendAsync(server.Account, Mailbox.Inbox, emails, Ct)).Require();
        }
        var client = await server.ClientAsync(Ct);
        Assert.Equal(4500, (await client.LinesAsync("UIDL")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Distinct().Count());
        for (var i = 1; i <= 4499; i++) await client.OkAsync($"DELE {i}");
        Assert.Equal("4500 14\r\n", await client.LinesAsync("LIST"));
        await client.OkAsync("QUIT");
        Assert.Equal(["x"], await server.SubjectsAsync(Ct));
    }

    [Fact]
    public async Task When_the_world_fails_under_quit_the_client_hears_it_and_nothing_is_deleted()
    {
        await using var server = await TestServer.StartAsync(Ct);
        await server.DeliverAsync("Subject: stays\r\n\r\n", Ct);
        var client = await server.ClientAsync(Ct);
        await client.OkAsync("DELE 1");
        await server.BreakAsync();
        Assert.StartsWith("-ERR [SYS/TEMP]", await client.AskAsync("QUIT"), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
        Assert.Equal(1, server.TakeFailures());
    }

    [Fact]
    public async Task A_client_that_leaves_behind_its_quit_has_said_it()
    {
        await using var server = await TestServer.StartAsync(Ct);
        await server.DeliverAsync("Subject: goes\r\n\r\n", Ct);
        var client = await server.ClientAsync(Ct);
        await client.SendAsync("DELE 1\r\nQUIT\r\n");
        await client.Connection.DisposeAsync();
        await server.EndedAsync(client.Connection);
        Assert.Empty(await server.SubjectsAsync(Ct));
    }

    [Fact]
    public async Task The_autologout_timer_ends_a_session_without_a_word_and_deletes_nothing()
    {
        var time = new FakeTimeProvider();
        await using var server = await TestServer.StartAsync(Ct, time: time);
        await server.DeliverAsync("Subject: stays\r\n\r\n", Ct);
        var client = await server.ClientAsync(Ct);
        await client.OkAsync("DELE 1");
        for (var i = 0; i < 100; i++) await Task.Yield();
        time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        await client.OkAsync("NOOP");
        while (!server.EndedAsync(client.Connection).IsCompleted)
        {
            time.Advance(TimeSpan.FromMinutes(10));
            await Task.Yield();
        }
        Assert.Null(await client.ReadAsync());
        Assert.Equal(["stays"], await server.SubjectsAsync(Ct));
    }

    [Fact]
    public async Task At_a_stop_the_client_is_told_and_the_maildrop_is_free()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var link = server.Link();
        var client = new TestClient(link.Client, Ct);
        await client.ReadAsync();
        await client.AskAsync("USER " + TestServer.User);
        await client.AskAsync("PASS " + TestServer.Password);
        link.Stop();
        Assert.StartsWith("-ERR [SYS/TEMP]", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.Null(await client.ReadAsync());
        await server.EndedAsync(link.Client);
        await server.ClientAsync(Ct);
    }

    [Fact]
    public async Task What_was_sent_before_the_handshake_is_never_read()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct, login: false);
        await client.SendAsync($"STLS\r\nUSER {TestServer.User}\r\nPASS {TestServer.Password}\r\n");
        Assert.StartsWith("+OK", await client.ReadAsync(), StringComparison.Ordinal);
        Assert.True((await client.Connection.UpgradeToTlsAsync(new TlsClient("x.example", (_, _, _, _) => true), Ct)).Ok);
        Assert.StartsWith("-ERR", await client.AskAsync("STAT"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_is_the_same_at_every_cut()
    {
        const string script = "CAPA\r\nUSER ann@example.test\r\nPASS correct horse\r\nTOP 1 0\r\nFOO\r\nQUIT\r\n";
        await using var server = await TestServer.StartAsync(Ct);
        await server.DeliverAsync("Subject: x\r\n\r\ntext\r\n", Ct);
        string? expected = null;
        for (var cut = 1; cut < script.Length; cut += 3)
        {
            var client = await server.ClientAsync(Ct, login: false);
            await client.SendAsync(script[..cut]);
            for (var i = 0; i < 20; i++) await Task.Yield();
            await client.SendAsync(script[cut..]);
            var replies = new StringBuilder();
            while (await client.ReadAsync() is { } line) replies.Append(line).Append('\n');
            Assert.Equal(expected ??= replies.ToString(), replies.ToString());
            await server.EndedAsync(client.Connection);
        }
        Assert.EndsWith("-ERR unknown command\n+OK see you\n", expected, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_refused_and_the_session_goes_on()
    {
        await using var server = await TestServer.StartAsync(Ct);
        var client = await server.ClientAsync(Ct, login: false);
        Assert.Equal("-ERR the line is too long", await client.AskAsync("USER " + new string('x', Pop3Limits.LineOctetsMax)));
        Assert.StartsWith("-ERR expected user name", await client.AskAsync("USER " + new string('x', 5000)), StringComparison.Ordinal);
        await client.OkAsync("QUIT");
    }
}
