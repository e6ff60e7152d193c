using Microsoft.Extensions.Logging;
using Posthorn.Db;

namespace Posthorn.Delivery;

// The scheduler. The table is the queue; in memory stands a window on it, bounded however long the queue is: the lanes that have something due, and
// of each the next few recipients. A lane is found by the look over the table once a minute, or by being told of (something is queued, an
// attempt ends, an operator acts).
//
// What holds here:
//  * Everything about lanes belongs to the loop. Others leave word in _notices and _ended, and wake it.
//  * A row is read into a window while it waits, and claimed before its attempt begins. Several claims share one commit.
//  * No statement looks at rows that it does not return: neither a dead destination's fifty thousand nor the million of all the others.
//
// Lock: _gate, for the set of running tasks.

/// <summary>The one loop that works off the queue.</summary>
internal sealed class QueueRunner(DeliverySettings settings, Database db, Attempts attempts, MailRoutes routes, TimeProvider time, ILogger log)
    : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _running = [];
    private readonly LaneBook _book = new(settings, db);
    private readonly LaneNotices _notices = new();
    private readonly System.Collections.Concurrent.ConcurrentQueue<Ended> _ended = new();
    private readonly LaneLines _lines = new(settings.ConnectionsMax);
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _breakOff = new();
    private TaskCompletionSource _wake = NewSignal();
    private DateTimeOffset _nextRound;
    private volatile bool _isTelling;
    private Task _loop = Task.CompletedTask;

    /// <summary>The loop has begun and goes on.</summary>
    public bool IsRunning => !_loop.IsCompleted && !_stop.IsCancellationRequested;

    /// <summary>Destinations and due recipients in memory.</summary>
    internal (int Lanes, int Rows) Held => (_book.Count, _book.Rows);

    /// <summary>Something waits in these lanes. May be called on any thread, at any time.</summary>
    public void Notify(IEnumerable<string> lanes)
    {
        foreach (var lane in lanes) _notices.Add(lane, reopen: false);
        Wake();
    }

    /// <summary>An operator wants an attempt now, closed or not.</summary>
    public void Reopen(string lane)
    {
        _notices.Add(lane, reopen: true);
        Wake();
    }

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
        while (true)
        {
            var now = time.GetUtcNow();
            if (now >= _nextRound) await RoundAsync(now, ct);
            Hear(now);
            var (parcels, empty) = Pick(now);
            if (parcels.Count > 0) await StartAsync(parcels, now, ct);
            if (empty.Count > 0) await _book.LoadAsync(empty, now, ct);
            foreach (var lane in empty) Line(lane, now);
            if (parcels.Count > 0 || empty.Count > 0) continue;
            if (_book.WantsMore) _nextRound = now;
            return _book.NextTimer is { } timer && timer < _nextRound ? timer : _nextRound;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _breakOff.CancelAsync();
        await StopAsync(CancellationToken.None);
        _stop.Dispose();
        _breakOff.Dispose();
    }

    private void Wake() => Volatile.Read(ref _wake).TrySetResult();

    private async Task LoopAsync()
    {
        await Task.Yield();
        var recovered = false;
        while (!_stop.IsCancellationRequested)
        {
            var signal = NewSignal();
            Interlocked.Exchange(ref _wake, signal);
            var until = time.GetUtcNow() + SchedulingLimits.RoundInterval;
            try
            {
                if (!recovered)
                {
                    await RecoverAsync(_stop.Token);
                    Track(RerouteAsync());
                }
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

    // Once a minute: what nobody is told of.
    private async Task RoundAsync(DateTimeOffset now, CancellationToken ct)
    {
        var released = await db.WriteAsync(
            static tx =>
            {
                LaneTable.Forget(tx);
                Suppressions.Purge(tx);
                return QueueTable.ReleaseExpired(tx);
            },
            ct);
        if (released > 0) Log.ClaimsExpired(log, released);
        foreach (var lane in await _book.DiscoverAsync(now, ct)) Line(lane, now);
        _nextRound = now + SchedulingLimits.RoundInterval;
        if (_isTelling) return;
        _isTelling = true;
        Track(TellOverdueAsync(now));
    }

    private void Hear(DateTimeOffset now)
    {
        while (_ended.TryDequeue(out var ended))
        {
            if (ended.Share is { } share) _lines.GiveBack(share);
            ended.Lane.Running--;
            if (ended.Lane.Learn(ended.End.Health, ended.End.Reply, now)) Track(RememberAsync(ended.Lane));
            if (ended.End.Next is { } next) ended.Lane.Look(next);
            Line(ended.Lane, now);
        }
        foreach (var (name, reopen) in _notices.TakeAll())
        {
            if (_book.Open(name) is not { } lane) continue;
            if (reopen) lane.Reopen();
            lane.Look(now);
            Line(lane, now);
        }
        while (_book.NextTimed(now) is { } timed) Line(timed, now);
    }

    // Puts a lane where it belongs: into the line when it can do something now, on the timer when it can later.
    private void Line(Lane lane, DateTimeOffset now)
    {
        if (!lane.IsClosed(now) && (lane.Rows > 0 ? lane.HasRoom : lane.LookAt <= now))
        {
            _lines.Add(lane);
            return;
        }
        if (lane.IsClosed(now)) _book.Remind(lane, lane.ClosedUntil);
        else if (lane.Rows == 0 && lane.LookAt is { } at) _book.Remind(lane, at);
        _book.ForgetIfIdle(lane, now);
    }

    /// <returns>The attempts to start, and the lanes whose window has to be read first.</returns>
    private (List<Parcel> Parcels, List<Lane> Empty) Pick(DateTimeOffset now)
    {
        var blocked = new List<Lane>();
        var parcels = new List<Parcel>();
        var empty = new List<Lane>();
        var recipients = 0;
        while (recipients < SchedulingLimits.ClaimsPerCommitMax && empty.Count < SchedulingLimits.LanesPerLoadMax)
        {
            if (_lines.Next(blocked) is not { } lane) break;
            if (lane.IsClosed(now)) continue;
            if (lane.Rows == 0)
            {
                if (lane.LookAt <= now) empty.Add(lane);
                continue;
            }
            if (!lane.HasRoom) continue;
            var (entry, ids) = lane.Take();
            lane.Running++;
            parcels.Add(new Parcel(lane, entry, ids, lane.IsLocal ? null : _lines.Take(lane)));
            recipients += ids.Length;
            Line(lane, now);
        }
        foreach (var lane in blocked) _lines.Add(lane);
        return (parcels, empty);
    }

    private async Task StartAsync(List<Parcel> parcels, DateTimeOffset now, CancellationToken ct)
    {
        List<Attempt> claimed;
        try
        {
            claimed = await attempts.ClaimAsync([.. parcels.Select(static parcel => (parcel.Lane.Name, parcel.Entry, parcel.Recipients))], ct);
        }
        catch
        {
            foreach (var parcel in parcels)
            {
                parcel.Lane.Running--;
                if (parcel.Share is { } share) _lines.GiveBack(share);
                parcel.Lane.Drop(now + TimeSpan.FromSeconds(1));
                Line(parcel.Lane, now);
            }
            throw;
        }
        for (var i = 0; i < parcels.Count; i++) Track(RunAsync(parcels[i], claimed[i]));
    }

    private async Task RunAsync(Parcel parcel, Attempt attempt)
    {
        await Task.Yield();
        var end = await attempts.RunAsync(attempt, _breakOff.Token);
        _ended.Enqueue(new Ended(parcel.Lane, parcel.Share, end));
        if (end.Lanes.Count > 0) Notify(end.Lanes);
        Wake();
    }

    /// <summary>At closed lanes time runs on: what is over is reported, and who should hear of the delay hears.</summary>
    private async Task TellOverdueAsync(DateTimeOffset now)
    {
        await Task.Yield();
        try
        {
            var after = "";
            while (await db.ReadAsync(snapshot => LaneTable.Closed(snapshot, now, after, SchedulingLimits.LanesPerReadMax), _stop.Token)
                is { Count: > 0 } closed)
            {
                foreach (var lane in closed) await TellOverdueAsync(lane, now);
                after = closed[^1].Lane;
            }
        }
        catch (Exception error) when (!_stop.IsCancellationRequested)
        {
            Log.ScanFailed(log, error);
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
        finally
        {
            _isTelling = false;
        }
    }

    private async Task TellOverdueAsync(ClosedDestination lane, DateTimeOffset now)
    {
        while (await db.ReadAsync(
            snapshot => LaneTable.Overdue(snapshot, lane.Lane, now, settings.DelayNoticeAfter, SchedulingLimits.WindowPerLaneMax), _stop.Token)
            is { Count: > 0 } due)
        {
            var groups = due.GroupBy(static row => row.Entry)
                .Select(entry => (lane.Lane, entry.Key, entry.Select(static row => row.Id).ToArray())).ToList();
            foreach (var attempt in await attempts.ClaimAsync(groups, _stop.Token))
            {
                await attempts.PostponeAsync(attempt, lane.LastReply, _breakOff.Token);
            }
        }
    }

    private async Task RerouteAsync()
    {
        try
        {
            await routes.RerouteIfChangedAsync(_stop.Token);
        }
        catch (Exception error) when (!_stop.IsCancellationRequested)
        {
            Log.ScanFailed(log, error);
        }
        catch (OperationCanceledException)
        {
            // The server stops: the next start goes on.
        }
    }

    private async Task RememberAsync(Lane lane)
    {
        var closed = new ClosedDestination(lane.Name, lane.Failures, lane.ClosedUntil, lane.LastReply);
        try
        {
            if (closed.Failures > 0) Log.DestinationClosed(log, closed.Lane, closed.ClosedUntil, closed.LastReply);
            else Log.DestinationOpened(log, closed.Lane);
            await db.WriteAsync(tx => closed.Failures > 0 ? LaneTable.Close(tx, closed) : LaneTable.Open(tx, closed.Lane), _stop.Token);
        }
        catch (Exception error) when (!_stop.IsCancellationRequested)
        {
            Log.ScanFailed(log, error);
        }
        catch (OperationCanceledException)
        {
            // The server stops: it finds out again.
        }
    }

    private void Track(Task task)
    {
        lock (_gate) _running.Add(task);
        task.ContinueWith(
            done =>
            {
                lock (_gate) _running.Remove(done);
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="Share">Which share of the connections it takes one from; null for a delivery here.</param>
    private readonly record struct Parcel(Lane Lane, long Entry, long[] Recipients, int? Share);

    private readonly record struct Ended(Lane Lane, int? Share, AttemptEnd End);
}
