using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>Names that stand for other addresses. How they are followed is <see cref="AddressBook"/>'s.</summary>
public sealed class Aliases
{
    /// <summary>More readers than this want a mailing list.</summary>
    public const int TargetsMax = 500;

    private readonly Database _db;
    private readonly Generation _generation;
    private readonly ILogger _log;

    internal Aliases(Database db, Generation generation, ILogger log) => (_db, _generation, _log) = (db, generation, log);

    public async ValueTask<Result<Alias>> AddAsync(
        Authority by, EmailAddress address, IReadOnlyList<EmailAddress> targets, CancellationToken ct = default)
    {
        var added = await _db.TryWriteAsync(tx =>
        {
            by.Demand(address.Domain);
            Names.DemandDomain(tx, address.Domain);
            Names.DemandFree(tx, address);
            Insert(tx, address, targets);
            _generation.RiseAfter(tx);
            return Read(tx, address)!;
        }, ct);
        if (added.Ok) Log.AliasAdded(_log, address, by.Name);
        return added;
    }

    /// <summary>Gives an alias other targets.</summary>
    public async ValueTask<Result<Alias>> ChangeAsync(
        Authority by, EmailAddress address, IReadOnlyList<EmailAddress> targets, CancellationToken ct = default)
    {
        var changed = await _db.TryWriteAsync(tx =>
        {
            by.Demand(address.Domain);
            var old = Read(tx, address) ?? throw Refused.NotFound($"{address} is not an alias");
            CheckTargets(address, targets);
            DeleteTargets(tx, address);
            InsertTargets(tx, old.Address, targets);
            _generation.RiseAfter(tx);
            return Read(tx, address)!;
        }, ct);
        if (changed.Ok) Log.AliasChanged(_log, address, by.Name);
        return changed;
    }

    public async ValueTask<Result<Alias>> RemoveAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        var removed = await _db.TryWriteAsync(tx =>
        {
            by.Demand(address.Domain);
            var old = Read(tx, address) ?? throw Refused.NotFound($"{address} is not an alias");
            Delete(tx, address);
            _generation.RiseAfter(tx);
            return old;
        }, ct);
        if (removed.Ok) Log.AliasRemoved(_log, address, by.Name);
        return removed;
    }

    public ValueTask<Alias?> FindAsync(EmailAddress address, CancellationToken ct = default) => _db.ReadAsync(db => Read(db, address), ct);

    /// <summary>Those the authority covers, by domain and name.</summary>
    /// <param name="domain">None lists every domain.</param>
    public ValueTask<IReadOnlyList<Alias>> ListAsync(Authority by, Domain? domain = null, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Alias>>(db =>
        {
            var only = by.Only ?? domain;
            if (domain is not null && !by.Covers(domain)) return [];
            var found = new List<Alias>();
            foreach (var (address, created) in Heads(db, only)) found.Add(new Alias(address, Targets(db, address), created));
            return found;
        }, ct);

    internal static Alias? Read(Snapshot db, EmailAddress address)
    {
        EmailAddress written;
        DateTimeOffset created;
        using (var rows = db.Prepare("SELECT address, created FROM alias WHERE domain = $1 AND local = $2")
            .Bind(address.Domain.Ascii).Bind(address.LocalKey).Query())
        {
            if (!rows.Next()) return null;
            written = EmailAddress.Parse(rows.Text(0));
            created = rows.Time(1);
        }
        return new Alias(written, Targets(db, address), created);
    }

    internal static List<EmailAddress> Targets(Snapshot db, EmailAddress alias)
    {
        var targets = new List<EmailAddress>();
        using var rows = db.Prepare("SELECT target FROM alias_target WHERE domain = $1 AND local = $2 ORDER BY position")
            .Bind(alias.Domain.Ascii).Bind(alias.LocalKey).Query();
        while (rows.Next()) targets.Add(EmailAddress.Parse(rows.Text(0)));
        return targets;
    }

    internal static void Insert(Transaction tx, EmailAddress address, IReadOnlyList<EmailAddress> targets)
    {
        CheckTargets(address, targets);
        var rows = tx.Prepare("INSERT INTO alias (domain, local, address, created) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
            .Bind(address.Domain.Ascii).Bind(address.LocalKey).Bind(address.ToString()).Bind(tx.Now).Execute();
        if (rows == 0) throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, $"{address} is an alias already"));
        InsertTargets(tx, address, targets);
    }

    /// <summary>Takes the account's address out of every alias; an alias left without targets goes too.</summary>
    internal static void Forget(Transaction tx, EmailAddress target)
    {
        var holders = new List<EmailAddress>();
        using (var rows = tx.Prepare(
            "SELECT a.address FROM alias_target t JOIN alias a ON a.domain = t.domain AND a.local = t.local WHERE t.target_key = $1")
            .Bind(target.Key).Query())
        {
            while (rows.Next()) holders.Add(EmailAddress.Parse(rows.Text(0)));
        }
        tx.Prepare("DELETE FROM alias_target WHERE target_key = $1").Bind(target.Key).Execute();
        foreach (var holder in holders)
        {
            if (Targets(tx, holder).Count == 0) Delete(tx, holder);
        }
    }

    private static void Delete(Transaction tx, EmailAddress address)
    {
        DeleteTargets(tx, address);
        tx.Prepare("DELETE FROM alias WHERE domain = $1 AND local = $2").Bind(address.Domain.Ascii).Bind(address.LocalKey).Execute();
    }

    private static void DeleteTargets(Transaction tx, EmailAddress address) =>
        tx.Prepare("DELETE FROM alias_target WHERE domain = $1 AND local = $2").Bind(address.Domain.Ascii).Bind(address.LocalKey).Execute();

    private static void InsertTargets(Transaction tx, EmailAddress address, IReadOnlyList<EmailAddress> targets)
    {
        var position = 0;
        foreach (var target in targets.DistinctBy(target => target.Key))
        {
            tx.Prepare("INSERT INTO alias_target (domain, local, position, target, target_key) VALUES ($1, $2, $3, $4, $5)")
                .Bind(address.Domain.Ascii).Bind(address.LocalKey).Bind(position++).Bind(target.ToString()).Bind(target.Key).Execute();
        }
    }

    private static void CheckTargets(EmailAddress address, IReadOnlyList<EmailAddress> targets)
    {
        if (targets.Count == 0) throw Refused.Invalid("an alias needs at least one target");
        if (targets.Count > TargetsMax)
        {
            throw new RefusalException(new Refusal(RefusalKind.TooMany, $"an alias may have at most {TargetsMax} targets"));
        }
        foreach (var target in targets)
        {
            if (target.Key == address.Key) throw Refused.Invalid($"{address} cannot be its own target");
        }
    }

    private static List<(EmailAddress Address, DateTimeOffset Created)> Heads(Snapshot db, Domain? domain)
    {
        var heads = new List<(EmailAddress, DateTimeOffset)>();
        var statement = domain is null
            ? db.Prepare("SELECT address, created FROM alias ORDER BY domain, local")
            : db.Prepare("SELECT address, created FROM alias WHERE domain = $1 ORDER BY local").Bind(domain.Ascii);
        using var rows = statement.Query();
        while (rows.Next()) heads.Add((EmailAddress.Parse(rows.Text(0)), rows.Time(1)));
        return heads;
    }
}
