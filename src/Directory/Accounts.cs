using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>The accounts: opened, changed, disabled, removed for 30 days, then purged.</summary>
public sealed class Accounts
{
    private const string Columns = "account, address, name, kind, role, quota_bytes, quota_messages, created, disabled, removed, "
        + "send_messages, send_recipients, send_first_time";

    private readonly Database _db;
    private readonly Generation _generation;
    private readonly PasswordCheck _passwords;
    private readonly LiveLogins _live;
    private readonly DirectorySettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal Accounts(
        Database db, Generation generation, PasswordCheck passwords, LiveLogins live, DirectorySettings settings, TimeProvider time, ILogger log) =>
        (_db, _generation, _passwords, _live, _settings, _time, _log) = (db, generation, passwords, live, settings, time, log);

    /// <summary>Runs in the transaction that opens an account, so that it is there with its mailboxes or not at all. Filled at composition.</summary>
    public IList<Action<Transaction, Account>> Provisioning { get; } = [];

    /// <summary>Runs in the transaction that changes a quota. Filled at composition.</summary>
    public IList<Action<Transaction, AccountId, Quota>> QuotaChanged { get; } = [];

    /// <summary>Deletes what others hold of an account, in slices; it may be called again after a crash. Filled at composition.</summary>
    public IList<Func<AccountId, CancellationToken, Task>> Purging { get; } = [];

    public async ValueTask<Result<Account>> AddAsync(Authority by, NewAccount wanted, CancellationToken ct = default)
    {
        PasswordSecrets? secrets = null;
        if (wanted.Password is { } password)
        {
            var made = await SecretsAsync(wanted.Address, password, ct);
            if (!made.TryGet(out secrets)) return made.Refusal!;
        }
        var added = await _db.TryWriteAsync(tx => Add(tx, by, wanted, secrets), ct);
        if (added.TryGet(out var account)) Log.AccountAdded(_log, account.Address, account.Id, by.Name);
        return added;
    }

    /// <summary>Addresses and <c>*@domain</c> that the account may send from beside its own.</summary>
    public ValueTask<IReadOnlyList<string>> SendAsAsync(AccountId account, CancellationToken ct = default) =>
        _db.ReadAsync(db => SendAs.Of(db, account), ct);

    public ValueTask<Account?> FindAsync(EmailAddress address, CancellationToken ct = default) => _db.ReadAsync(db => Read(db, address), ct);

    public ValueTask<Account?> FindAsync(AccountId id, CancellationToken ct = default) => _db.ReadAsync(db => Read(db, id), ct);

    /// <summary>An account that the authority may change; to everybody else it is not said how it is used.</summary>
    public async ValueTask<Result<Account>> FindChangeableAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        try
        {
            return await _db.ReadAsync(db => DemandChangeable(db, by, address), ct);
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }

