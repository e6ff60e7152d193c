namespace Posthorn.Delivery;

/// <summary>
/// Which lane comes next, and whether it may start. The lanes that are proven and those that are not stand in two lines, which take turns and
/// of which neither gets more than three quarters of the connections: a thousand dead hosts leave room for the living. Of what is free, a
/// lane may have as much as it leaves to the others, so a slow destination alone never has everything.
/// </summary>
/// <remarks>Belongs to the runner's loop.</remarks>
internal sealed class LaneLines(int connectionsMax)
{
    private readonly Queue<Lane>[] _lines = [new(), new()];
    private readonly int[] _used = new int[2];
    private Lane? _local;
    private int _turn;

    /// <summary>Connections under way.</summary>
    public int Used => _used[0] + _used[1];

    public bool IsFull => Used >= connectionsMax;

    public void Add(Lane lane)
    {
        if (lane.IsInLine) return;
        lane.IsInLine = true;
        if (lane.IsLocal) _local = lane;
        else _lines[Class(lane)].Enqueue(lane);
    }

    /// <summary>The next lane that has something to do or to read; those that cannot go on now leave the line or stay in it.</summary>
    /// <param name="blocked">Gets those that wait for a connection; they are to be put back.</param>
    public Lane? Next(List<Lane> blocked)
    {
        if (_local is { } local)
        {
            _local = null;
            local.IsInLine = false;
            return local;
        }
        for (var tries = 0; tries < 2; tries++)
        {
            var line = _turn;
            _turn = 1 - _turn;
            if (IsFull || _used[line] >= Math.Max(1, connectionsMax * 3 / 4)) continue;
            while (_lines[line].TryDequeue(out var lane))
            {
                lane.IsInLine = false;
                if (lane.Rows == 0 || lane.Running < connectionsMax - Used) return lane;
                blocked.Add(lane);
            }
        }
        return null;
    }

    /// <returns>Which share the connection is taken from, to be given back.</returns>
    public int Take(Lane lane)
    {
        _used[Class(lane)]++;
        return Class(lane);
    }

    public void GiveBack(int share) => _used[share]--;

    private static int Class(Lane lane) => lane.IsProven ? 0 : 1;
}
