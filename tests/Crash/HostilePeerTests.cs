using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Crash;

/// <summary>
/// Peers that are slow, dead or malicious. In each case three things: the server's memory stays within a bound, others are served meanwhile
/// in reasonable time, and the peer gets a protocol error where a protocol error is due.
/// </summary>
public sealed class HostilePeerTests : IAsyncLifetime
{
    private const long Megabyte = 1 << 20;
    private static readonly TimeSpan ServedWithin = TimeSpan.FromSeconds(10);
    private static readonly byte[] Letter = Encoding.ASCII.GetBytes(
        "From: sender@outside.test\r\nMessage-ID: <hostile@outside.test>\r\nSubject: Served\r\n\r\n" + new string('x', 70) + "\r\n");

    private Server _server = null!;
    private long _before;

    public async ValueTask InitializeAsync()
    {
        _server = await Server.InstallAsync(2, CancellationToken.None);
        await OthersAreServedAsync();
        _before = _server.Memory();
        _server.ForgetPeak();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_hundred_clients_that_send_a_byte_a_second_hinder_nobody()
    {
        var ct = TestContext.Current.CancellationToken;
        byte[] command = "EHLO slow.outside.test\r\n"u8.ToArray();
        var slow = new List<LineConnection>();
        for (int i = 0; i < 100; i++) slow.Add(await LineConnection.OpenAsync(i % 2 == 0 ? _server.Smtp : _server.Imap, ct));
        for (int second = 0; second < 5; second++)
        {
            foreach (var connection in slow) await connection.WriteAsync(command.AsMemory(second, 1), ct);
            await OthersAreServedAsync();
            await Task.Delay(TimeSpan.FromSeconds(1), ct);
        }
        foreach (var connection in slow) connection.Dispose();
        AssertMemory(32);
    }

    [Theory]
    [InlineData("smtp", "500")]
    [InlineData("imap", "BAD")]
    public async Task A_line_without_end_is_refused_and_not_kept(string protocol, string complaint)
    {
        var ct = TestContext.Current.CancellationToken;
        using var connection = await LineConnection.OpenAsync(protocol == "smtp" ? _server.Smtp : _server.Imap, ct);
        await connection.ReadLineAsync(ct);
        byte[] flood = Encoding.ASCII.GetBytes(new string('A', 1 << 16));
        try
        {
            for (int i = 0; i < 1024; i++) await connection.WriteAsync(flood, ct);
            await connection.WriteLineAsync("", ct);
        }
        catch (SocketException)
        {
            // Cut off while flooding: as good an answer as a refusal.
            AssertMemory(32);
            await OthersAreServedAsync();
            return;
        }
        string answer = await FirstLineAsync(connection, ct);
        string[] due = [complaint, "BYE"];
        Assert.True(answer.Length == 0 || due.Any(d => answer.Contains(d, StringComparison.Ordinal)), answer);
        AssertMemory(32);
        await OthersAreServedAsync();
    }

    [Theory]
    [InlineData("a1 LOGIN {4294967295}")]
    [InlineData("a1 LOGIN {4294967296+}")]
    [InlineData("a1 LOGIN {99999999999999999999}")]
    public async Task A_literal_of_four_gigabytes_is_refused_before_log_in(string command)
    {
        var ct = TestContext.Current.CancellationToken;
        using var connection = await LineConnection.OpenAsync(_server.Imap, ct);
        await connection.ReadLineAsync(ct);
        await connection.WriteLineAsync(command, ct);
        string answer = await FirstLineAsync(connection, ct);
        Assert.False(answer.StartsWith('+'), "the server invites a literal of 4 GB");
        AssertMemory(32);
        await OthersAreServedAsync();
    }

    [Theory]
    [InlineData("APPEND INBOX {4294967295}")]
    [InlineData("APPEND INBOX {4294967296+}")]
    public async Task A_message_of_four_gigabytes_is_refused_before_it_is_sent(string command)
    {
        var ct = TestContext.Current.CancellationToken;
        using var imap = await ImapSession.LogInAsync(_server.Imap, Server.Account(0), Server.Password, ct);
        string outcome;
        try
        {
            var answer = await imap.CommandAsync(command, ct).WaitAsync(ServedWithin, ct);
            outcome = answer.Status;
        }
        catch (IOException)
        {
            outcome = "closed";   // RFC 7888 §4 leaves a server that cannot skip a non-synchronizing literal no other way
        }
        Assert.Contains(outcome, (string[])["NO", "BAD", "closed"]);
        AssertMemory(32);
        await OthersAreServedAsync();
    }

    [Fact]
    public async Task Ten_thousand_recipients_are_limited_and_the_accepted_ones_are_served()
    {
        var ct = TestContext.Current.CancellationToken;
        using var smtp = await SmtpSession.OpenAsync(_server.Smtp, ct);
        Assert.StartsWith("250", await smtp.CommandAsync("MAIL FROM:<sender@outside.test>", ct), StringComparison.Ordinal);
        int accepted = 0, refused = 0;
        for (int i = 0; i < 10_000; i++)
        {
            string reply = await smtp.CommandAsync($"RCPT TO:<{Server.Account(0).Replace("@", $"+{i}@", StringComparison.Ordinal)}>", ct);
            if (reply.StartsWith("250", StringComparison.Ordinal)) accepted++;
            else refused++;
            if (refused > 0) Assert.StartsWith("452", reply, StringComparison.Ordinal);   // RFC 5321 §4.5.3.1.10
        }
        Assert.InRange(accepted, 100, 9_999);   // RFC 5321 §4.5.3.1.8: 100 at least
        Assert.StartsWith("354", await smtp.CommandAsync("DATA", ct), StringComparison.Ordinal);
        Assert.StartsWith("250", await smtp.CommandAsync(Encoding.ASCII.GetString(Letter) + ".", ct), StringComparison.Ordinal);
        AssertMemory(48);
        await OthersAreServedAsync();
    }

    [Theory]
    [InlineData("smtp")]
    [InlineData("imap")]
    public async Task A_hundred_thousand_pipelined_commands_are_all_answered_in_order(string protocol)
    {
        const int count = 100_000;
        var ct = TestContext.Current.CancellationToken;
        bool smtp = protocol == "smtp";
        using var connection = await LineConnection.OpenAsync(smtp ? _server.Smtp : _server.Imap, ct);
        await connection.ReadLineAsync(ct);
        if (smtp)
        {
            await connection.WriteLineAsync("EHLO client.outside.test", ct);
            while ((await connection.ReadLineAsync(ct))[3] == '-') { }
        }
        var commands = new StringBuilder();
        for (int i = 0; i < count; i++) commands.Append(smtp ? "NOOP\r\n" : $"n{i} NOOP\r\n");
        var writing = connection.WriteAsync(Encoding.ASCII.GetBytes(commands.ToString()), ct).AsTask();
        for (int i = 0; i < count; i++)
        {
            string answer = await connection.ReadLineAsync(ct);
            Assert.StartsWith(smtp ? "250" : $"n{i} OK", answer, StringComparison.Ordinal);
        }
        await writing;
        AssertMemory(32);
        await OthersAreServedAsync();
    }

    [Fact]
    public async Task Clients_that_never_read_what_they_asked_for_cost_little()
    {
        var ct = TestContext.Current.CancellationToken;
        using (var imap = await ImapSession.LogInAsync(_server.Imap, Server.Account(0), Server.Password, ct))
        {
            byte[] large = [.. Letter, .. Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(new string('y', 76) + "\r\n", 12_000)))];
            for (int i = 0; i < 40; i++) (await imap.AppendAsync("INBOX", large, ct)).Require();
        }
        _server.ForgetPeak();
        var deaf = new List<LineConnection>();
        for (int i = 0; i < 10; i++)
        {
            var connection = await LineConnection.OpenAsync(_server.Imap, ct);
            deaf.Add(connection);
            await connection.WriteLineAsync($"a1 LOGIN {Server.Account(0)} \"{Server.Password}\"", ct);
            await connection.WriteLineAsync("a2 SELECT INBOX", ct);
            for (int n = 0; n < 20; n++) await connection.WriteLineAsync($"b{n} FETCH 1:* BODY.PEEK[]", ct);
        }
        for (int second = 0; second < 5; second++)
        {
            await OthersAreServedAsync();
            await Task.Delay(TimeSpan.FromSeconds(1), ct);
        }
        foreach (var connection in deaf) connection.Dispose();
        AssertMemory(96);
        await OthersAreServedAsync();
    }

    private static async Task<string> FirstLineAsync(LineConnection connection, CancellationToken ct)
    {
        try
        {
            return await connection.ReadLineAsync(ct).AsTask().WaitAsync(ServedWithin, ct);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return "";
        }
    }

    private void AssertMemory(int megabytes)
    {
        long grown = (_server.PeakMemory() - _before) / Megabyte;
        TestContext.Current.TestOutputHelper?.WriteLine($"grown by {grown} MB of {megabytes}");
        Assert.True(grown <= megabytes, $"the server has grown by {grown} MB, {megabytes} are allowed");
    }

    /// <summary>Somebody else delivers a message and reads it, as if nothing were.</summary>
    private async Task OthersAreServedAsync()
    {
        using var limit = new CancellationTokenSource(ServedWithin);
        long began = Stopwatch.GetTimestamp();
        try
        {
            using var smtp = await SmtpSession.OpenAsync(_server.Smtp, limit.Token);
            Assert.True(await smtp.SendAsync([Server.Account(1)], Letter, limit.Token));
            using var imap = await ImapSession.LogInAsync(_server.Imap, Server.Account(1), Server.Password, limit.Token);
            (await imap.CommandAsync("SELECT INBOX", limit.Token)).Require();
            var answer = (await imap.CommandAsync("FETCH * BODY.PEEK[]", limit.Token)).Require();
            Assert.True(answer.Untagged.Single(u => u.Literals.Count > 0).Literals[0].AsSpan().EndsWith(Letter));
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"others were not served within {Stopwatch.GetElapsedTime(began).TotalSeconds:f1} s");
        }
    }
}
