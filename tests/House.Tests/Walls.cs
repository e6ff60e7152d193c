namespace Posthorn.House.Tests;

/// <summary>The list "who may know whom" of ARCHITECTURE.md, the only one there is.</summary>
internal sealed class Walls
{
    private readonly Dictionary<string, HashSet<string>> _allowed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _knowsAll = new(StringComparer.Ordinal);
    private readonly HashSet<string> _knownToAll = new(StringComparer.Ordinal);

    public static Walls Load()
    {
        string page = Repository.Read("ARCHITECTURE.md");
        int heading = page.IndexOf("\n## Walls", StringComparison.Ordinal);
        Assert.True(heading >= 0, "ARCHITECTURE.md has no heading \"## Walls\".");
        int open = page.IndexOf("\n```", heading, StringComparison.Ordinal);
        int start = page.IndexOf('\n', open + 1) + 1;
        int end = page.IndexOf("\n```", start, StringComparison.Ordinal);
        return Parse(page[start..end]);
    }

    /// <summary>Clauses stand on lines of their own or are set apart by two spaces; what holds no arrow is prose.</summary>
    public static Walls Parse(string text)
    {
        var walls = new Walls();
        foreach (string line in text.Split('\n'))
        {
            foreach (string clause in line.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
                walls.Add(clause.TrimEnd('.'));
        }

        return walls;
    }

    public bool Lists(string room) => _allowed.ContainsKey(room) || _knowsAll.Contains(room) || _knownToAll.Contains(room);

    /// <summary>What a room references, of the rooms that exist, sorted.</summary>
    public IReadOnlyList<string> Allowed(string room, IReadOnlyCollection<string> rooms)
    {
        var known = new SortedSet<string>(StringComparer.Ordinal);
        if (_knownToAll.Contains(room)) return [];
        known.UnionWith(_knowsAll.Contains(room) ? rooms : _knownToAll);
        if (_allowed.TryGetValue(room, out var listed)) known.UnionWith(listed);
        known.IntersectWith(rooms);
        known.Remove(room);
        return [.. known];
    }

    private static string[] Names(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private void Add(string clause)
    {
        if (clause.Split(" <- ") is [var below, "everyone"])
        {
            _knownToAll.UnionWith(Names(below));
        }
        else if (clause.Split(" -> ") is [var above, var targets])
        {
            foreach (string room in Names(above))
            {
                if (targets == "all") _knowsAll.Add(room);
                else if (_allowed.TryGetValue(room, out var set)) set.UnionWith(Names(targets));
                else _allowed.Add(room, new HashSet<string>(Names(targets), StringComparer.Ordinal));
            }
        }
    }
}
