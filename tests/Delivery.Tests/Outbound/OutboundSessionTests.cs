using Microsoft.Extensions.Time.Testing;
using Xunit;
using static Posthorn.Delivery.Tests.OutboundHouse;

namespace Posthorn.Delivery.Tests;

public sealed class OutboundSessionTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Messages_to_one_host_share_a_connection_for_a_while()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(
            server.Port, "a.test. MX 10 mx1.test.\nb.test. MX 10 mx1.test.\nmx1.test. A 127.0.0.1", time: _time);
        await house.SendAsync();
        _time.Advance(OutboundLimits.IdleSessionTimeout - TimeSpan.FromSeconds(1));
        await house.SendAsync("r@b.test");
        Assert.Equal(2, server.Only.Messages.Count);
        Assert.Empty(server.Only.Said("QUIT"));
        _time.Advance(OutboundLimits.IdleSessionTimeout + TimeSpan.FromSeconds(1));
        await server.Only.Done;
        Assert.Single(server.Only.Said("QUIT"));
        await house.SendAsync();
        Assert.Equal(2, server.Conversations.Count);
    }

    [Fact]
    public async Task Attempts_at_the_same_time_have_connections_of_their_own()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => house.SendAsync()));
        Assert.Equal(20, server.Messages.Length);
        Assert.InRange(server.Conversations.Count, 2, 20);
    }

    [Fact]
    public async Task A_connection_has_its_limit_of_transactions()
    {
        await using var server = new ScriptedServer();
        await using var house = new OutboundHouse(server.Port);
        for (var i = 0; i <= OutboundLimits.TransactionsPerConnectionMax; i++) await house.SendAsync();
        Assert.Equal([OutboundLimits.TransactionsPerConnectionMax, 1], server.Conversations.Select(c => c.Messages.Count));
    }

    [Theory]
    [InlineData("")]
    [InlineData("421 4.4.2 you were idle")]
    public async Task A_server_that_no_longer_waits_is_called_again(string answer)
    {
        var transactions = 0;
        await using var server = new ScriptedServer
        {
            Answer = command =>
                command.StartsWith("MAIL", StringComparison.Ordinal) && Interlocked.Increment(ref transactions) == 2 ? answer : null,
        };
        await using var house = new OutboundHouse(server.Port);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Equal(2, server.Conversations.Count);
        Assert.Equal(2, server.Messages.Length);
    }

    [Fact]
    public async Task A_connection_that_broke_is_not_used_again()
    {
        var ends = 0;
        await using var server = new ScriptedServer { Answer = command => command == "." && Interlocked.Increment(ref ends) == 1 ? "" : null };
        await using var house = new OutboundHouse(server.Port);
        var lost = await house.SendAsync();
        Assert.Equal((OutboundOutcome.Deferred, "4.4.2"), (lost.Outcome, lost.Status));
        Assert.Equal(OutboundOutcome.Delivered, (await house.SendAsync()).Outcome);
        Assert.Equal(2, server.Conversations.Count);
    }

    [Fact]
    public async Task The_end_of_the_client_says_quit_to_whoever_waits()
    {
        await using var server = new ScriptedServer();
        var house = new OutboundHouse(server.Port);
        await house.SendAsync();
        await house.DisposeAsync();
        await server.Only.Done;
        Assert.Single(server.Only.Said("QUIT"));
    }

    [Theory]
    [InlineData("x", 1)] // a line without end
    [InlineData("250-x\r\n", 1)] // a reply without end
    [InlineData("220-", 1)]
    public async Task A_greeting_without_end_is_given_up(string piece, int connections)
    {
        await using var server = new ScriptedServer
        {
            Raw = async (stream, ct) =>
            {
                var block = Enumerable.Repeat(System.Text.Encoding.ASCII.GetBytes(piece), 1000).SelectMany(b => b).ToArray();
                while (true) await stream.WriteAsync(block, ct);
            },
        };
        await using var house = new OutboundHouse(server.Port);
        var result = await house.SendAsync();
        Assert.Equal((OutboundOutcome.Deferred, "4.4.2"), (result.Outcome, result.Status));
        Assert.Equal(connections, server.Conversations.Count);
    }

    [Theory]
    [InlineData(0)] // silence
    [InlineData(1)] // an octet a second, and no end of line
    [InlineData(30)] // a line each half minute, and no end of the reply
    public async Task A_slow_greeting_ends_in_time(int seconds)
    {
        await using var server = new ScriptedServer
        {
            Raw = async (stream, ct) =>
            {
                var piece = seconds == 1 ? "2"u8.ToArray() : "220-wait\r\n"u8.ToArray();
                while (true)
                {
                    await Task.Delay(seconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds), _time, ct);
                    await stream.WriteAsync(piece, ct);
                }
            },
        };
        await using var house = new OutboundHouse(server.Port, time: _time);
        var (result, took) = await InTimeAsync(server, house.SendAsync());
        Assert.Equal((OutboundOutcome.Deferred, "4.4.2"), (result.Outcome, result.Status));
        Assert.InRange(took, TimeSpan.Zero, 5 * OutboundLimits.GreetingTimeout);
    }

    [Fact]
    public async Task A_server_that_never_reads_ends_in_time()
    {
        await using var server = new ScriptedServer
        {
            Raw = async (stream, ct) =>
            {
                await stream.WriteAsync("220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n"u8.ToArray(), ct);
                await Task.Delay(Timeout.InfiniteTimeSpan, ct);
            },
        };
        await using var house = new OutboundHouse(server.Port, time: _time);
        var sending = house.SendAsync(Message(["r@a.test"], new string('x', 20_000_000)));
        var (results, took) = await InTimeAsync(server, sending);
        Assert.Equal(OutboundOutcome.Deferred, results[0].Outcome);
        Assert.InRange(took, OutboundLimits.BlockTimeout, 5 * OutboundLimits.BlockTimeout);
    }

    // From the connection on the clock runs while the task does.
    private async Task<(T Result, TimeSpan Took)> InTimeAsync<T>(ScriptedServer server, Task<T> task)
    {
        while (server.Conversations.IsEmpty) await Task.Yield();
        var began = _time.GetTimestamp();
        while (!task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            for (var i = 0; i < 200 && !task.IsCompleted; i++) await Task.Yield();
        }
        return (await task, _time.GetElapsedTime(began));
    }
}