    /// <summary>Those the authority covers, removed ones included, by domain and name.</summary>
    /// <param name="domain">None lists every domain.</param>
    public ValueTask<IReadOnlyList<Account>> ListAsync(Authority by, Domain? domain = null, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Account>>(db =>
        {
            if (domain is not null && !by.Covers(domain)) return [];
            var only = by.Only ?? domain;
            var statement = only is null
                ? db.Prepare($"SELECT {Columns} FROM account ORDER BY domain, local")
                : db.Prepare($"SELECT {Columns} FROM account WHERE domain = $1 ORDER BY local").Bind(only.Ascii);
            var found = new List<Account>();
            using var rows = statement.Query();
            while (rows.Next()) found.Add(Row(rows));
            return found;
        }, ct);

    /// <summary>Replaces the account's password. Web sessions end, and connections that have logged in with the old one.</summary>
    public ValueTask<Result<Account>> SetPasswordAsync(
        Authority by, EmailAddress address, ReadOnlyMemory<byte> password, CancellationToken ct = default) =>
        SetPasswordAsync(by, address, password, (tx, account) => WebSessions.EndAll(tx, account.Id), ct);

    /// <param name="except">The web session that stays: the one in which the person changes the own password.</param>
    public ValueTask<Result<Account>> SetPasswordAsync(
        Authority by, EmailAddress address, ReadOnlyMemory<byte> password, string except, CancellationToken ct = default) =>
        SetPasswordAsync(by, address, password, (tx, account) => WebSessions.EndAll(tx, account.Id, except), ct);

    /// <param name="with">What happens in the same action, before.</param>
    internal async ValueTask<Result<Account>> SetPasswordAsync(
        Authority by, EmailAddress address, ReadOnlyMemory<byte> password, Action<Transaction, Account> with, CancellationToken ct)
    {
        var made = await SecretsAsync(address, password, ct);
        if (!made.TryGet(out var secrets)) return made.Refusal!;
        var changed = await ChangeAsync(by, address, (tx, account) =>
        {
            with(tx, account);
            SetPassword(tx, account, secrets);
            _live.EndAfter(tx, account.Id, "");
            PasswordLinks.Forget(tx, account.Id);
            AccountNews.Add(tx, account.Id, AccountEvent.PasswordChanged, by.Name == account.Address.ToString() ? "you" : by.Name);
        }, ct);
        if (changed.Ok) Log.PasswordChanged(_log, address, by.Name);
        return changed;
    }

    public async ValueTask<Result<Account>> ChangeAsync(Authority by, EmailAddress address, AccountChange change, CancellationToken ct = default)
    {
        var changed = await ChangeAsync(by, address, (tx, account) =>
        {
            if (change.Role == Role.Admin) by.DemandEverything("make somebody administrator of the server");
            var quota = change.Quota ?? new Quota(account.QuotaBytes, account.QuotaMessages);
            DemandSense(quota);
            var sending = change.Sending ?? account.Sending;
            DemandSense(sending);
            tx.Prepare("UPDATE account SET name = $1, role = $2, quota_bytes = $3, quota_messages = $4, send_messages = $5, send_recipients = $6, "
                    + "send_first_time = $7 WHERE account = $8")
                .Bind(change.Name ?? account.Name).Bind((long)(change.Role ?? account.Role)).Bind(quota.Bytes).Bind(quota.Messages)
                .Bind(sending.Messages).Bind(sending.Recipients).Bind(sending.FirstTime).Bind(account.Id.Value).Execute();
            if (change.SendAs is not null) SendAs.Replace(tx, by, account.Id, change.SendAs);
            if (change.Quota is null || !account.HasMailbox) return;
            foreach (var hook in QuotaChanged) hook(tx, account.Id, quota);
        }, ct);
        if (changed.Ok) Log.AccountChanged(_log, address, by.Name);
        return changed;
    }

    /// <summary>Nobody logs in any more and mail is refused; everything stays where it is.</summary>
    public async ValueTask<Result<Account>> DisableAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        var changed = await ChangeAsync(by, address, (tx, account) =>
        {
            tx.Prepare("UPDATE account SET disabled = $1 WHERE account = $2 AND disabled IS NULL").Bind(tx.Now).Bind(account.Id.Value).Execute();
            WebSessions.EndAll(tx, account.Id);
            _live.EndAfter(tx, account.Id, null);
        }, ct);
        if (changed.Ok) Log.AccountDisabled(_log, address, by.Name);
        return changed;
    }

