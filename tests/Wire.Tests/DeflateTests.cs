using System.Text;
using Xunit;

namespace Posthorn.Wire.Tests;

public sealed class DeflateTests
{
    private static readonly CancellationToken Ct = TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_flushed_is_read_at_once_in_both_directions()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        await UpgradeAsync(link);
        Assert.True(link.Server.IsCompressed);
        for (var i = 0; i < 3; i++)
        {
            await SayAsync(link.Client, $"a{i} NOOP\r\n");
            Assert.Equal($"a{i} NOOP", await ReadAsync(link.Server));
            await SayAsync(link.Server, $"a{i} OK\r\n");
            Assert.Equal($"a{i} OK", await ReadAsync(link.Client));
        }
    }

    [Fact]
    public async Task More_than_the_pipes_hold_goes_through()
    {
        await using var link = new WireLink(new WireLimits { LineOctetsMax = 4_000_000 }, TimeProvider.System, pipeOctetsMax: 4096);
        await UpgradeAsync(link);
        var text = string.Concat(Enumerable.Range(0, 300_000).Select(i => $"{i} "));
        var saying = SayAsync(link.Server, text + "\r\n");
        Assert.Equal(text, await ReadAsync(link.Client));
        await saying;
    }

    [Fact]
    public async Task A_peer_that_does_not_compress_is_gone()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        var upgrading = link.Server.UpgradeToDeflateAsync("go\r\n"u8.ToArray(), Ct).AsTask();
        Assert.Equal("go", await ReadAsync(link.Client));
        Assert.True(await upgrading);
        await SayAsync(link.Client, "this is no deflate stream at all, and long enough to be seen as none\r\n");
        Assert.Equal(ReadStatus.Closed, (await link.Server.Reader.ReadLineAsync(Ct)).Status);
    }

    [Fact]
    public async Task A_peer_that_leaves_is_a_status()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        await UpgradeAsync(link);
        await link.Client.DisposeAsync();
        Assert.Equal(ReadStatus.Closed, (await link.Server.Reader.ReadLineAsync(Ct)).Status);
        await link.Server.DisposeAsync();
    }

    private static async Task UpgradeAsync(WireLink link)
    {
        var upgrading = link.Server.UpgradeToDeflateAsync("go\r\n"u8.ToArray(), Ct).AsTask();
        Assert.Equal("go", await ReadAsync(link.Client));
        Assert.True(await upgrading);
        Assert.True(await link.Client.UpgradeToDeflateAsync(default, Ct));
    }

    private static async Task SayAsync(WireConnection connection, string text)
    {
        await connection.Output.WriteAsync(Encoding.ASCII.GetBytes(text), Ct);
        await connection.FlushAsync(Ct);
    }

    private static async Task<string> ReadAsync(WireConnection connection)
    {
        var line = await connection.Reader.ReadLineAsync(Ct);
        Assert.Equal(ReadStatus.Ok, line.Status);
        return Encoding.ASCII.GetString(line.Line);
    }
}
