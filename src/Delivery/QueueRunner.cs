using Microsoft.Extensions.Logging;
using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>
/// The one loop that works off the queue: it looks for due recipients in the order of their time, groups those of one message that go the same way,
/// and starts an attempt for each group as long as its lane has room. It sleeps until the next recipient is due, something is queued, or an
/// attempt ends.
/// </summary>
internal sealed class QueueRunner(DeliverySettings settings, Database db, Attempts attempts, TimeProvider time, ILogger log) : IAsyncDisposable
{
    /// <summary>How long the loop sleeps at most: other nodes may have left something behind.</summary>
    private static readonly TimeSpan IdleMax = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FullScanInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<Lane, int> _lanes = [];
    private readonly HashSet<long> _busy = [];
    private readonly HashSet<Task> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _breakOff = new();
    private TaskCompletionSource _wake = NewSignal();
    private DateTimeOffset _nextFullScan;
    private DateTimeOffset _nextRelease;
    private int _connections;
    private Task _loop = Task.CompletedTask;

    /// <summary>The loop has begun and goes on.</summary>
    public bool IsRunning => !_loop.IsCompleted && !_stop.IsCancellationRequested;

    /// <summary>Makes the loop look again. May be called on any thread, at any time.</summary>
    public void Wake() => Volatile.Read(ref _wake).TrySetResult();

    public void Start() => _loop = LoopAsync();

    public async Task StopAsync(CancellationToken ct)
    {
        await _stop.CancelAsync();
        await _loop;
        await using var broken = ct.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _breakOff);
        await IdleAsync();
    }

    /// <summary>Waits for the attempts under way.</summary>
    public Task IdleAsync()
    {
        lock (_gate) return Task.WhenAll(_running);
    }

    /// <summary>Gives back what this node had claimed when it ended; called once, before anything is started.</summary>
    public async Task RecoverAsync(CancellationToken ct)
    {
        var released = await db.WriteAsync(tx => QueueTable.Release(tx, settings.Node), ct);
        if (released > 0) Log.ClaimsReleased(log, released);
    }

    /// <summary>Starts what is due and has room.</summary>
    /// <returns>When to look again, if nothing wakes the loop before.</returns>
    public async Task<DateTimeOffset> StartDueAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await ReleaseExpiredAsync(now, ct);
        // A long backlog is looked through once in a while only; in between its oldest part is enough to keep the lanes busy.
        var everything = now >= _nextFullScan;
        (long, long) after = default;
        List<DueRecipient> due;
        do
        {
            due = await db.ReadAsync(snapshot => QueueTable.ReadDue(snapshot, now, after, DeliveryLimits.DuePerScanMax), ct);
            StartAll(due);
            if (due.Count > 0) after = (due[^1].Due, due[^1].Id);
        }
        while (everything && due.Count == DeliveryLimits.DuePerScanMax && !IsFull);
        if (everything) _nextFullScan = now + FullScanInterval;
        if (due.Count == DeliveryLimits.DuePerScanMax) return _nextFullScan;
        var next = await db.ReadAsync(snapshot => QueueTable.NextDue(snapshot, now), ct);
        return next is { } at && at < now + IdleMax ? at : now + IdleMax;
    }

    public async ValueTask DisposeAsync()
    {
        await _breakOff.CancelAsync();
        await StopAsync(CancellationToken.None);
        _stop.Dispose();
        _breakOff.Dispose();
    }

    private bool IsFull
    {
        get
        {
            lock (_gate) return _connections >= settings.ConnectionsMax && _lanes.GetValueOrDefault(Lane.Local) >= DeliveryLimits.LocalAttemptsMax;
        }
    }

    private async Task LoopAsync()
    {
        await Task.Yield();
        var recovered = false;
        while (!_stop.IsCancellationRequested)
        {
            var signal = NewSignal();
            Interlocked.Exchange(ref _wake, signal);
            var until = time.GetUtcNow() + IdleMax;
            try
            {
                if (!recovered) await RecoverAsync(_stop.Token);
                recovered = true;
                until = await StartDueAsync(_stop.Token);
            }
            catch (Exception error) when (!_stop.IsCancellationRequested)
            {
                Log.ScanFailed(log, error);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await SleepAsync(signal.Task, until);
        }
    }

    private async Task ReleaseExpiredAsync(DateTimeOffset now, CancellationToken ct)
    {
        if (now < _nextRelease) return;
        var released = await db.WriteAsync(QueueTable.ReleaseExpired, ct);
        if (released > 0) Log.ClaimsExpired(log, released);
        _nextRelease = now + IdleMax;
    }

    private async Task SleepAsync(Task signal, DateTimeOffset until)
    {
        var delay = until - time.GetUtcNow();
        if (delay <= TimeSpan.Zero) return;
        try
        {
            await signal.WaitAsync(delay, time, _stop.Token);
        }
        catch (Exception waited) when (waited is TimeoutException or OperationCanceledException)
        {
            // It is time, or the end.
        }
    }

    private void StartAll(List<DueRecipient> due)
    {
        foreach (var way in due.GroupBy(recipient => (Lane: LaneOf(recipient), recipient.Entry)))
        {
            foreach (var ids in way.Select(static recipient => recipient.Id).Chunk(DeliveryLimits.RecipientsPerAttemptMax))
            {
                TryStart(way.Key.Lane, way.Key.Entry, ids);
            }
        }
    }

    private void TryStart(Lane lane, long entry, long[] recipients)
    {
        lock (_gate)
        {
            var inLane = _lanes.GetValueOrDefault(lane);
            if (inLane >= (lane.IsLocal ? DeliveryLimits.LocalAttemptsMax : settings.ConnectionsPerDestinationMax)) return;
            if (!lane.IsLocal && _connections >= settings.ConnectionsMax) return;
            if (recipients.Any(_busy.Contains)) return;
            _lanes[lane] = inLane + 1;
            if (!lane.IsLocal) _connections++;
            _busy.UnionWith(recipients);
            _running.Add(RunAsync(lane, entry, recipients));
        }
    }

    private async Task RunAsync(Lane lane, long entry, long[] recipients)
    {
        await Task.Yield();
        await attempts.RunAsync(entry, recipients, _breakOff.Token);
        lock (_gate)
        {
            if (--_lanes[lane] == 0) _lanes.Remove(lane);
            if (!lane.IsLocal) _connections--;
            _busy.ExceptWith(recipients);
            _running.RemoveWhere(static task => task.IsCompleted);
        }
        Wake();
    }

    // With a relay there is one destination.
    private Lane LaneOf(in DueRecipient recipient) =>
        recipient.Kind != LegKind.Remote ? Lane.Local : new Lane(settings.Relay is null ? recipient.Domain : settings.Relay.Host);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What shares a limit: the attempts to one destination, or those to the mailboxes here.</summary>
    private readonly record struct Lane(string Destination)
    {
        public static readonly Lane Local = new("");

        public bool IsLocal => Destination.Length == 0;
    }
}
