using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>In whose name an account may send beside its own: single addresses, and whole domains as <c>*@example.org</c>.</summary>
internal static class SendAs
{
    /// <summary>More than these want a domain.</summary>
    public const int PatternsMax = 100;

    private const string Wildcard = "*@";

    public static IReadOnlyList<string> Of(Snapshot db, AccountId account)
    {
        var patterns = new List<string>();
        using var rows = db.Prepare("SELECT pattern FROM send_as WHERE account = $1 ORDER BY pattern").Bind(account.Value).Query();
        while (rows.Next()) patterns.Add(rows.Text(0));
        return patterns;
    }

    public static bool Allows(Snapshot db, AccountId account, EmailAddress address) =>
        db.Prepare("SELECT 1 FROM send_as WHERE account = $1 AND pattern IN ($2, $3) LIMIT 1")
            .Bind(account.Value).Bind(address.Key).Bind(Wildcard + address.Domain.Ascii).Scalar() is not null;

    public static void Replace(Transaction tx, Authority by, AccountId account, IReadOnlyList<string> patterns)
    {
        if (patterns.Count > PatternsMax)
        {
            throw new RefusalException(new Refusal(RefusalKind.TooMany, $"an account sends as at most {PatternsMax} others"));
        }
        Forget(tx, account);
        foreach (var pattern in patterns)
        {
            var (domain, key) = Parse(pattern) ?? throw Refused.Invalid($"{pattern} is neither an address nor a domain as *@example.org");
            by.Demand(domain);
            Names.DemandDomain(tx, domain);
            tx.Prepare("INSERT INTO send_as (account, pattern) VALUES ($1, $2) ON CONFLICT DO NOTHING").Bind(account.Value).Bind(key).Execute();
        }
    }

    public static void Forget(Transaction tx, AccountId account) =>
        tx.Prepare("DELETE FROM send_as WHERE account = $1").Bind(account.Value).Execute();

    private static (Domain Domain, string Key)? Parse(string pattern)
    {
        if (pattern.StartsWith(Wildcard, StringComparison.Ordinal))
            return Domain.TryParse(pattern.AsSpan(Wildcard.Length), out var domain) ? (domain, Wildcard + domain.Ascii) : null;
        return EmailAddress.TryParse(pattern, out var address) ? (address.Domain, address.Key) : null;
    }
}
