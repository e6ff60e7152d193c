namespace Posthorn.Imap.Tests;

/// <summary>RFC 9585: a client that waits long hears that its command goes on.</summary>
public sealed class InProgressTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("SEARCH TEXT words")]
    [InlineData("SORT (SUBJECT) UTF-8 ALL")]
    [InlineData("THREAD REFERENCES UTF-8 ALL")]
    [InlineData("ESEARCH IN (personal) ALL")]
    public async Task A_command_that_takes_long_tells_how_far_it_is(string command)
    {
        await using var server = await TestServer.StartAsync(Token, wireTime: new HastyTime());
        for (var i = 0; i < 3; i++) await server.DeliverAsync("INBOX", "Subject: x\r\n\r\nwords\r\n"u8.ToArray(), Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        var told = await client.OkAsync(command, Token);
        Assert.Contains(told, line => System.Text.RegularExpressions.Regex.IsMatch(line, @"^\* OK \[INPROGRESS \(""t\d+"" \d+ \d+\)\] "));
    }

    [Fact]
    public async Task A_command_that_is_quick_does_not()
    {
        await using var server = await TestServer.StartAsync(Token);
        await server.DeliverAsync("INBOX", "Subject: x\r\n\r\nwords\r\n"u8.ToArray(), Token);
        var client = await server.ClientAsync(Token);
        await client.OkAsync("SELECT INBOX", Token);
        Assert.Equal(["* SEARCH 1"], await client.OkAsync("SEARCH TEXT words", Token));
    }

    /// <summary>Whoever looks at this clock finds that a while has passed.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private long _looks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Increment(ref _looks) * Progress.Interval.Ticks;
    }
}
