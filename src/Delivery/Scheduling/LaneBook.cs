using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>The lanes in memory: those with something due soon, those at work, and those that are left alone.</summary>
/// <remarks>Belongs to the runner's loop.</remarks>
internal sealed class LaneBook(DeliverySettings settings, Database db)
{
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);
    private readonly PriorityQueue<Lane, DateTimeOffset> _timers = new();
    private bool _hasRestored;
    private string _cursor = "";

    public int Count => _lanes.Count;

    /// <summary>Due recipients in memory.</summary>
    public int Rows => _lanes.Values.Sum(static lane => lane.Rows);

    /// <summary>The table has lanes that there was no room for, and now there is.</summary>
    public bool WantsMore => _cursor.Length > 0 && _lanes.Count < SchedulingLimits.LanesMax * 3 / 4;

    public DateTimeOffset? NextTimer => _timers.TryPeek(out _, out var at) ? at : null;

    /// <summary>The lane of that name; null when memory is full, and it will be found later.</summary>
    public Lane? Open(string name)
    {
        if (_lanes.TryGetValue(name, out var lane)) return lane;
        if (_lanes.Count >= SchedulingLimits.LanesMax) return null;
        lane = new Lane(name, name == Lane.LocalName ? DeliveryLimits.LocalAttemptsMax : settings.ConnectionsPerDestinationMax);
        _lanes.Add(name, lane);
        return lane;
    }

    /// <summary>Looks over the table, from lane to lane.</summary>
    /// <returns>Those that have something to do within the next minute.</returns>
    public async Task<List<Lane>> DiscoverAsync(DateTimeOffset now, CancellationToken ct)
    {
        if (!_hasRestored) await RestoreAsync(now, ct);
        var found = new List<Lane>();
        var horizon = now + SchedulingLimits.RoundInterval;
        while (_lanes.Count < SchedulingLimits.LanesMax)
        {
            var after = _cursor;
            var lanes = await db.ReadAsync(snapshot => LaneTable.Lanes(snapshot, after, SchedulingLimits.LanesPerReadMax), ct);
            foreach (var (name, due, closed) in lanes)
            {
                _cursor = name;
                if (due > horizon || closed?.ClosedUntil > horizon) continue;
                var isKnown = _lanes.ContainsKey(name);
                if (Open(name) is not { } lane) return found;
                if (!isKnown && closed is not null) lane.Restore(closed);
                lane.Look(due);
                found.Add(lane);
            }
            if (lanes.Count < SchedulingLimits.LanesPerReadMax)
            {
                _cursor = "";
                break;
            }
        }
        return found;
    }

    /// <summary>Reads the windows of lanes that have worked theirs off.</summary>
    public async Task LoadAsync(List<Lane> lanes, DateTimeOffset now, CancellationToken ct)
    {
        var room = SchedulingLimits.WindowMax - Rows;
        var max = Math.Clamp(room / lanes.Count, SchedulingLimits.WindowPerLaneMin, SchedulingLimits.WindowPerLaneMax);
        await db.ReadAsync(
            snapshot =>
            {
                foreach (var lane in lanes)
                {
                    var rows = LaneTable.Due(snapshot, lane.Name, now, max);
                    lane.Load(rows, rows.Count == max ? now : LaneTable.NextDue(snapshot, lane.Name, now));
                }
                return true;
            },
            ct);
    }

    /// <summary>Brings a lane back at a time.</summary>
    public void Remind(Lane lane, DateTimeOffset at)
    {
        if (lane.TimerAt <= at) return;
        lane.TimerAt = at;
        _timers.Enqueue(lane, at);
    }

    /// <summary>The next lane whose time has come.</summary>
    public Lane? NextTimed(DateTimeOffset now)
    {
        while (_timers.TryPeek(out var lane, out var at) && at <= now)
        {
            _timers.Dequeue();
            if (lane.TimerAt != at) continue; // reminded earlier since
            lane.TimerAt = null;
            return lane;
        }
        return null;
    }

    /// <summary>Makes room when there is little: what a lane that works taught is cheap to learn again, and a closed one is in the table.</summary>
    public void ForgetIfIdle(Lane lane, DateTimeOffset now)
    {
        if (_lanes.Count <= SchedulingLimits.LanesMax / 2 || lane.Running > 0 || lane.Rows > 0 || lane.IsInLine) return;
        if (lane.IsClosed(now) || lane.LookAt is null) _lanes.Remove(lane.Name);
    }

    private async Task RestoreAsync(DateTimeOffset now, CancellationToken ct)
    {
        foreach (var closed in await db.ReadAsync(snapshot => LaneTable.Closed(snapshot, now, "", SchedulingLimits.LanesMax / 2), ct))
        {
            Open(closed.Lane)?.Restore(closed);
        }
        _hasRestored = true;
    }
}
