using System.Text;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Smtp.Tests;

public sealed class DataStreamTests
{
    private static readonly CancellationToken Ct = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_large_message_comes_through_and_the_next_command_is_behind_it()
    {
        await using var link = new WireLink(SmtpServer.Limits, TimeProvider.System);
        var line = new string('x', 70) + "\r\n.." + new string('y', 20) + "\r\n";
        var sending = SendAsync(link, string.Concat(Enumerable.Repeat(line, 20_000)) + ".\r\nNOOP\r\n");
        var data = new DataStream(link.Server.Reader, long.MaxValue);
        using var message = new MemoryStream();
        await data.CopyToAsync(message, 3000, Ct);
        await sending;
        Assert.Equal(string.Concat(Enumerable.Repeat(line.Replace("..", ".", StringComparison.Ordinal), 20_000)), Text(message.ToArray()));
        Assert.Equal(0, await data.ReadAsync(new byte[10], Ct));
        Assert.Equal(ReadStatus.Ok, await data.DrainAsync());
        Assert.Equal("NOOP", await LineAsync(link));
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(9, false)]
    public async Task The_size_is_counted_without_stuffed_dots(long octetsMax, bool taken)
    {
        await using var link = new WireLink(SmtpServer.Limits, TimeProvider.System);
        await SendAsync(link, "..234567\r\n.\r\nNOOP\r\n".Insert(2, "1"));
        var data = new DataStream(link.Server.Reader, octetsMax);
        using var message = new MemoryStream();
        if (taken) await data.CopyToAsync(message, Ct);
        else Assert.Equal(RefusalKind.TooLarge, (await Assert.ThrowsAsync<RefusalException>(() => data.CopyToAsync(message, Ct))).Refusal.Kind);
        Assert.Equal("NOOP", await LineAsync(link));
    }

    [Theory]
    [InlineData("a\nb\r\n.\r\n")]
    [InlineData("a\r.\r\nb\r\n.\r\n")]
    [InlineData("a\0\r\n.\r\n")]
    public async Task A_faulty_message_is_refused_behind_its_end(string octets)
    {
        await using var link = new WireLink(SmtpServer.Limits, TimeProvider.System);
        await SendAsync(link, octets + "NOOP\r\n");
        var data = new DataStream(link.Server.Reader, 1000);
        var refused = await Assert.ThrowsAsync<RefusalException>(() => data.CopyToAsync(Stream.Null, Ct));
        Assert.Equal(RefusalKind.Invalid, refused.Refusal.Kind);
        Assert.Equal("NOOP", await LineAsync(link));
    }

    [Fact]
    public async Task What_nobody_reads_is_drained()
    {
        await using var link = new WireLink(SmtpServer.Limits, TimeProvider.System);
        var sending = SendAsync(link, string.Concat(Enumerable.Repeat("some text\r\n", 100_000)) + ".\r\nNOOP\r\n");
        var data = new DataStream(link.Server.Reader, 1000);
        Assert.Equal(5, await data.ReadAsync(new byte[5], Ct));
        Assert.Equal(ReadStatus.Ok, await data.DrainAsync());
        await sending;
        Assert.Equal("NOOP", await LineAsync(link));
    }

    [Fact]
    public async Task A_lost_connection_is_an_exception_and_not_an_end()
    {
        await using var link = new WireLink(SmtpServer.Limits, TimeProvider.System);
        await SendAsync(link, "a\r\n.\r");
        await link.Client.DisposeAsync();
        var data = new DataStream(link.Server.Reader, 1000);
        await Assert.ThrowsAsync<EndOfStreamException>(() => data.CopyToAsync(Stream.Null, Ct));
        Assert.Equal(ReadStatus.Closed, data.Status);
        await Assert.ThrowsAsync<EndOfStreamException>(() => data.CopyToAsync(Stream.Null, Ct));
        Assert.Equal(ReadStatus.Closed, await data.DrainAsync());
    }

    [Fact]
    public async Task A_silent_client_is_too_slow()
    {
        var time = new FakeTimeProvider();
        await using var link = new WireLink(SmtpServer.Limits, time);
        await SendAsync(link, "a\r\n");
        var data = new DataStream(link.Server.Reader, 1000);
        var reading = data.CopyToAsync(Stream.Null, Ct);
        Assert.True(await time.RunUntilAsync(reading) >= TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<EndOfStreamException>(() => reading);
        Assert.Equal(ReadStatus.TooSlow, data.Status);
    }

    private static async Task SendAsync(WireLink link, string text) => await link.Client.Output.WriteAsync(Encoding.Latin1.GetBytes(text), Ct);

    private static async Task<string> LineAsync(WireLink link) => Encoding.ASCII.GetString((await link.Server.Reader.ReadLineAsync(Ct)).Line);

    private static string Text(byte[] octets) => Encoding.Latin1.GetString(octets);
}
