using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static Posthorn.Wire.Tests.CommandReaderTests;

namespace Posthorn.Wire.Tests;

public sealed class SlowPeerTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_peer_that_never_reads_ends_the_connection_in_time_and_bounded_memory()
    {
        var limits = new WireLimits { WriteTimeout = TimeSpan.FromSeconds(60) };
        await using var link = new WireLink(limits, _time, pipeOctetsMax: 4096);
        var written = 0L;
        var lastAt = _time.GetTimestamp();
        await RunClockAsync(_time, FloodAsync());
        Assert.True(_time.GetElapsedTime(lastAt) >= limits.WriteTimeout);
        Assert.InRange(written, 1, 64 * 1024);
        Assert.Equal("the peer does not read", link.Server.AbortReason);

        async Task FloodAsync()
        {
            while (true)
            {
                link.Server.Output.Write(new byte[1024]);
                if (!await link.Server.FlushAsync()) return;
                written += 1024;
                lastAt = _time.GetTimestamp();
            }
        }
    }

    [Fact]
    public async Task A_peer_that_reads_in_time_keeps_the_connection()
    {
        var limits = new WireLimits { WriteTimeout = TimeSpan.FromSeconds(60) };
        await using var link = new WireLink(limits, _time, pipeOctetsMax: 4096);
        for (var i = 0; i < 20; i++)
        {
            link.Server.Output.Write(new byte[16 * 1024]);
            var flush = link.Server.FlushAsync().AsTask();
            _time.Advance(TimeSpan.FromSeconds(50));
            Assert.Equal(ReadStatus.Ok, await link.Client.Reader.DiscardAsync(16 * 1024));
            Assert.True(await flush);
        }
        Assert.Null(link.Server.AbortReason);
    }

    [Fact]
    public async Task The_last_word_to_a_peer_that_does_not_read_waits_no_longer_than_it_may()
    {
        var limits = new WireLimits { WriteTimeout = TimeSpan.FromDays(10), LingerTimeout = TimeSpan.FromSeconds(5) };
        await using var link = new WireLink(limits, _time, pipeOctetsMax: 4096);
        link.Server.Output.Write(new byte[64 * 1024]);
        var began = _time.GetTimestamp();
        await RunClockAsync(_time, link.Server.DisposeAsync().AsTask());
        Assert.InRange(_time.GetElapsedTime(began), limits.LingerTimeout, limits.WriteTimeout - TimeSpan.FromSeconds(1));
    }
}
