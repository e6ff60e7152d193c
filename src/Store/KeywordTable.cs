using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>The stored keyword sets of one account, as one action sees and extends them.</summary>
internal sealed class KeywordTable(Transaction tx, AccountId account)
{
    private readonly Dictionary<int, string> _names = [];
    private readonly Dictionary<string, int> _numbers = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Sets that this action has made.</summary>
    public List<KeyValuePair<int, string>> Made { get; } = [];

    public static List<KeyValuePair<int, string>> Load(Snapshot db, AccountId account)
    {
        var sets = new List<KeyValuePair<int, string>>();
        using var rows = db.Prepare("SELECT keyword_set, names FROM keyword_set WHERE account = $1").Bind(account.Value).Query();
        while (rows.Next()) sets.Add(new((int)rows.Int64(0), rows.Text(1)));
        return sets;
    }

    /// <summary>The keywords of a set; none for 0.</summary>
    public static string[] NamesOf(Snapshot db, AccountId account, int set) => Split(set == 0 ? "" : Read(db, account, set));

    /// <summary>As the other, remembered for the rest of the action.</summary>
    public string[] Names(int set)
    {
        if (set == 0) return [];
        if (!_names.TryGetValue(set, out var names)) _names[set] = names = Read(tx, account, set);
        return Split(names);
    }

    /// <summary>The number of the set with these keywords, made when it does not exist. They have passed <see cref="Keyword.Check"/>.</summary>
    public int Intern(IEnumerable<string> keywords)
    {
        var names = Keyword.Canonical(keywords);
        if (names.Length == 0) return 0;
        if (_numbers.TryGetValue(names, out var number)) return number;
        var folded = names.ToLowerInvariant();
        number = (int)(tx.Prepare("SELECT keyword_set FROM keyword_set WHERE account = $1 AND folded = $2")
            .Bind(account.Value).Bind(folded).Scalar() ?? 0);
        if (number == 0) number = Make(names, folded);
        _numbers[names] = number;
        return number;
    }

    private static string Read(Snapshot db, AccountId account, int set)
    {
        using var rows = db.Prepare("SELECT names FROM keyword_set WHERE account = $1 AND keyword_set = $2")
            .Bind(account.Value).Bind(set).Query();
        return rows.Next() ? rows.Text(0) : "";
    }

    private static string[] Split(string names) => names.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private int Make(string names, string folded)
    {
        var last = (int)(tx.Prepare("SELECT MAX(keyword_set) FROM keyword_set WHERE account = $1").Bind(account.Value).Scalar() ?? 0);
        if (_numbers.Count == 0 && Count() >= StoreLimits.KeywordSetsMax) Sweep(last);
        if (last >= FlagBits.KeywordSetMax || Count() >= StoreLimits.KeywordSetsMax)
        {
            throw new RefusalException(new Refusal(RefusalKind.TooMany, "This account uses too many combinations of keywords"));
        }

        tx.Prepare("INSERT INTO keyword_set (account, keyword_set, names, folded) VALUES ($1, $2, $3, $4)")
            .Bind(account.Value).Bind(last + 1).Bind(names).Bind(folded).Execute();
        _names[last + 1] = names;
        Made.Add(new(last + 1, names));
        return last + 1;
    }

    /// <summary>
    /// Forgets sets that no message has. Not the last one: its number must not come again. Only before this action has found any set.
    /// </summary>
    private void Sweep(int last) =>
        tx.Prepare("""
            DELETE FROM keyword_set WHERE account = $1 AND keyword_set < $2
                AND keyword_set NOT IN (SELECT DISTINCT flags >> 8 FROM membership WHERE account = $1)
            """).Bind(account.Value).Bind(last).Execute();

    private long Count() => tx.Prepare("SELECT COUNT(*) FROM keyword_set WHERE account = $1").Bind(account.Value).Scalar() ?? 0;
}
