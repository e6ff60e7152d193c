namespace Posthorn.Delivery;

/// <summary>What the runner is told of lanes, from any thread; each once, however often it is told before it listens.</summary>
internal sealed class LaneNotices
{
    private static readonly Dictionary<string, bool> Nothing = [];

    private readonly Lock _gate = new();
    private Dictionary<string, bool> _lanes = [];

    /// <param name="reopen">Whether a closed lane is opened.</param>
    public void Add(string lane, bool reopen)
    {
        lock (_gate)
        {
            // What is not told is found by the next look over the table.
            if (_lanes.Count >= SchedulingLimits.LanesMax && !reopen) return;
            _lanes[lane] = reopen || _lanes.GetValueOrDefault(lane);
        }
    }

    public Dictionary<string, bool> TakeAll()
    {
        lock (_gate)
        {
            if (_lanes.Count == 0) return Nothing;
            var taken = _lanes;
            _lanes = [];
            return taken;
        }
    }
}
