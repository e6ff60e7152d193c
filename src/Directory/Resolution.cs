using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>One walk from an address to its targets, within one snapshot.</summary>
internal sealed class Resolution
{
    private const char Separator = '+';

    /// <summary>Aliases of aliases: more steps than this is a mistake that grew.</summary>
    private const int DepthMax = 10;

    private const int TargetsMax = 1000;

    private readonly Snapshot _db;
    private readonly List<Target> _targets = [];
    private readonly HashSet<string> _visited = [];
    private readonly HashSet<string> _reached = [];
    private Refusal? _lastRefusal;

    private Resolution(Snapshot db) => _db = db;

    public static Result<IReadOnlyList<Target>> Resolve(Snapshot db, EmailAddress address)
    {
        var walk = new Resolution(db);
        if (!walk.Follow(address, null, 0))
        {
            return new Refusal(RefusalKind.TooMany, $"{address} stands for more than {TargetsMax} recipients");
        }
        if (walk._targets.Count == 0) return walk._lastRefusal ?? Unknown(address);
        return walk._targets;
    }

    public static Result<IReadOnlyList<Target>> Postmaster(Snapshot db)
    {
        if (Administrator(db, null) is not { } account) return new Refusal(RefusalKind.NotFound, "this server has no administrator with a mailbox");
        return new Target[] { new Target.Local(account.Id, account.Address, null) };
    }

    public static bool BelongsTo(Snapshot db, EmailAddress address, Identity identity)
    {
        if (Domains.Read(db, address.Domain) is not { DisabledAt: null } domain) return false;
        if (SendAs.Allows(db, identity.Account, address)) return true;
        foreach (var (candidate, _) in Forms(address, domain))
        {
            if (Accounts.Read(db, candidate) is { } account) return account.Id == identity.Account;
            if (!Names.AliasExists(db, candidate)) continue;
            return Aliases.Targets(db, candidate).Exists(target => target.Key == identity.Address.Key);
        }
        if (IsRoleName(address)) return Administrator(db, domain)?.Id == identity.Account;
        return !ReportAddress.Is(address) && domain.CatchAll?.Key == identity.Address.Key;
    }

    /// <summary>False when there are too many targets. Whatever leads nowhere only leaves a refusal behind.</summary>
    private bool Follow(EmailAddress address, string? detail, int depth)
    {
        if (depth > DepthMax || !_visited.Add(address.Key)) return true;
        if (Domains.Read(_db, address.Domain) is not { } domain) return Reach(new Target.Remote(address), address.Key);
        if (domain.DisabledAt is not null)
        {
            _lastRefusal = new Refusal(RefusalKind.Disabled, $"{address.Domain} is disabled");
            return true;
        }
        foreach (var (candidate, inner) in Forms(address, domain))
        {
            if (Accounts.Read(_db, candidate) is { } account) return Arrive(account, address, inner ?? detail);
            if (Names.AliasExists(_db, candidate)) return FollowAll(Aliases.Targets(_db, candidate), inner ?? detail, depth);
        }
        // RFC 5321 §4.5.1 and RFC 2142 §4: somebody reads these in every domain.
        if (IsRoleName(address) && Administrator(_db, domain) is { } administrator) return Arrive(administrator, address, detail);
        if (ReportAddress.Is(address)) return Reach(new Target.Reports(address), address.Key);
        if (domain.CatchAll is { } catchAll) return Follow(catchAll, detail, depth + 1);
        _lastRefusal ??= Unknown(address);
        return true;
    }

    private bool FollowAll(List<EmailAddress> targets, string? detail, int depth)
    {
        foreach (var target in targets)
        {
            if (!Follow(target, detail, depth + 1)) return false;
        }
        return true;
    }

    private bool Arrive(Account account, EmailAddress address, string? detail)
    {
        if (account.RemovedAt is not null || !account.HasMailbox)
        {
            _lastRefusal ??= Unknown(address);
            return true;
        }
        if (account.DisabledAt is not null)
        {
            _lastRefusal = new Refusal(RefusalKind.Disabled, $"{address} is disabled");
            return true;
        }
        return Reach(new Target.Local(account.Id, account.Address, detail), account.Address.Key);
    }

    private bool Reach(Target target, string key)
    {
        if (!_reached.Add(key)) return true;
        if (_targets.Count == TargetsMax) return false;
        _targets.Add(target);
        return true;
    }

    // The address as it is, then without its detail: an address that is defined with a plus in it wins.
    private static IEnumerable<(EmailAddress Address, string? Detail)> Forms(EmailAddress address, LocalDomain domain)
    {
        yield return (address, null);
        if (!domain.PlusAddressing) yield break;
        var local = address.LocalPart;
        var plus = local.IndexOf(Separator, StringComparison.Ordinal);
        if (plus > 0 && EmailAddress.TryCreate(local[..plus], address.Domain, out var user)) yield return (user, local[(plus + 1)..]);
    }

    private static bool IsRoleName(EmailAddress address) => address.LocalKey is "postmaster" or "abuse";

    // The domain's own, else the first administrator of the domain, else the first of the server.
    private static Account? Administrator(Snapshot db, LocalDomain? domain)
    {
        if (domain?.Administrator is { } named && Accounts.Read(db, named) is { IsActive: true, HasMailbox: true } account) return account;
        var first = db.Prepare("SELECT account FROM account WHERE disabled IS NULL AND removed IS NULL AND kind <> $1 "
                + "AND (role = $2 OR (role = $3 AND domain = $4)) ORDER BY role, account LIMIT 1")
            .Bind((long)AccountKind.Service).Bind((long)Role.Admin).Bind((long)Role.DomainAdmin).Bind(domain?.Name.Ascii ?? "").Scalar();
        return first is { } id ? Accounts.Read(db, new AccountId(id)) : null;
    }

    private static Refusal Unknown(EmailAddress address) => new(RefusalKind.NotFound, $"{address} is not known here");
}
