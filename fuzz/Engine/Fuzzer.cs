using System.Diagnostics;

namespace Posthorn.Fuzz;

/// <summary>Runs a target on mutated inputs and keeps those that reach what none reached before.</summary>
internal sealed class Fuzzer(Target target, int seed, EdgeMap map, CurrentInput current)
{
    private const int OctetsForOneParent = 32 * 1024; // long parents get fewer children
    private const int ChildrenMax = 128;
    private const int ReducedMax = 40;

    private readonly List<byte[]> _kept = [];
    private readonly Random _random = new(seed);

    public long Executions { get; private set; }

    /// <summary>Inputs that are kept: the seeds and what was found beside them.</summary>
    public IReadOnlyList<byte[]> Kept => _kept;

    public int Edges => map.Reached;

    /// <summary>Runs the seeds. The first that fails is the outcome.</summary>
    public Finding? Replay(IEnumerable<byte[]> seeds)
    {
        foreach (var octets in seeds)
        {
            if (Execute(octets) is { } finding) return finding;
            if (!_kept.Contains(octets)) _kept.Add(octets);
        }
        if (_kept.Count == 0) _kept.Add([]);
        return null;
    }

    /// <summary>Mutates until the time is over or an input fails.</summary>
    /// <param name="progress">Called about every ten seconds.</param>
    public Finding? Search(TimeSpan time, Action progress)
    {
        var mutator = new Mutator(_random, target.Words, target.OctetsMax);
        var clock = Stopwatch.StartNew();
        var next = TimeSpan.FromSeconds(10);
        while (clock.Elapsed < time)
        {
            var parent = Pick();
            for (var child = Math.Clamp(OctetsForOneParent / (parent.Length + 1), 4, ChildrenMax); child > 0; child--)
            {
                if (Execute(mutator.Mutate(parent, _kept)) is { } finding) return finding;
            }
            if (clock.Elapsed < next) continue;
            progress();
            next = clock.Elapsed + TimeSpan.FromSeconds(10);
        }
        return null;
    }

    /// <summary>The few inputs that together reach the most edges that the named seeds miss.</summary>
    public List<byte[]> Reduce(IReadOnlyCollection<byte[]> named)
    {
        var covered = named.SelectMany(EdgesOf).ToHashSet();
        var rest = _kept.OrderBy(k => k.Length).Select(k => (Octets: k, New: EdgesOf(k).Where(e => !covered.Contains(e)).ToHashSet())).ToList();
        var chosen = new List<byte[]>();
        while (chosen.Count < ReducedMax && rest.MaxBy(r => r.New.Count) is { New.Count: > 0 } best)
        {
            chosen.Add(best.Octets);
            var reached = best.New.ToArray();
            foreach (var (_, news) in rest) news.ExceptWith(reached);
        }
        return chosen;
    }

    // The latest half of the time, since what is behind them has been looked at least.
    private byte[] Pick()
    {
        var latest = Math.Max(1, _kept.Count / 8);
        return _random.Next(2) == 0 ? _kept[^(_random.Next(latest) + 1)] : _kept[_random.Next(_kept.Count)];
    }

    private Finding? Execute(byte[] input)
    {
        current.Set(input);
        map.Clear();
        Executions++;
        var finding = Finding.Try(target, input);
        if (finding is null && map.Learn() && Executions > 1) _kept.Add(input);
        return finding;
    }

    private List<int> EdgesOf(byte[] octets)
    {
        map.Clear();
        target.Run(octets);
        return map.Edges();
    }
}
