using System.Diagnostics;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>What a start and a dead destination cost when the queue is long.</summary>
public sealed class LongQueueTests(ITestOutputHelper output)
{
    private const string EntriesSql = """
        WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
        INSERT INTO queue_entry (entry, name, sender, blob, length, trace, utf8, eight_bit, arrived, expires, recipients)
        SELECT i, 'm' || i, 'ann@example.test', $3, 100, $4, 0, 0, $5, $6, 1 FROM n
        """;

    private const string RecipientsSql = """
        WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
        INSERT INTO queue_recipient (entry, kind, address, original, domain, lane, state, attempts, due, noticed)
        SELECT i, 0, 'u' || i || '@d' || (i % 1000) || '.test', 'u' || i || '@d' || (i % 1000) || '.test', 'd' || (i % 1000) || '.test',
            'd' || (i % 1000) || '.test', 0, 0, $3, 0 FROM n
        """;

    [Fact]
    public async Task A_hundred_thousand_messages_are_begun_at_once_and_not_held_in_memory() => await MeasureAsync(100_000);

    [Fact(Explicit = true)]
    public async Task A_million_messages_are_begun_at_once_and_not_held_in_memory() => await MeasureAsync(1_000_000);

    private async Task MeasureAsync(int messages)
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite);
        for (var from = 1; from <= messages; from += 10_000)
        {
            var first = from;
            await host.Db.WriteAsync(tx =>
            {
                tx.Prepare(EntriesSql).Bind(first).Bind(first + 10_000).Bind(new byte[32]).Bind(new byte[10]).Bind(DeliveryHost.Start)
                    .Bind(DeliveryHost.Start + TimeSpan.FromDays(5)).Execute();
                return tx.Prepare(RecipientsSql).Bind(first).Bind(first + 10_000).Bind(DeliveryHost.Start).Execute();
            });
        }
        await host.CrashAsync();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var hanging = host.World.Hang();
        var watch = Stopwatch.StartNew();
        await host.Delivery.Runner.RecoverAsync(CancellationToken.None);
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        await hanging.ReadAsync(TestContext.Current.CancellationToken);
        var seconds = watch.Elapsed.TotalSeconds;
        var grown = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1024.0 / 1024;
        var resident = Environment.WorkingSet / 1024 / 1024;
        output.WriteLine($"{messages} messages: {seconds:f2} s to the first attempts, {grown:f1} MB more, resident {resident} MB");
        var (lanes, rows) = host.Delivery.Runner.Held;
        Assert.InRange(rows, 1, SchedulingLimits.WindowMax + lanes * SchedulingLimits.WindowPerLaneMin);
        Assert.InRange(seconds, 0, 20);
        Assert.InRange(grown, -1000, 100);
    }
}
