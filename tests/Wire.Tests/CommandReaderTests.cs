using System.Buffers;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Posthorn.Wire.Tests;

public sealed class CommandReaderTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_line_is_whole_at_every_cut()
    {
        var input = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c\nd@e.example>\r\n\r\nDATA\r\n"u8.ToArray();
        for (var cut = 0; cut <= input.Length; cut++)
        {
            await using var link = new WireLink(new WireLimits(), _time);
            var lines = ReadAllAsync(link.Server.Reader);
            await SendAsync(link.Client, input.AsMemory(0, cut));
            await SendAsync(link.Client, input.AsMemory(cut));
            await link.Client.DisposeAsync();
            Assert.Equal(["MAIL FROM:<a@b.example>", "RCPT TO:<c\nd@e.example>", "", "DATA"], await lines);
        }
    }

    [Fact]
    public async Task Bare_lf_ends_a_line_only_where_it_may()
    {
        var limits = new WireLimits { BareLfEndsLine = true };
        await using var link = new WireLink(limits, _time);
        var lines = ReadAllAsync(link.Server.Reader);
        await SendAsync(link.Client, "a1 NOOP\na2 NOOP\r\n\na3\r"u8.ToArray());
        await SendAsync(link.Client, "\n"u8.ToArray());
        await link.Client.DisposeAsync();
        Assert.Equal(["a1 NOOP", "a2 NOOP", "", "a3"], await lines);
    }

    [Theory]
    [InlineData(30, ReadStatus.Ok)]
    [InlineData(31, ReadStatus.TooLong)]
    [InlineData(500, ReadStatus.TooLong)]
    [InlineData(5000, ReadStatus.TooLong)]
    [InlineData(40000, ReadStatus.Endless)]
    public async Task A_line_too_long_is_thrown_away_and_the_next_one_read(int octets, ReadStatus expected)
    {
        var limits = new WireLimits { LineOctetsMax = 32, DiscardOctetsMax = 20000 };
        await using var link = new WireLink(limits, _time, pipeOctetsMax: 4096);
        var first = link.Server.Reader.ReadLineAsync().AsTask();
        var sending = SendAsync(link.Client, Encoding.ASCII.GetBytes("tag " + new string('x', octets - 4) + "\r\nnext\r\n"));
        var line = await first;
        Assert.Equal(expected, line.Status);
        Assert.StartsWith("tag xxx", Text(line.Line), StringComparison.Ordinal);
        Assert.InRange(line.Line.Length, 1, CommandReader.HeadOctetsMax);
        if (expected == ReadStatus.Endless)
        {
            link.Client.Abort("enough");
            link.Server.Abort("enough");
            return;
        }
        Assert.Equal("next", Text((await link.Server.Reader.ReadLineAsync()).Line));
        await sending;
    }

    [Fact]
    public async Task A_silent_client_is_idle_and_a_dripping_one_too_slow()
    {
        var limits = new WireLimits { IdleTimeout = TimeSpan.FromMinutes(5), CommandTimeout = TimeSpan.FromSeconds(60) };
        await using var silent = new WireLink(limits, _time);
        var wait = silent.Server.Reader.ReadLineAsync().AsTask();
        _time.Advance(TimeSpan.FromSeconds(299));
        Assert.False(wait.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(ReadStatus.Idle, (await wait).Status);

        await using var dripping = new WireLink(limits, _time);
        wait = dripping.Server.Reader.ReadLineAsync().AsTask();
        var seconds = 0;
        for (; !wait.IsCompleted && seconds < 10_000; seconds++)
        {
            await SendAsync(dripping.Client, "x"u8.ToArray());
            for (var i = 0; i < 50 && !wait.IsCompleted; i++) await Task.Yield();
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(ReadStatus.TooSlow, (await wait).Status); // and not never, as if each octet bought time
        Assert.InRange(seconds, 60, 9_999);
    }

    [Fact]
    public async Task A_body_must_come_faster_than_its_least_rate()
    {
        var limits = new WireLimits
        {
            BodyOctetsPerSecondMin = 100,
            BodyGrace = TimeSpan.FromSeconds(10),
            StallTimeout = TimeSpan.FromDays(1),
        };
        await using var link = new WireLink(limits, _time);
        var arrived = new TaskCompletionSource();
        var copied = 0L;
        var copy = link.Server.Reader.CopyAsync(1_000_000, Count).AsTask();
        await SendAsync(link.Client, new byte[1000]); // buys ten seconds more
        await arrived.Task;
        var began = _time.GetTimestamp();
        await RunClockAsync(_time, copy);
        Assert.Equal(ReadStatus.TooSlow, await copy);
        Assert.InRange(_time.GetElapsedTime(began), TimeSpan.FromSeconds(20), TimeSpan.FromHours(23));

        ValueTask Count(ReadOnlySequence<byte> octets, CancellationToken ct)
        {
            if ((copied += octets.Length) == 1000) arrived.SetResult();
            return ValueTask.CompletedTask;
        }
    }

    [Fact]
    public async Task Lines_and_bodies_take_turns_octet_for_octet()
    {
        await using var link = new WireLink(new WireLimits(), _time);
        var reader = link.Server.Reader;
        await SendAsync(link.Client, "a APPEND x {5+}\r\nhe\r\no FLAGS\r\n"u8.ToArray());
        Assert.Equal("a APPEND x {5+}", Text((await reader.ReadLineAsync()).Line));
        var literal = new byte[5];
        Assert.Equal(ReadStatus.Ok, await reader.ReadExactAsync(literal));
        Assert.Equal("he\r\no"u8.ToArray(), literal);
        Assert.True(reader.HasLine);
        Assert.Equal(" FLAGS", Text((await reader.ReadLineAsync()).Line));
        Assert.False(reader.HasLine);
    }

    [Fact]
    public async Task A_body_that_examined_everything_gets_the_rest_with_more()
    {
        await using var link = new WireLink(new WireLimits(), _time);
        var reader = link.Server.Reader;
        await SendAsync(link.Client, "ab\r\n"u8.ToArray());
        reader.BeginBody();
        var chunk = await reader.ReadBodyAsync();
        reader.Advance(chunk.Bytes.GetPosition(2), chunk.Bytes.End);
        var next = reader.ReadBodyAsync().AsTask();
        await SendAsync(link.Client, ".\r\n"u8.ToArray());
        chunk = await next;
        Assert.Equal("\r\n.\r\n", Text(chunk.Bytes));
        reader.Advance(chunk.Bytes.Start);
        Assert.Equal("\r\n.\r\n", Text((await reader.ReadBodyAsync()).Bytes));
    }

    [Fact]
    public async Task A_body_of_many_megabytes_passes_through_little_memory()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        const long Octets = 64L << 20;
        var largest = 0L;
        var copied = 0L;
        var sending = SendManyAsync(link.Client, Octets);
        var status = await link.Server.Reader.CopyAsync(Octets, (bytes, _) =>
        {
            largest = Math.Max(largest, bytes.Length);
            copied += bytes.Length;
            return ValueTask.CompletedTask;
        });
        await sending;
        Assert.Equal(ReadStatus.Ok, status);
        Assert.Equal(Octets, copied);
        Assert.InRange(largest, 1, 128 * 1024);
    }

    [Fact]
    public async Task A_stop_ends_the_wait_for_a_command_and_not_a_body()
    {
        await using var idle = new WireLink(new WireLimits(), _time);
        var line = idle.Server.Reader.ReadLineAsync().AsTask();
        idle.Stop();
        Assert.Equal(ReadStatus.Stopping, (await line).Status);

        await using var busy = new WireLink(new WireLimits(), _time);
        var literal = new byte[4];
        var body = busy.Server.Reader.ReadExactAsync(literal).AsTask();
        busy.Stop();
        await SendAsync(busy.Client, "full"u8.ToArray());
        Assert.Equal(ReadStatus.Ok, await body);
        Assert.Equal(ReadStatus.Stopping, (await busy.Server.Reader.ReadLineAsync()).Status);
    }

    [Fact]
    public async Task One_connection_may_be_stopped_alone()
    {
        await using var one = new WireLink(new WireLimits(), _time);
        var line = one.Server.Reader.ReadLineAsync().AsTask();
        one.Server.Stop("enough");
        Assert.Equal((ReadStatus.Stopping, "enough"), ((await line).Status, one.Server.StopReason));
        await one.Server.DisposeAsync();
        one.Server.Stop("too late");
    }

    [Fact]
    public async Task A_cancelled_wait_loses_nothing()
    {
        await using var link = new WireLink(new WireLimits(), _time);
        var reader = link.Server.Reader;
        await SendAsync(link.Client, "NO"u8.ToArray());
        using var cancel = new CancellationTokenSource();
        var wait = reader.ReadLineAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        await SendAsync(link.Client, "OP\r\n"u8.ToArray());
        Assert.Equal("NOOP", Text((await reader.ReadLineAsync()).Line));
    }

    [Fact]
    public async Task A_peer_that_leaves_is_a_status_for_every_kind_of_read()
    {
        await using var link = new WireLink(new WireLimits(), _time);
        var reader = link.Server.Reader;
        await SendAsync(link.Client, "unfinished"u8.ToArray());
        var line = reader.ReadLineAsync().AsTask();
        await link.Client.DisposeAsync();
        Assert.Equal(ReadStatus.Closed, (await line).Status);
        Assert.Equal(ReadStatus.Closed, await reader.ReadExactAsync(new byte[100]));
        Assert.Equal(ReadStatus.Closed, (await reader.ReadLineAsync()).Status);
    }

    internal static string Text(ReadOnlySequence<byte> bytes) => Encoding.Latin1.GetString(bytes);

    internal static async Task SendAsync(WireConnection connection, ReadOnlyMemory<byte> bytes)
    {
        await connection.Output.WriteAsync(bytes);
        await connection.FlushAsync();
    }

    /// <summary>The clock runs while the task does.</summary>
    internal static async Task RunClockAsync(FakeTimeProvider time, Task task)
    {
        while (!task.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            for (var i = 0; i < 50 && !task.IsCompleted; i++) await Task.Yield();
        }
        await task;
    }

    private static async Task SendManyAsync(WireConnection connection, long octets)
    {
        var block = new byte[32 * 1024];
        for (; octets > 0; octets -= block.Length) await SendAsync(connection, block);
    }

    private static async Task<List<string>> ReadAllAsync(CommandReader reader)
    {
        var lines = new List<string>();
        while (await reader.ReadLineAsync() is { Ok: true } line) lines.Add(Text(line.Line));
        return lines;
    }
}
