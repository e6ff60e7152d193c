using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>News after each commit: IDLE, NOTIFY, push and the search feed all hear it here.</summary>
public sealed class ChangeStream
{
    private const string ReadSql =
        "SELECT modseq, kind, mailbox, items FROM change WHERE account = $1 AND modseq > $2 ORDER BY modseq, part LIMIT $3";

    private const string ExpungedSql =
        "SELECT modseq, kind, mailbox, items FROM change WHERE account = $1 AND mailbox = $2 AND modseq > $3 AND kind = 4 ORDER BY modseq, part";

    private readonly Database _db;
    private readonly ViewCache _views;

    internal ChangeStream(Database db, ViewCache views) => (_db, _views) = (db, views);

    /// <param name="mailbox">Wake only for this mailbox's messages and for the list of mailboxes; null for everything.</param>
    public ChangeSubscription Subscribe(AccountId account, MailboxId? mailbox = null)
    {
        var subscription = new ChangeSubscription(this, account, mailbox);
        _views.AddListener(subscription);
        return subscription;
    }

    /// <summary>The account's newest change number: the JMAP state.</summary>
    public ValueTask<ModSeq> CurrentAsync(AccountId account, CancellationToken ct = default) => _db.ReadAsync(
        db => new ModSeq(db.Prepare("SELECT modseq FROM account_state WHERE account = $1").Bind(account.Value).Scalar() ?? 0), ct);

    /// <summary>The log after a change number, in order, whole actions only.</summary>
    /// <param name="rowsMax">Rows of the log; one action of a client is a few of them.</param>
    public ValueTask<ChangePage> ReadAsync(AccountId account, ModSeq since, int rowsMax = 1000, CancellationToken ct = default) =>
        _db.ReadAsync(db => Read(db, account, since, rowsMax), ct);

    /// <summary>
    /// Uids that have gone from a mailbox after a change number, rising (RFC 7162 §3.2.5.1); null when the log does not reach back so far.
    /// </summary>
    public ValueTask<IReadOnlyList<Uid>?> ExpungedAsync(AccountId account, MailboxId mailbox, ModSeq since, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Uid>?>(
            db =>
            {
                if (since.Value < Floor(db, account)) return null;
                var uids = new List<Uid>();
                using var rows = db.Prepare(ExpungedSql).Bind(account.Value).Bind(mailbox.Value).Bind(since.Value).Query();
                while (rows.Next())
                {
                    foreach (var item in ChangeItems.Unpack(rows.Blob(3))) uids.Add(item.Uid);
                }

                uids.Sort();
                return uids;
            },
            ct);

    /// <summary>What has happened to the objects of a kind since a position (RFC 8620 §5.2).</summary>
    /// <param name="objectsMax">The most objects that are told of; the next question goes on behind them.</param>
    /// <returns>Null when it cannot be told: another epoch, a number that has not been, or one that the log does not reach back to.</returns>
    public ValueTask<ObjectChanges?> ObjectsAsync(
        AccountId account, ObjectKind kind, ChangePosition since, int objectsMax, CancellationToken ct = default) =>
        _db.ReadAsync(db => ChangeReading.Read(db, account, kind, since, objectsMax), ct);

    /// <summary>Null when the account has no mailboxes.</summary>
    public ValueTask<AccountState?> StateAsync(AccountId account, CancellationToken ct = default) =>
        _db.ReadAsync(db => AccountState.Read(db, account), ct);

    internal static ChangePage Read(Snapshot db, AccountId account, ModSeq since, int rowsMax)
    {
        var changes = new List<Change>();
        var whole = since.Value >= Floor(db, account);
        using var rows = db.Prepare(ReadSql).Bind(account.Value).Bind(since.Value).Bind(rowsMax + 1L).Query();
        while (rows.Next())
        {
            changes.Add(new Change(
                new ModSeq(rows.Int64(0)),
                (ChangeKind)rows.Int64(1),
                new MailboxId(rows.Int64(2)),
                ChangeItems.Unpack(rows.Blob(3))));
        }

        if (changes.Count <= rowsMax) return new ChangePage(changes, changes.Count > 0 ? changes[^1].ModSeq : since, false, whole);

        // The last action may be cut: it belongs to the next page, unless it is larger than a page by itself.
        var cut = changes.FindIndex(c => c.ModSeq == changes[^1].ModSeq);
        if (cut == 0) return Read(db, account, since, rowsMax * 4);
        changes.RemoveRange(cut, changes.Count - cut);
        return new ChangePage(changes, changes[^1].ModSeq, true, whole);
    }

    internal void Remove(ChangeSubscription subscription) => _views.RemoveListener(subscription);

    internal static long Floor(Snapshot db, AccountId account) =>
        db.Prepare("SELECT log_floor FROM account_state WHERE account = $1").Bind(account.Value).Scalar() ?? 0;
}
