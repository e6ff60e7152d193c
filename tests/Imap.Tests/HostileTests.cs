using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Posthorn.Imap.Tests;

/// <summary>Clients that mean no good: what they cost is bounded by docs/limits.md, and others are served meanwhile.</summary>
public sealed class HostileTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_literal_of_4_gb_is_refused_before_it_is_sent()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        foreach (var command in (string[])["APPEND INBOX", "CREATE", "LOGIN", "SEARCH TEXT"])
        {
            var (_, tagged) = await client.RunAsync(command + " {4294967296}", Token);
            Assert.Matches("^(NO|BAD) \\[TOOBIG\\]", tagged);
        }
        await client.OkAsync("NOOP", Token);
    }

    [Fact]
    public async Task A_literal_of_4_gb_that_comes_unasked_ends_the_connection()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        var tag = client.NextTag();
        await client.SendAsync($"{tag} APPEND INBOX {{4294967296+}}\r\n", Token);
        Assert.StartsWith("* BYE", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        Assert.StartsWith($"{tag} NO [TOOBIG]", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        Assert.Null(await client.ReadLineAsync(Token));
    }

    [Fact]
    public async Task Before_log_in_a_literal_is_a_name_or_a_password()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token, login: false);
        var login = (await client.RunAsync($"LOGIN {{{ImapLimits.CredentialOctetsMax + 1}}}", Token)).Tagged;
        Assert.StartsWith("BAD [TOOBIG]", login, StringComparison.Ordinal);
        var append = (await client.RunAsync("APPEND INBOX {100}", Token)).Tagged;
        Assert.StartsWith("BAD", append, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Literals_of_one_command_end_at_its_size()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        var tag = client.NextTag();
        var key = $"TEXT {{60000+}}\r\n{new string('x', 60_000)}";
        await client.SendAsync($"{tag} SEARCH {string.Join(' ', Enumerable.Repeat(key, 6))}\r\n", Token);
        Assert.StartsWith("BAD [TOOBIG]", (await client.ReadToAsync(tag, Token)).Tagged, StringComparison.Ordinal);
        await client.OkAsync("NOOP", Token);
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_refused_and_one_without_end_ends_the_connection()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.SendAsync("a NOOP " + new string('x', ImapLimits.LineOctetsMax) + "\r\n", Token);
        Assert.StartsWith("a BAD [TOOBIG]", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        await client.OkAsync("NOOP", Token);
        var sending = SendWithoutEndAsync(client);
        Assert.StartsWith("* BYE", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        Assert.Null(await client.ReadLineAsync(Token));
        await sending;
    }

    [Fact]
    public async Task A_hundred_thousand_pipelined_commands_are_answered_in_order()
    {
        const int Count = 100_000;
        await using var server = await TestServer.StartAsync(Token);
        await server.DeliverAsync("INBOX", "Subject: one\r\n\r\n1\r\n"u8.ToArray(), Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        var sending = SendManyAsync(client, Count);
        for (var i = 0; i < Count; i++)
        {
            if (i % 2 == 1) Assert.Equal("* 1 FETCH (FLAGS ())", await client.ReadLineAsync(Token));
            Assert.StartsWith($"p{i} OK", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        }
        await sending;
    }

    [Fact]
    public async Task A_client_that_never_reads_costs_one_buffer_and_is_left()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.StartAsync(Token, wireTime: time);
        await server.DeliverAsync("INBOX", Encoding.ASCII.GetBytes("Subject: big\r\n\r\n" + new string('x', 1_000_000)), Token);
        var deaf = await server.ClientAsync(Token);
        await deaf.OkAsync("SELECT INBOX", Token);
        var session = server.LastSession;
        for (var i = 0; i < 50; i++) await deaf.SendAsync($"d{i} FETCH 1 BODY.PEEK[]\r\n", Token);
        var other = await server.ClientAsync(Token);
        await other.OkAsync("SELECT INBOX", Token);
        Assert.False(session.IsCompleted);
        while (!session.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(30)); // beyond WireLimits.WriteTimeout the connection is aborted
            await Task.Yield();
        }
        await session;
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("NOT ", "")]
    [InlineData("OR ALL ", "")]
    public async Task A_search_has_a_depth(string open, string close)
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        await client.OkAsync("SEARCH " + Nested(ImapLimits.SearchDepthMax), Token);
        Assert.StartsWith("BAD", (await client.RunAsync("SEARCH " + Nested(ImapLimits.SearchDepthMax + 1), Token)).Tagged, StringComparison.Ordinal);
        Assert.StartsWith("BAD", (await client.RunAsync("SEARCH " + Nested(5_000), Token)).Tagged, StringComparison.Ordinal);

        string Nested(int depth) => string.Concat(Enumerable.Repeat(open, depth)) + "ALL" + string.Concat(Enumerable.Repeat(close, depth));
    }

    [Fact]
    public async Task A_search_has_a_number_of_keys()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        await client.OkAsync("SEARCH" + string.Concat(Enumerable.Repeat(" ALL", ImapLimits.SearchKeysMax)), Token);
        var (_, tagged) = await client.RunAsync("SEARCH" + string.Concat(Enumerable.Repeat(" ALL", ImapLimits.SearchKeysMax + 1)), Token);
        Assert.StartsWith("BAD", tagged, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Huge_sequence_sets_cost_their_line()
    {
        await using var server = await TestServer.StartAsync(Token);
        await server.DeliverAsync("INBOX", "Subject: one\r\n\r\n1\r\n"u8.ToArray(), Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        Assert.Single(await client.OkAsync("UID FETCH 1:4294967295 (UID)", Token));
        Assert.Single(await client.OkAsync($"UID FETCH {string.Join(',', Enumerable.Repeat("1:*", 15_000))} (UID)", Token));
        Assert.Single(await client.OkAsync($"FETCH {string.Join(',', Enumerable.Repeat("1", ImapLimits.SequenceRangesMax))} (UID)", Token));
        var (_, tagged) = await client.RunAsync($"FETCH {string.Join(',', Enumerable.Repeat("1", ImapLimits.SequenceRangesMax + 1))} (UID)", Token);
        Assert.StartsWith("BAD", tagged, StringComparison.Ordinal);
        Assert.StartsWith("BAD", (await client.RunAsync("FETCH 1:4294967295 (UID)", Token)).Tagged, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Patterns_with_many_wildcards_are_matched_in_bounded_time()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("CREATE " + new string('a', 200), Token);
        Assert.Empty(await client.OkAsync("LIST \"\" " + string.Concat(Enumerable.Repeat("*a", 1_000)) + "b", Token));
        Assert.Empty(await client.OkAsync("LIST \"\" " + string.Concat(Enumerable.Repeat("%*", 2_000)) + "b", Token));
        Assert.Empty(await client.OkAsync("LIST \"\" " + string.Concat(Enumerable.Repeat("%a*", 1_000)) + "b", Token));
    }

    [Fact]
    public async Task What_one_command_may_name_is_bounded()
    {
        await using var server = await TestServer.StartAsync(Token);
        await server.DeliverAsync("INBOX", "Subject: one\r\n\r\n1\r\n"u8.ToArray(), Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        foreach (var command in (string[])
        [
            $"FETCH 1 ({Many("BODY.PEEK[1]", ImapLimits.FetchItemsMax + 1)})",
            $"FETCH 1 BODY.PEEK[HEADER.FIELDS ({Many("X", ImapLimits.HeaderFieldsMax + 1)})]",
            $"FETCH 1 BODY.PEEK[{string.Join('.', Enumerable.Repeat("1", ImapLimits.SectionDepthMax + 1))}]",
            $"STORE 1 +FLAGS ({Many("k", ImapLimits.FlagsMax + 1)})",
            $"LIST \"\" ({Many("%", ImapLimits.ListPatternsMax + 1)})",
            $"SORT ({Many("DATE", ImapLimits.SortCriteriaMax + 1)}) UTF-8 ALL",
            $"ESEARCH IN ({Many("personal", ImapLimits.ListPatternsMax + 1)}) ALL",
            $"CANCELUPDATE {Many("\"x\"", ImapLimits.FetchItemsMax + 1)}",
        ])
        {
            Assert.StartsWith("BAD", (await client.RunAsync(command, Token)).Tagged, StringComparison.Ordinal);
        }
        Assert.Single(await client.OkAsync("FETCH 1 BODY.PEEK[" + string.Join('.', Enumerable.Repeat("1", ImapLimits.SectionDepthMax)) + "]", Token));

        static string Many(string word, int count) => string.Join(' ', Enumerable.Repeat(word, count));
    }

    [Fact]
    public async Task Searches_that_are_followed_are_bounded_and_the_next_one_is_answered_all_the_same()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        for (var i = 0; i < ImapLimits.SearchContextsMax; i++) Assert.Single(await client.OkAsync("SEARCH RETURN (UPDATE COUNT) ALL", Token));
        var refused = await client.OkAsync("SEARCH RETURN (UPDATE COUNT) ALL", Token);
        Assert.Contains(refused, line => line.StartsWith("* ESEARCH", StringComparison.Ordinal));
        Assert.Contains(refused, line => line.StartsWith("* NO [NOUPDATE", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("NOSUCH", "expected a command of RFC 9051 or of an extension at octet ")]
    [InlineData("UID NOSUCH", "expected a command of RFC 9051 or of an extension at octet ")]
    [InlineData("STORE 1 FLAGZ", "expected FLAGS at octet ")]
    [InlineData("FETCH 1 (FLAGS", "expected \")\" at octet ")]
    [InlineData("SEARCH SENTON yesterday", "expected date at octet ")]
    public async Task A_malformed_command_hears_where_and_what_was_expected(string command, string expected)
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        for (var i = 1; i < ImapLimits.BadCommandsMax; i++)
            Assert.StartsWith("BAD " + expected, (await client.RunAsync(command, Token)).Tagged, StringComparison.Ordinal);
        await client.OkAsync("NOOP", Token);
    }

    [Fact]
    public async Task A_stop_ends_a_session_between_two_commands()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("NOOP", Token);
        server.Stop();
        Assert.StartsWith("* BYE", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        Assert.Null(await client.ReadLineAsync(Token));
    }

    [Fact]
    public async Task A_stop_ends_an_idle()
    {
        await using var server = await TestServer.StartAsync(Token);
        var client = await server.ClientAsync(Token);
        await client.SendAsync("a IDLE\r\n", Token);
        Assert.StartsWith("+", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        server.Stop();
        Assert.StartsWith("* BYE", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        Assert.Null(await client.ReadLineAsync(Token));
    }

    private static async Task SendManyAsync(TestClient client, int count)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            text.Append('p').Append(i).Append(i % 2 == 1 ? " FETCH 1 FLAGS\r\n" : " NOOP\r\n");
            if (text.Length < 16 * 1024) continue;
            await client.SendAsync(text.ToString(), Token);
            text.Clear();
        }
        await client.SendAsync(text.ToString(), Token);
    }

    private static async Task SendWithoutEndAsync(TestClient client)
    {
        var some = new string('x', 64 * 1024);
        for (var sent = 0; sent < 4 * 16 * ImapLimits.LineOctetsMax; sent += some.Length)
        {
            var flushed = await client.Connection.Output.WriteAsync(Encoding.ASCII.GetBytes(some), Token);
            if (flushed.IsCompleted) return;
        }
    }
}