    public async ValueTask<Result<Account>> EnableAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        var changed = await ChangeAsync(by, address, (tx, account) =>
            tx.Prepare("UPDATE account SET disabled = NULL WHERE account = $1").Bind(account.Id.Value).Execute(), ct);
        if (changed.Ok) Log.AccountEnabled(_log, address, by.Name);
        return changed;
    }

    /// <summary>From now on the account does not exist for anybody; its data and its address are kept until the purge.</summary>
    public async ValueTask<Result<Account>> RemoveAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        var changed = await ChangeAsync(by, address, (tx, account) =>
        {
            tx.Prepare("UPDATE account SET removed = $1 WHERE account = $2").Bind(tx.Now).Bind(account.Id.Value).Execute();
            WebSessions.EndAll(tx, account.Id);
            _live.EndAfter(tx, account.Id, null);
        }, ct);
        if (changed.Ok) Log.AccountRemoved(_log, address, by.Name);
        return changed;
    }

    /// <summary>Takes a removal back, as long as the purge has not begun.</summary>
    public async ValueTask<Result<Account>> RestoreAsync(Authority by, EmailAddress address, CancellationToken ct = default)
    {
        var restored = await _db.TryWriteAsync(tx =>
        {
            by.Demand(address.Domain);
            var account = Read(tx, address);
            if (account?.RemovedAt is null) throw Refused.NotFound($"{address} is not a removed account");
            DemandOver(by, account);
            if (tx.Prepare("UPDATE account SET removed = NULL, changed = $1 WHERE account = $2 AND purging IS NULL")
                .Bind(tx.Now).Bind(account.Id.Value).Execute() == 0)
            {
                throw Refused.Conflict($"the data of {address} is being deleted");
            }
            _generation.RiseAfter(tx);
            return Read(tx, account.Id)!;
        }, ct);
        if (restored.Ok) Log.AccountRestored(_log, address, by.Name);
        return restored;
    }

    /// <summary>Deletes for good what was removed longer ago than the grace. Called now and then; goes on where a crash interrupted it.</summary>
    /// <returns>How many accounts are gone.</returns>
    public async Task<int> PurgeAsync(CancellationToken ct)
    {
        var before = _time.GetUtcNow() - _settings.RemovalGrace;
        var due = await _db.WriteAsync(tx =>
        {
            tx.Prepare("UPDATE account SET purging = $1 WHERE removed <= $2 AND purging IS NULL").Bind(tx.Now).Bind(before).Execute();
            var accounts = new List<Account>();
            using var rows = tx.Prepare($"SELECT {Columns} FROM account WHERE purging IS NOT NULL ORDER BY account").Query();
            while (rows.Next()) accounts.Add(Row(rows));
            return accounts;
        }, ct);
        foreach (var account in due)
        {
            foreach (var hook in Purging) await hook(account.Id, ct);
            await _db.WriteAsync(tx => Erase(tx, account), ct);
            Log.AccountPurged(_log, account.Address, account.Id);
        }
        return due.Count;
    }

    internal static Account? Read(Snapshot db, EmailAddress address)
    {
        using var rows = db.Prepare($"SELECT {Columns} FROM account WHERE domain = $1 AND local = $2")
            .Bind(address.Domain.Ascii).Bind(address.LocalKey).Query();
        return rows.Next() ? Row(rows) : null;
    }

    internal static Account? Read(Snapshot db, AccountId id)
    {
        using var rows = db.Prepare($"SELECT {Columns} FROM account WHERE account = $1").Bind(id.Value).Query();
        return rows.Next() ? Row(rows) : null;
    }

    /// <exception cref="RefusalException">It is not there, or beyond the authority.</exception>
    internal static Account DemandChangeable(Snapshot db, Authority by, EmailAddress address)
    {
        by.Demand(address.Domain);
        var account = Read(db, address);
        if (account is null || account.RemovedAt is not null) throw Refused.NotFound($"{address} is not an account");
        DemandOver(by, account);
        return account;
    }

    private async ValueTask<Result<PasswordSecrets>> SecretsAsync(EmailAddress address, ReadOnlyMemory<byte> password, CancellationToken ct) =>
        await _passwords.SecretsAsync(address, password, await _db.ReadAsync(db => Domains.AllowsScram(db, address.Domain), ct), ct);

    // The domain may have changed its mind since the secrets were made.
    private static void SetPassword(Transaction tx, Account account, PasswordSecrets secrets) =>
        Credentials.SetPassword(tx, account.Id, secrets, Domains.AllowsScram(tx, account.Address.Domain));

    private Account Add(Transaction tx, Authority by, NewAccount wanted, PasswordSecrets? secrets)
    {
        var address = wanted.Address;
        by.Demand(address.Domain);
        if (wanted.Role == Role.Admin) by.DemandEverything("make somebody administrator of the server");
        DemandSense(new Quota(wanted.QuotaBytes, wanted.QuotaMessages));
        Names.DemandDomain(tx, address.Domain);
        Names.DemandFree(tx, address);
        var id = new AccountId(Names.Next(tx, "account"));
        if (id.Value > AccountId.Max) throw new RefusalException(new Refusal(RefusalKind.TooMany, "this server has given out every account number"));
        tx.Prepare("INSERT INTO account (account, domain, local, address, name, kind, role, quota_bytes, quota_messages, created, changed) "
                + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
            .Bind(id.Value).Bind(address.Domain.Ascii).Bind(address.LocalKey).Bind(address.ToString()).Bind(wanted.Name)
            .Bind((long)wanted.Kind).Bind((long)wanted.Role).Bind(wanted.QuotaBytes).Bind(wanted.QuotaMessages)
            .Bind(tx.Now).Bind(tx.Now).Execute();
        var account = Read(tx, id)!;
        if (secrets is not null) SetPassword(tx, account, secrets);
        foreach (var alias in wanted.Aliases)
        {
            by.Demand(alias.Domain);
            Names.DemandDomain(tx, alias.Domain);
            Names.DemandFree(tx, alias);
            Aliases.Insert(tx, alias, [address]);
        }
        foreach (var hook in Provisioning) hook(tx, account);
        _generation.RiseAfter(tx);
        return account;
    }

    private async ValueTask<Result<Account>> ChangeAsync(
        Authority by, EmailAddress address, Action<Transaction, Account> change, CancellationToken ct) =>
        await _db.TryWriteAsync(tx =>
        {
            var account = DemandChangeable(tx, by, address);
            change(tx, account);
            tx.Prepare("UPDATE account SET changed = $1 WHERE account = $2").Bind(tx.Now).Bind(account.Id.Value).Execute();
            _generation.RiseAfter(tx);
            return Read(tx, account.Id)!;
        }, ct);

    // An administrator of one domain must not become one of the server by changing the password of one.
    private static void DemandOver(Authority by, Account account)
    {
        if (account.Role == Role.Admin) by.DemandEverything("change an administrator of the server");
    }

    private static void DemandSense(Quota quota)
    {
        if (quota.Bytes < 0 || quota.Messages < 0) throw Refused.Invalid("a quota cannot be negative");
    }

    private static void DemandSense(OwnSendingLimits sending)
    {
        foreach (var limit in (long?[])[sending.Messages, sending.Recipients, sending.FirstTime])
        {
            if (limit is < 0 or > OwnSendingLimits.Max) throw Refused.Invalid($"a limit of sending is a number from 0 to {OwnSendingLimits.Max}");
        }
    }

    private bool Erase(Transaction tx, Account account)
    {
        Aliases.Forget(tx, account.Address);
        tx.Prepare("DELETE FROM credential WHERE account = $1").Bind(account.Id.Value).Execute();
        SendingAllowance.Forget(tx, account.Id);
        SendAs.Forget(tx, account.Id);
        AppPasswordTable.Forget(tx, account.Id);
        WebSessions.EndAll(tx, account.Id);
        SecondFactors.Forget(tx, account.Id);
        LoginHistory.Forget(tx, account.Id);
        AccountNews.Forget(tx, account.Id);
        PasswordLinks.Forget(tx, account.Id);
        tx.Prepare("UPDATE domain SET administrator = NULL WHERE administrator = $1").Bind(account.Id.Value).Execute();
        tx.Prepare("DELETE FROM account WHERE account = $1").Bind(account.Id.Value).Execute();
        _generation.RiseAfter(tx);
        return true;
    }

    private static Account Row(Rows rows) => new(
        new AccountId(rows.Int64(0)),
        EmailAddress.Parse(rows.Text(1)),
        rows.Text(2),
        (AccountKind)rows.Int64(3),
        (Role)rows.Int64(4),
        rows.NullableInt64(5),
        rows.NullableInt64(6),
        rows.Time(7),
        rows.IsNull(8) ? null : rows.Time(8),
        rows.IsNull(9) ? null : rows.Time(9))
    {
        Sending = new OwnSendingLimits(rows.NullableInt64(10), rows.NullableInt64(11), rows.NullableInt64(12)),
    };
}
