using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>The domains whose mail this server takes in.</summary>
public sealed class Domains
{
    private const string Columns = "domain, plus_addressing, catch_all, administrator, created, disabled, dmarc, scram, login, mfa";

    private const int ForgottenPerActionMax = 500;

    private readonly Database _db;
    private readonly Generation _generation;
    private readonly ScramOffer _scram;
    private readonly ILogger _log;

    internal Domains(Database db, Generation generation, ScramOffer scram, ILogger log) =>
        (_db, _generation, _scram, _log) = (db, generation, scram, log);

    public async ValueTask<Result<LocalDomain>> AddAsync(Authority by, Domain name, CancellationToken ct = default)
    {
        var added = await _db.TryWriteAsync(tx =>
        {
            by.DemandEverything("add a domain");
            var rows = tx.Prepare("INSERT INTO domain (domain, plus_addressing, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .Bind(name.Ascii).Bind(true).Bind(tx.Now).Execute();
            if (rows == 0) throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, $"{name} is a domain of this server already"));
            _generation.RiseAfter(tx);
            return Read(tx, name)!;
        }, ct);
        if (added.Ok) Log.DomainAdded(_log, name, by.Name);
        return added;
    }

    public ValueTask<LocalDomain?> FindAsync(Domain name, CancellationToken ct = default) => _db.ReadAsync(db => Read(db, name), ct);

    /// <summary>Those the authority covers, in order of their names.</summary>
    public ValueTask<IReadOnlyList<LocalDomain>> ListAsync(Authority by, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<LocalDomain>>(db =>
        {
            var found = new List<LocalDomain>();
            using var rows = db.Prepare($"SELECT {Columns} FROM domain ORDER BY domain").Query();
            while (rows.Next())
            {
                var domain = Row(rows);
                if (by.Covers(domain.Name)) found.Add(domain);
            }
            return found;
        }, ct);

    public async ValueTask<Result<LocalDomain>> ChangeAsync(Authority by, Domain name, DomainChange change, CancellationToken ct = default)
    {
        var changed = await _db.TryWriteAsync(tx =>
        {
            by.Demand(name);
            var old = Read(tx, name) ?? throw Refused.NotFound($"{name} is not a domain of this server");
            if (change.Disabled is not null) by.DemandEverything("disable or enable a domain");
            if (change.Administrator?.Value is { } account && Accounts.Read(tx, account) is not { IsActive: true, HasMailbox: true })
            {
                throw Refused.Invalid("the administrator of a domain must be an active account with a mailbox");
            }
            tx.Prepare("UPDATE domain SET plus_addressing = $1, catch_all = $2, administrator = $3, disabled = $4, dmarc = $5, scram = $6, "
                    + "login = $7, mfa = $8 WHERE domain = $9")
                .Bind(change.PlusAddressing ?? old.PlusAddressing)
                .Bind((change.CatchAll is { } catchAll ? catchAll.Value : old.CatchAll)?.ToString())
                .Bind((change.Administrator is { } administrator ? administrator.Value : old.Administrator)?.Value)
                .Bind(Since(change.Disabled, old.DisabledAt, tx.Now)?.ToUnixTimeMilliseconds())
                .Bind((long)(change.Dmarc ?? old.Dmarc))
                .Bind(change.Scram ?? old.Scram)
                .Bind((long)(change.Login ?? old.Login))
                .Bind(change.Mfa ?? old.Mfa)
                .Bind(name.Ascii).Execute();
            _generation.RiseAfter(tx);
            _scram.RefreshAfter(tx);
            return Read(tx, name)!;
        }, ct);
        if (changed.Ok && change.Scram == false)
        {
            while (await _db.WriteAsync(tx => Credentials.ForgetScram(tx, name, ForgottenPerActionMax), ct) > 0)
            {
            }
        }
        if (changed.Ok) Log.DomainChanged(_log, name, by.Name);
        return changed;
    }

    /// <summary>Only an empty domain goes: accounts (until their purge) and aliases hold it.</summary>
    public async ValueTask<Result<LocalDomain>> RemoveAsync(Authority by, Domain name, CancellationToken ct = default)
    {
        var removed = await _db.TryWriteAsync(tx =>
        {
            by.DemandEverything("remove a domain");
            var old = Read(tx, name) ?? throw Refused.NotFound($"{name} is not a domain of this server");
            if (tx.Prepare("SELECT 1 FROM account WHERE domain = $1 LIMIT 1").Bind(name.Ascii).Scalar() is not null)
            {
                throw Refused.Conflict($"{name} still has accounts; removed ones count until their purge");
            }
            if (tx.Prepare("SELECT 1 FROM alias WHERE domain = $1 LIMIT 1").Bind(name.Ascii).Scalar() is not null)
            {
                throw Refused.Conflict($"{name} still has aliases");
            }
            tx.Prepare("DELETE FROM domain WHERE domain = $1").Bind(name.Ascii).Execute();
            _generation.RiseAfter(tx);
            return old;
        }, ct);
        if (removed.Ok) Log.DomainRemoved(_log, name, by.Name);
        return removed;
    }

    internal static LocalDomain? Read(Snapshot db, Domain name)
    {
        using var rows = db.Prepare($"SELECT {Columns} FROM domain WHERE domain = $1").Bind(name.Ascii).Query();
        return rows.Next() ? Row(rows) : null;
    }

    internal static bool AllowsScram(Snapshot db, Domain name) =>
        db.Prepare("SELECT 1 FROM domain WHERE domain = $1 AND scram = 1").Bind(name.Ascii).Scalar() is not null;

    internal static LoginPolicy PolicyOf(Snapshot db, Domain name) =>
        (LoginPolicy)(db.Prepare("SELECT login FROM domain WHERE domain = $1").Bind(name.Ascii).Scalar() ?? 0);

    internal static DateTimeOffset? Since(bool? wanted, DateTimeOffset? since, DateTimeOffset now) => wanted switch
    {
        null => since,
        true => since ?? now,
        false => null,
    };

    private static LocalDomain Row(Rows rows) => new(
        Domain.Parse(rows.Text(0)),
        rows.Bool(1),
        rows.NullableText(2) is { } catchAll ? EmailAddress.Parse(catchAll) : null,
        rows.NullableInt64(3) is { } administrator ? new AccountId(administrator) : null,
        rows.Time(4),
        rows.IsNull(5) ? null : rows.Time(5),
        (DmarcHandling)rows.Int64(6))
    {
        Scram = rows.Bool(7),
        Login = (LoginPolicy)rows.Int64(8),
        Mfa = rows.Bool(9),
    };
}
