using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>An address that nothing is sent to.</summary>
/// <param name="Account">Whose mail; null for everybody's.</param>
/// <param name="Reason">What the other server said, or what an operator wrote.</param>
/// <param name="ExpiresAt">Null for an operator's entry without an end.</param>
public sealed record Suppression(AccountId? Account, EmailAddress Address, string Reason, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

/// <summary>
/// The addresses that bounced: what an account sends there fails at once, so that nobody keeps knocking at mailboxes that do not exist. An
/// address that bounced several accounts' mail is closed to all. Entries of bounces end by themselves.
/// </summary>
public sealed class Suppressions
{
    private const long Everybody = 0;

    private const string AddSql = """
        INSERT INTO suppression (account, address, reason, created, expires) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, address) DO UPDATE SET reason = excluded.reason, created = excluded.created, expires = excluded.expires
        """;

    // An operator's entry without an end outlives a bounce.
    private const string BounceSql = """
        INSERT INTO suppression (account, address, reason, created, expires) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account, address) DO UPDATE SET reason = excluded.reason, created = excluded.created, expires = excluded.expires
            WHERE suppression.expires IS NOT NULL
        """;

    private const string ListSql = """
        SELECT account, address, reason, created, expires FROM suppression
        WHERE (account > $1 OR (account = $1 AND address > $2)) AND (expires IS NULL OR expires > $3) ORDER BY account, address LIMIT $4
        """;

    private readonly Database _db;
    private readonly DeliverySettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal Suppressions(Database db, DeliverySettings settings, TimeProvider time, ILogger log) =>
        (_db, _settings, _time, _log) = (db, settings, time, log);

    /// <summary>In the order of account and address, those for everybody first; what has ended is not shown.</summary>
    public ValueTask<IReadOnlyList<Suppression>> ListAsync(
        AccountId? afterAccount = null, string afterAddress = "", int max = 1000, CancellationToken ct = default)
    {
        var now = _time.GetUtcNow();
        return _db.ReadAsync<IReadOnlyList<Suppression>>(
            db =>
            {
                var found = new List<Suppression>();
                using var rows = db.Prepare(ListSql).Bind(afterAccount?.Value ?? Everybody).Bind(afterAddress).Bind(now).Bind(max).Query();
                while (rows.Next())
                {
                    found.Add(new Suppression(
                        rows.Int64(0) == Everybody ? null : new AccountId(rows.Int64(0)), EmailAddress.Parse(rows.Text(1)), rows.Text(2),
                        rows.Time(3), rows.IsNull(4) ? null : rows.Time(4)));
                }
                return found;
            },
            ct);
    }

    /// <param name="lifetime">Null for one without an end.</param>
    public async ValueTask<Suppression> AddAsync(
        AccountId? account, EmailAddress address, string reason, TimeSpan? lifetime, CancellationToken ct = default)
    {
        var added = await _db.WriteAsync(
            tx =>
            {
                var entry = new Suppression(account, address, reason, tx.Now, tx.Now + lifetime);
                Write(tx, AddSql, entry);
                return entry;
            },
            ct);
        Log.Suppressed(_log, address, account?.Value ?? Everybody, reason);
        return added;
    }

    /// <summary>False when there is no such entry.</summary>
    public async ValueTask<bool> RemoveAsync(AccountId? account, EmailAddress address, CancellationToken ct = default) =>
        await _db.WriteAsync(
            tx => tx.Prepare("DELETE FROM suppression WHERE account = $1 AND address = $2")
                .Bind(account?.Value ?? Everybody).Bind(KeyOf(address)).Execute(),
            ct) > 0;

    /// <summary>Why an account's mail is not sent there; null when it is.</summary>
    internal static string? Find(Snapshot db, AccountId submitter, EmailAddress address, DateTimeOffset now)
    {
        using var rows = db.Prepare(
            "SELECT reason FROM suppression WHERE address = $1 AND (account = 0 OR account = $2) AND (expires IS NULL OR expires > $3) LIMIT 1")
            .Bind(KeyOf(address)).Bind(submitter.Value).Bind(now).Query();
        return rows.Next() ? rows.Text(0) : null;
    }

    /// <summary>Within the action that writes a bounce down.</summary>
    internal void Bounced(Transaction tx, AccountId submitter, EmailAddress address, string reply)
    {
        var entry = new Suppression(submitter, address, reply, tx.Now, tx.Now + _settings.SuppressionLifetime);
        Write(tx, BounceSql, entry);
        var accounts = tx.Prepare("SELECT COUNT(*) FROM suppression WHERE address = $1 AND account > 0").Bind(KeyOf(address)).Scalar() ?? 0;
        if (accounts >= DeliveryLimits.SuppressedForAllAt) Write(tx, BounceSql, entry with { Account = null });
    }

    /// <summary>Takes away what has ended.</summary>
    internal static int Purge(Transaction tx) => tx.Prepare("DELETE FROM suppression WHERE expires <= $1").Bind(tx.Now).Execute();

    /// <summary>RFC 3463 §3.2, §3.3: codes by which a server says that there is no such mailbox.</summary>
    internal static bool IsHardBounce(string status) => status is "5.1.1" or "5.1.3" or "5.1.6" or "5.1.10" or "5.2.1";

    private static void Write(Transaction tx, string sql, Suppression entry) =>
        tx.Prepare(sql).Bind(entry.Account?.Value ?? Everybody).Bind(KeyOf(entry.Address)).Bind(entry.Reason).Bind(entry.CreatedAt)
            .Bind(entry.ExpiresAt?.ToUnixTimeMilliseconds()).Execute();

    private static string KeyOf(EmailAddress address) => address.Key;
}
