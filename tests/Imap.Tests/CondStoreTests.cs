using System.Globalization;
using System.Text.RegularExpressions;

namespace Posthorn.Imap.Tests;

/// <summary>What a dialogue of one client cannot show of RFC 7162.</summary>
public sealed partial class CondStoreTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_conditional_stores_that_race_each_one_that_succeeds_saw_the_one_before()
    {
        const int Clients = 8, Increments = 12;
        await using var server = await TestServer.StartAsync(Token);
        await server.DeliverAsync("INBOX", "Subject: counter\r\n\r\n0\r\n"u8.ToArray(), Token);
        var counting = new List<Task>();
        for (var i = 0; i < Clients; i++) counting.Add(CountAsync(await server.ClientAsync(Token), Increments));
        await Task.WhenAll(counting);
        var reader = await server.ClientAsync(Token);
        await reader.OkAsync("SELECT INBOX", Token);
        Assert.Contains($"n{Clients * Increments}", Assert.Single(await reader.OkAsync("FETCH 1 FLAGS", Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resynchronization_of_a_hundred_thousand_gaps_comes_in_lines_of_bounded_length()
    {
        await using var server = await TestServer.StartAsync(Token);
        for (var i = 0; i < 2500; i += 100)
        {
            var message = await server.Store.StageAsync("Subject: x\r\n\r\n"u8.ToArray(), Token);
            var emails = Enumerable.Range(0, 100).Select(_ => message.ToEmail(default, [], DateTimeOffset.UnixEpoch)).ToList();
            _ = (await server.Store.Emails.AppendAsync(server.Account, Store.Mailbox.Inbox, emails, Token)).Require();
        }
        var client = await server.ClientAsync(Token);
        await client.OkAsync("ENABLE QRESYNC", Token);
        var validity = UidValidity().Match(string.Join('\n', await client.OkAsync("SELECT INBOX", Token))).Groups[1].Value;
        var odd = string.Join(',', Enumerable.Range(0, 1250).Select(i => (2 * i) + 1));
        await client.OkAsync($"UID STORE {odd} +FLAGS.SILENT (\\Deleted)", Token);
        var vanished = await client.OkAsync("EXPUNGE", Token);
        Assert.Equal(2, vanished.Count(line => line.StartsWith("* VANISHED", StringComparison.Ordinal)));
        var back = await client.OkAsync($"SELECT INBOX (QRESYNC ({validity} 1))", Token);
        var earlier = back.Where(line => line.StartsWith("* VANISHED (EARLIER) ", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, earlier.Count);
        Assert.Equal(odd, string.Join(',', earlier.Select(line => line["* VANISHED (EARLIER) ".Length..])));
        Assert.Equal(1250, back.Count(line => line.Contains(" FETCH ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Where_the_log_does_not_reach_back_everything_that_is_missing_is_told()
    {
        await using var server = await TestServer.StartAsync(Token);
        for (var i = 0; i < 6; i++) await server.DeliverAsync("INBOX", "Subject: x\r\n\r\n"u8.ToArray(), Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("ENABLE QRESYNC", Token);
        var validity = UidValidity().Match(string.Join('\n', await client.OkAsync("SELECT INBOX", Token))).Groups[1].Value;
        await client.OkAsync("STORE 2,5 +FLAGS.SILENT (\\Deleted)", Token);
        await client.OkAsync("EXPUNGE", Token);
        await server.AlterAsync("UPDATE account_state SET log_floor = modseq", Token);
        Assert.Equal("* VANISHED (EARLIER) 2,5", Vanished(await client.OkAsync($"SELECT INBOX (QRESYNC ({validity} 1))", Token)));
        Assert.Equal("* VANISHED (EARLIER) 2", Vanished(await client.OkAsync($"SELECT INBOX (QRESYNC ({validity} 1 1:4))", Token)));
        // RFC 7162 §3.2.5.2: what the client still has right needs no telling.
        Assert.Equal("* VANISHED (EARLIER) 5", Vanished(await client.OkAsync($"SELECT INBOX (QRESYNC ({validity} 1 1:6 (1,3 1,4)))", Token)));
        Assert.Equal("* VANISHED (EARLIER) 2,5", Vanished(await client.OkAsync($"SELECT INBOX (QRESYNC ({validity} 1 1:6 (1,4 1,4)))", Token)));

        static string Vanished(List<string> lines) => Assert.Single(lines, line => line.StartsWith("* VANISHED", StringComparison.Ordinal));
    }

    private static async Task CountAsync(TestClient client, int increments)
    {
        await client.OkAsync("SELECT INBOX (CONDSTORE)", Token);
        for (var done = 0; done < increments;)
        {
            var state = State().Match(string.Join('\n', await client.OkAsync("FETCH 1 (FLAGS MODSEQ)", Token)));
            Assert.True(state.Success);
            var next = (state.Groups[1].Success ? int.Parse(state.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0) + 1;
            var (_, tagged) = await client.RunAsync($"STORE 1 (UNCHANGEDSINCE {state.Groups[2].Value}) FLAGS.SILENT (n{next})", Token);
            if (tagged.StartsWith("OK STORE", StringComparison.Ordinal)) done++;
            else Assert.StartsWith("OK [MODIFIED 1]", tagged, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"FETCH \(FLAGS \((?:n(\d+))?\) MODSEQ \((\d+)\)\)")]
    private static partial Regex State();

    [GeneratedRegex(@"UIDVALIDITY (\d+)")]
    private static partial Regex UidValidity();
}
