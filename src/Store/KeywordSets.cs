using System.Text;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>The keyword sets of an account. Messages carry the number of a set; numbers are never used again. Immutable.</summary>
public sealed class KeywordSets
{
    private readonly Dictionary<int, Entry> _sets;
    private IReadOnlyList<string>? _all;

    private KeywordSets(Dictionary<int, Entry> sets) => _sets = sets;

    public static KeywordSets Empty { get; } = new([]);

    /// <summary>All keywords of the account's messages, each once, sorted.</summary>
    public IReadOnlyList<string> All => _all ??= Distinct();

    /// <summary>The keywords of a set; none for 0.</summary>
    public IReadOnlyList<string> Names(int set) => _sets.TryGetValue(set, out var entry) ? entry.Names : [];

    /// <summary>The keywords of a set as they stand in a FLAGS list, a space before each: <c> $Label1 work</c>.</summary>
    public ReadOnlySpan<byte> Wire(int set) => _sets.TryGetValue(set, out var entry) ? entry.Wire : default;

    /// <summary>Whether the set holds the keyword, compared without regard to ASCII case (RFC 9051 §2.3.2).</summary>
    public bool Has(int set, string keyword)
    {
        if (!_sets.TryGetValue(set, out var entry)) return false;
        foreach (var name in entry.Names)
        {
            if (name.Equals(keyword, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    internal bool Contains(int set) => set == 0 || _sets.ContainsKey(set);

    internal KeywordSets With(IEnumerable<KeyValuePair<int, string>> sets)
    {
        var copy = new Dictionary<int, Entry>(_sets);
        foreach (var (number, names) in sets) copy[number] = new Entry(names);
        return copy.Count == _sets.Count ? this : new KeywordSets(copy);
    }

    private List<string> Distinct()
    {
        var names = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var entry in _sets.Values) names.UnionWith(entry.Names);
        return [.. names];
    }

    /// <param name="text">The stored form: the names in canonical order, a space between.</param>
    private sealed class Entry(string text)
    {
        public string[] Names { get; } = text.Split(' ');

        public byte[] Wire { get; } = Encoding.UTF8.GetBytes(" " + text);
    }
}

/// <summary>What may be a keyword, and the one order in which a set of them is stored.</summary>
public static class Keyword
{
    /// <summary>RFC 9051 §9 flag-keyword is an atom; RFC 8621 §4.1.1 forbids the same characters and more.</summary>
    public static bool IsValid(string keyword)
    {
        if (keyword.Length is 0 or > StoreLimits.KeywordOctetsMax) return false;
        foreach (var c in keyword)
        {
            if (c is <= ' ' or >= '\x7F' or '(' or ')' or '{' or ']' or '%' or '*' or '"' or '\\') return false;
        }

        return true;
    }

    /// <summary>Refuses what no set may hold.</summary>
    internal static Refusal? Check(IReadOnlyList<string> keywords)
    {
        if (keywords.Count > StoreLimits.KeywordsPerEmailMax)
        {
            return new Refusal(RefusalKind.TooMany, $"A message has at most {StoreLimits.KeywordsPerEmailMax} keywords");
        }

        return CheckEach(keywords);
    }

    /// <summary>Refuses what is no keyword, however many there are.</summary>
    internal static Refusal? CheckEach(IReadOnlyList<string> keywords)
    {
        foreach (var keyword in keywords)
        {
            if (!IsValid(keyword))
            {
                return new Refusal(
                    RefusalKind.Invalid,
                    $"A keyword is an atom of at most {StoreLimits.KeywordOctetsMax} ASCII characters");
            }
        }

        return null;
    }

    /// <summary>Each keyword once, sorted without regard to case, joined by spaces; the first spelling stays.</summary>
    internal static string Canonical(IEnumerable<string> keywords)
    {
        var set = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var keyword in keywords) set.Add(keyword);
        return string.Join(' ', set);
    }
}
