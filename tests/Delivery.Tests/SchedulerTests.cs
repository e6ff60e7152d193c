using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class SchedulerTests
{
    private const string Message = "From: ann@example.test\r\nSubject: Plan\r\n\r\nA line.\r\n";

    private static readonly DateTimeOffset Now = DeliveryHost.Start;

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_destination_that_is_not_reached_is_left_alone_by_all_its_messages_and_then_found_out_by_one(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = Unreachable;
        Assert.True((await host.SendAsync("ann", ["a@dead.test"], Message, ann)).Ok);
        await host.StartDueAsync();
        Assert.Single(host.World.Attempts);
        for (var i = 0; i < 10; i++) Assert.True((await host.SendAsync("ann", [$"b{i}@dead.test"], Message, ann)).Ok);
        Assert.True((await host.SendAsync("ann", ["bob@other.test"], Message, ann)).Ok);
        host.World.Answer = to => to.Domain.Ascii == "dead.test" ? Unreachable(to) : RemoteWorld.Deliver(to);
        await host.StartDueAsync();
        Assert.Equal(["dead.test", "other.test"], host.World.Attempts.Select(sent => sent.Destination));

        host.Clock.Advance(SchedulingLimits.ClosedMin * 1.2);
        await host.StartDueAsync();
        Assert.Equal(3, host.World.Attempts.Count);
        host.Clock.Advance(SchedulingLimits.ClosedMin * 1.2);
        await host.StartDueAsync();
        Assert.Equal(3, host.World.Attempts.Count); // twice as long after the second time

        host.World.Answer = RemoteWorld.Deliver;
        host.Clock.Advance(SchedulingLimits.ClosedMin * 1.2);
        await host.StartDueAsync();
        await host.WorkAsync();
        Assert.Equal(3 + 9, host.World.Attempts.Count);
        await host.WorkAfterAsync(TimeSpan.FromMinutes(10));
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_destination_that_was_not_reached_is_left_alone_by_the_next_start_too_unless_an_operator_retries(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = Unreachable;
        Assert.True((await host.SendAsync("ann", ["a@dead.test"], Message, ann)).Ok);
        await host.StartDueAsync();
        await host.CrashAsync();
        Assert.True((await host.SendAsync("ann", ["b@dead.test"], Message, ann)).Ok);
        await host.StartDueAsync();
        Assert.Single(host.World.Attempts);
        host.World.Answer = RemoteWorld.Deliver;
        Assert.True((await host.Queue.DoAsync(QueueDeed.Retry, (await host.QueuedAsync())[1].Id)).Ok);
        await host.StartDueAsync();
        Assert.Equal(2, host.World.Attempts.Count);
        Assert.Equal(0, await host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM queue_destination").Scalar()));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task Time_runs_at_a_closed_destination_so_senders_hear_of_delay_and_end(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        await host.CloseLaneAsync("dead.test", Now + TimeSpan.FromDays(30));
        for (var i = 0; i < 5; i++) Assert.True((await host.SendAsync("ann", [$"u{i}@dead.test"], Message, ann)).Ok);
        await host.StartDueAsync();
        host.Clock.Advance(TimeSpan.FromHours(3.9));
        await host.StartDueAsync();
        Assert.Empty(await host.InboxAsync(ann));
        host.Clock.Advance(TimeSpan.FromHours(0.2));
        await host.StartDueAsync();
        await host.StartDueAsync();
        Assert.Equal(5, (await host.InboxAsync(ann)).Count(report => report.Contains("Action: delayed", StringComparison.Ordinal)));
        while (host.Clock.GetUtcNow() < Now + host.Settings.Lifetime + TimeSpan.FromHours(1))
        {
            host.Clock.Advance(TimeSpan.FromHours(1));
            await host.StartDueAsync();
        }
        Assert.Equal(5, (await host.InboxAsync(ann)).Count(report => report.Contains("Action: failed\r\nStatus: 5.4.7", StringComparison.Ordinal)));
        Assert.Equal(10, (await host.InboxAsync(ann)).Count);
        Assert.Empty(host.World.Attempts);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_long_backlog_of_one_destination_does_not_hide_the_others_and_is_not_held_in_memory(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, s => s with { RecipientsMax = 5000, ConnectionsPerDestinationMax = 1 });
        var ann = await host.AddAsync("ann");
        string[] many = [.. Enumerable.Range(0, 2500).Select(i => $"u{i}@slow.test")];
        Assert.True((await host.SendAsync("ann", many, Message, ann)).Ok);
        host.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await host.SendAsync("ann", ["bob@other.test"], Message, ann)).Ok);
        var hanging = host.World.Hang();
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        string[] begun = [(await hanging.ReadAsync()).Destination.Ascii, (await hanging.ReadAsync()).Destination.Ascii];
        Assert.Equal(["other.test", "slow.test"], begun.Order());
        Assert.InRange(host.Delivery.Runner.Held.Rows, 0, SchedulingLimits.WindowPerLaneMax);
    }

    [Fact]
    public void Attempts_at_a_time_grow_with_success_halve_when_busy_and_end_when_nobody_is_there()
    {
        var lane = new Lane("remote.test", 20);
        Assert.Equal(SchedulingLimits.ConcurrencyStart, Room(lane));
        for (var i = 0; i < 1000; i++) Assert.False(lane.Learn(LaneHealth.Alive, "", Now));
        Assert.Equal(20, Room(lane));
        lane.Learn(LaneHealth.Busy, "421", Now);
        Assert.Equal(10, Room(lane));
        lane.Learn(LaneHealth.Unknown, "", Now);
        Assert.Equal((10, true), (Room(lane), lane.IsProven));
        Assert.True(lane.Learn(LaneHealth.Unreachable, "nobody answers", Now));
        Assert.False(lane.Learn(LaneHealth.Unreachable, "nobody answers", Now)); // one that was under way
        Assert.Equal((1, 1, false), (Room(lane), lane.Failures, lane.IsProven));
        Assert.InRange(lane.ClosedUntil - Now, SchedulingLimits.ClosedMin, SchedulingLimits.ClosedMin * 1.2);
        for (var i = 0; i < 20; i++) Assert.True(lane.Learn(LaneHealth.Unreachable, "nobody answers", lane.ClosedUntil));
        Assert.Equal(21, lane.Failures);
        Assert.True(lane.Learn(LaneHealth.Alive, "", lane.ClosedUntil));
        Assert.Equal((SchedulingLimits.ConcurrencyStart, 0, false), (Room(lane), lane.Failures, lane.IsClosed(Now)));
    }

    [Fact]
    public void A_destination_is_closed_for_an_hour_at_most_and_never_longer_than_its_message_waits()
    {
        for (var failures = 1; failures < 40; failures++)
        {
            var closed = RetrySchedule.ClosedFor(failures);
            Assert.InRange(closed, SchedulingLimits.ClosedMin, SchedulingLimits.ClosedMax * 1.2);
            Assert.True(closed < RetrySchedule.After(failures, 0, 0));
        }
    }

    [Fact]
    public void Lanes_that_are_not_proven_leave_a_quarter_to_those_that_are_and_one_lane_leaves_to_others_as_much_as_it_has()
    {
        var lines = new LaneLines(100);
        var unknown = Enumerable.Range(0, 200).Select(i => Busy("dead" + i, proven: false)).ToList();
        unknown.ForEach(lines.Add);
        var blocked = new List<Lane>();
        var started = 0;
        while (lines.Next(blocked) is { } lane)
        {
            lines.Take(lane);
            lane.Running++;
            started++;
        }
        Assert.Equal(75, started);
        var good = Busy("good", proven: true);
        lines.Add(good);
        var running = 0;
        while (lines.Next(blocked) == good)
        {
            lines.Take(good);
            good.Running++;
            running++;
            lines.Add(good);
        }
        Assert.Equal(13, running); // 12 would be left by twelve, and the thirteenth leaves 12
        Assert.Equal(88, lines.Used);
    }

    private static Lane Busy(string name, bool proven)
    {
        var lane = new Lane(name, 100);
        for (var i = 0; proven && i < 10_000; i++) lane.Learn(LaneHealth.Alive, "", Now);
        lane.Load([.. Enumerable.Range(0, 200).Select(i => new DueRecipient(i, i))], null);
        return lane;
    }

    private static int Room(Lane lane)
    {
        var room = 0;
        for (lane.Running = 0; lane.HasRoom; lane.Running++) room++;
        lane.Running = 0;
        return room;
    }

    private static OutboundResult Unreachable(EmailAddress recipient) =>
        new(recipient, OutboundOutcome.Deferred, "4.4.1", "nobody answers", null, Reach.Nobody);
}
