using Posthorn.Core;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class QueueRunnerTests
{
    private const string Message = "From: ann@example.test\r\nSubject: Plan\r\n\r\nA line.\r\n";

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_is_queued_goes_out_at_once_and_again_when_its_time_has_come(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        host.World.Answer = RemoteWorld.Defer;
        host.Delivery.Start();
        Assert.True((await host.SendAsync("ann", ["bob@remote.test"], Message, ann)).Ok);
        while ((await host.QueuedAsync())[0].Attempts == 0) await Task.Yield();
        host.World.Answer = RemoteWorld.Deliver;
        while (await host.QueuedAsync() is [var item])
        {
            if (item.State == QueueState.Waiting) host.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(2, host.World.Attempts.Count);
        await host.Delivery.StopAsync(CancellationToken.None);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_destination_that_hangs_holds_its_own_connections_only(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, s => s with { ConnectionsPerDestinationMax = 2, ConnectionsMax = 8 });
        var ann = await host.AddAsync("ann");
        for (var i = 0; i < 4; i++) Assert.True((await host.SendAsync("ann", [$"u{i}@slow.test"], Message, ann)).Ok);
        Assert.True((await host.SendAsync("ann", ["bob@other.test"], Message, ann)).Ok);
        Assert.True((await host.SendAsync("ann", ["cid@third.test"], Message, ann)).Ok);
        var hanging = host.World.Hang();
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        var begun = new List<string>();
        for (var i = 0; i < 4; i++) begun.Add((await hanging.ReadAsync()).Destination.Ascii);
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        Assert.Equal(["other.test", "slow.test", "slow.test", "third.test"], begun.Order());
        Assert.False(hanging.TryRead(out _));
        var counts = await host.Queue.CountAsync();
        Assert.Equal((2, 4), (counts[QueueState.Waiting], counts[QueueState.Active]));
        var active = (await host.QueuedAsync()).First(item => item.State == QueueState.Active);
        Assert.Equal(RefusalKind.Conflict, (await host.Queue.DoAsync(QueueDeed.Hold, active.Id)).Refusal!.Kind);
        Assert.Equal(RefusalKind.Conflict, (await host.Queue.DoAsync(QueueDeed.Cancel, active.Id)).Refusal!.Kind);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task With_a_relay_all_recipients_of_a_message_go_in_one_attempt(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind, s => s with { Relay = new Relay("relay.test", 587, false, null, default) });
        var ann = await host.AddAsync("ann");
        Assert.True((await host.SendAsync("ann", ["a@one.test", "b@two.test"], Message, ann)).Ok);
        await host.WorkAsync();
        Assert.Equal(["a@one.test", "b@two.test"], Assert.Single(host.World.Attempts).To);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task An_attempt_that_a_crash_cut_off_is_repeated_by_this_node_at_once(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        Assert.True((await host.SendAsync("ann", ["bob@remote.test"], Message, ann)).Ok);
        var hanging = host.World.Hang();
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        await hanging.ReadAsync();
        await host.CrashAsync();
        Assert.Equal(QueueState.Active, (await host.QueuedAsync())[0].State);
        host.World.Resume();
        await host.WorkAsync();
        Assert.Single(host.World.Attempts);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Fact]
    public async Task Another_node_takes_over_when_the_lease_of_a_dead_one_has_ended()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Postgres);
        var ann = await host.AddAsync("ann");
        Assert.True((await host.SendAsync("ann", ["bob@remote.test"], Message, ann)).Ok);
        var hanging = host.World.Hang();
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        await hanging.ReadAsync();
        await host.CrashAsync();
        await using var other = await host.JoinAsync("two");
        await other.WorkAsync();
        await other.WorkAfterAsync(Attempts.LeaseTime);
        Assert.Empty(other.World.Attempts);
        await other.WorkAfterAsync(TimeSpan.FromMinutes(1));
        Assert.Single(other.World.Attempts);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Fact]
    public async Task Two_nodes_that_work_at_the_same_time_do_everything_once()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Postgres);
        await using var other = await host.JoinAsync("two");
        var ann = await host.AddAsync("ann");
        var accounts = new List<Posthorn.Directory.Identity>();
        for (var i = 0; i < DeliveryLimits.MailboxesPerCommitMax + 5; i++) accounts.Add(await host.AddAsync("user" + i));
        string[] to = [.. accounts.Select(a => a.Address.LocalPart), .. Enumerable.Range(0, 10).Select(i => $"u@remote{i}.test")];
        for (var i = 0; i < 5; i++) Assert.True((await host.SendAsync("ann", to, Message, ann)).Ok);
        await Task.WhenAll(host.WorkAsync(), other.WorkAsync());
        await host.WorkAsync();
        foreach (var account in accounts) Assert.Equal(5, (await host.InboxAsync(account)).Count);
        Assert.Equal(50, host.World.Attempts.Count + other.World.Attempts.Count);
        Assert.Equal((0, 0, 0), await host.RemainsAsync());
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_stop_breaks_off_what_does_not_end_and_the_next_start_repeats_it(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        var hanging = host.World.Hang();
        host.Delivery.Start();
        Assert.True((await host.SendAsync("ann", ["bob@remote.test"], Message, ann)).Ok);
        await hanging.ReadAsync();
        using var patience = new CancellationTokenSource();
        var stopping = host.Delivery.StopAsync(patience.Token);
        Assert.False(stopping.IsCompleted);
        await patience.CancelAsync();
        await stopping;
        Assert.True((await host.SendAsync("ann", ["cid@remote.test"], Message, ann)).Ok);
        Assert.False(hanging.TryRead(out _));
        await host.CrashAsync();
        host.World.Resume();
        host.Delivery.Start();
        while (await host.QueuedAsync() is { Count: > 0 }) await Task.Yield();
        Assert.Equal(2, host.World.Attempts.Count);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task An_attempt_without_end_and_one_that_throws_are_deferred(DatabaseKind kind)
    {
        await using var host = await DeliveryHost.OpenAsync(kind);
        var ann = await host.AddAsync("ann");
        Assert.True((await host.SendAsync("ann", ["bob@remote.test"], Message, ann)).Ok);
        var hanging = host.World.Hang();
        await host.Delivery.Runner.StartDueAsync(CancellationToken.None);
        await hanging.ReadAsync();
        host.Clock.Advance(Attempts.AttemptTimeout);
        await host.Delivery.Runner.IdleAsync();
        var item = Assert.Single(await host.QueuedAsync());
        Assert.Equal((QueueState.Waiting, 1, "the attempt took too long"), (item.State, item.Attempts, item.LastReply));
        host.World.Before = static (_, _) => throw new InvalidOperationException("a mistake");
        await host.WorkAfterAsync(TimeSpan.FromMinutes(10));
        Assert.Equal((QueueState.Waiting, 2), ((await host.QueuedAsync())[0].State, (await host.QueuedAsync())[0].Attempts));
    }
}
