using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>What happened to an account that its owner should hear of. The numbers are stored.</summary>
public enum AccountEvent
{
    PasswordChanged = 0,
    FactorAdded = 1,
    FactorRemoved = 2,
    FactorsReset = 3,
    RecoveryCodeUsed = 4,
    RecoveryCodesRenewed = 5,
    PasswordLinkMade = 6,
    AppPasswordMade = 7,

    /// <summary>The right one, where it may not be used.</summary>
    AppPasswordRefused = 8,
}

/// <summary>One thing for the owner to hear of.</summary>
/// <param name="Detail">What it was about or where it came from, in plain words; may be empty.</param>
public sealed record AccountNotice(long Id, EmailAddress Address, AccountEvent Event, string Detail, DateTimeOffset At);

/// <summary>
/// What owners should hear of, noted in the transaction in which it happens, so that neither a crash nor a full disk hides it. Whoever
/// delivers mail takes it from here.
/// </summary>
public sealed class AccountNews
{
    /// <summary>What is told of one account at a time; more would be noise.</summary>
    public const int PerAccountMax = 20;

    /// <summary>News that could not be delivered for so long are forgotten.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(7);

    private readonly Database _db;
    private readonly TimeProvider _time;

    internal AccountNews(Database db, TimeProvider time) => (_db, _time) = (db, time);

    /// <summary>The oldest first; each is there until it is done.</summary>
    public async ValueTask<IReadOnlyList<AccountNotice>> ListAsync(int max, CancellationToken ct = default)
    {
        var old = _time.GetUtcNow() - Retention;
        return await _db.ReadAsync<IReadOnlyList<AccountNotice>>(db =>
        {
            var found = new List<AccountNotice>();
            using var rows = db.Prepare("SELECT n.news, a.address, n.event, n.detail, n.created FROM account_news n "
                    + "JOIN account a ON a.account = n.account WHERE n.created > $1 AND a.removed IS NULL ORDER BY n.news LIMIT $2")
                .Bind(old).Bind(max).Query();
            while (rows.Next())
            {
                found.Add(new AccountNotice(
                    rows.Int64(0), EmailAddress.Parse(rows.Text(1)), (AccountEvent)rows.Int64(2), rows.Text(3), rows.Time(4)));
            }
            return found;
        }, ct);
    }

    public async ValueTask DoneAsync(long id, CancellationToken ct = default) =>
        await _db.WriteAsync(tx => tx.Prepare("DELETE FROM account_news WHERE news = $1").Bind(id).Execute(), ct);

    /// <summary>Forgets what nobody took in time.</summary>
    public async Task PurgeAsync(CancellationToken ct)
    {
        var before = _time.GetUtcNow() - Retention;
        await _db.WriteAsync(tx => tx.Prepare("DELETE FROM account_news WHERE created <= $1").Bind(before).Execute(), ct);
    }

    internal static void Add(Transaction tx, AccountId account, AccountEvent what, string detail = "")
    {
        // A service has no mailbox to hear with.
        if (Accounts.Read(tx, account) is not { HasMailbox: true }) return;
        if (tx.Prepare("SELECT COUNT(*) FROM account_news WHERE account = $1").Bind(account.Value).Scalar() >= PerAccountMax) return;
        tx.Prepare("INSERT INTO account_news (news, account, event, detail, created) VALUES ($1, $2, $3, $4, $5)")
            .Bind(Names.Next(tx, "credential")).Bind(account.Value).Bind((long)what).Bind(detail).Bind(tx.Now).Execute();
    }

    internal static void Forget(Transaction tx, AccountId account) =>
        tx.Prepare("DELETE FROM account_news WHERE account = $1").Bind(account.Value).Execute();
}
