using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

// The room of the mail model: accounts' mailboxes, Emails, threads, keywords, quota, the change log and the search index.
//
// What holds here:
//  * JMAP's model is the model. An Email lies in mailboxes by memberships (account, mailbox, uid); \Deleted, the uid and SAVEDATE are the
//    membership's, everything else the Email's. Each membership carries the Email's flags, thread, size and date, so that a mailbox opens as one
//    range read; whoever changes an Email's flags changes all its memberships in the same action.
//  * One counter per account numbers its changes. Every edit takes the next number, writes its rows of the log under it and moves the counters of
//    the mailboxes it touches. IMAP's MODSEQ and JMAP's state are that number. On PostgreSQL the state row is locked before anything is read.
//  * Uids, email and mailbox numbers, UIDVALIDITY and keyword sets rise and never come again, whatever is deleted.
//  * An action touches about two thousand rows at most. Larger work is sliced, each slice an action with its own change number; what it relies on it
//    looks up inside the action.
//  * Quota counts an Email once, in the update that takes its number: nothing is written when it refuses.
//  * The shared index of a mailbox is immutable. Commits hand it deltas in commit order; a delta says which change number it follows.
//
// Locks: an account's gate in the view cache, then the cache's list of idle indexes; no database work under either.
// What this room must never do: decide about routing or authentication, parse a message (Mime does), hold a transaction over an await,
// show a membership's \Deleted as the Email's.

/// <summary>The mail of all accounts. One for a process.</summary>
public sealed class MailStore : IAsyncDisposable
{
    /// <summary>Memory for the indexes of mailboxes that nobody has open: about 1.6 million messages.</summary>
    public const long ViewsSizeBytesMax = 64 * 1024 * 1024;

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);

    private readonly Database _db;
    private readonly BlobStore _blobs;
    private readonly ViewCache _views;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly AccountIndexes _indexes;
    private readonly CancellationTokenSource _stop = new();
    private int _quotaEpoch;
    private Task _polling = Task.CompletedTask;

    private MailStore(Database db, Database? searchDb, BlobStore blobs, ViewCache views, TimeProvider time, ILogger log)
    {
        (_db, _blobs, _views, _time, _log) = (db, blobs, views, time, log);
        _indexes = new AccountIndexes(db, views);
        Emails = new Emails(db, blobs, views);
        Uploads = new Uploads(db, blobs, time);
        Mailboxes = new Mailboxes(db, Emails, views);
        Changes = new ChangeStream(db, views);
        Annotations = new Annotations(db, views);
        UrlKeys = new UrlKeys(db);
        Search = new SearchIndex(db, searchDb, blobs, views, time, log);
    }

    /// <summary>The tables. After the blobs' in the list of schemas.</summary>
    public static Schema Schema => StoreSchema.Schema;

    public Mailboxes Mailboxes { get; }

    public Emails Emails { get; }

    public ChangeStream Changes { get; }

    public Annotations Annotations { get; }

    public UrlKeys UrlKeys { get; }

    public SearchIndex Search { get; }

    public Uploads Uploads { get; }

    internal ViewCache Views => _views;

    /// <summary>
    /// Everything that the main database needs for mail. On SQLite the search index has a database of its own, with <see
    /// cref="SearchIndex.Schema"/>.
    /// </summary>
    public static IReadOnlyList<Schema> Schemas(DatabaseKind kind) => kind == DatabaseKind.Sqlite
        ? [BlobStore.Schema, Schema]
        : [BlobStore.Schema, Schema, SearchIndex.Schema];

    /// <param name="searchDb">The search index's own database; null when it lies in the main one, which only PostgreSQL does well.</param>
    public static async Task<MailStore> OpenAsync(
        Database db,
        Database? searchDb,
        BlobStore blobs,
        TimeProvider time,
        ILoggerFactory logs,
        CancellationToken ct)
    {
        var log = logs.CreateLogger("Posthorn.Store");
        var store = new MailStore(db, searchDb, blobs, new ViewCache(db, ViewsSizeBytesMax, log), time, log);
        await store.Mailboxes.FinishDeletesAsync(ct);
        await store.FinishRemovalsAsync(ct);
        await store.Search.Feed.StartAsync(ct);
        if (db.Kind == DatabaseKind.Postgres) store.FollowOtherNodes();
        return store;
    }

    /// <summary>
    /// Within the action that makes the account: its state, INBOX, Drafts, Sent, Junk, Trash and Archive, with their roles, subscribed.
    /// </summary>
    public void CreateAccount(Transaction tx, AccountId account, long? quotaBytes, long? quotaMessages) =>
        MailboxEdit.CreateAccount(tx, account, quotaBytes, quotaMessages);

    /// <summary>Stores and sums up a message that a client appends, for speakers that know no blobs.</summary>
    public ValueTask<StagedMessage> StageAsync(ReadOnlyMemory<byte> message, CancellationToken ct = default) =>
        StagedMessage.StageAsync(_blobs, message, ct);

    /// <summary>As the other, while the message still arrives: it is read to its end, in one pass and bounded memory.</summary>
    public ValueTask<StagedMessage> StageAsync(Stream message, CancellationToken ct = default) => StagedMessage.StageAsync(_blobs, message, ct);

    /// <summary>The octets of a message that was staged, before a mailbox knows of it.</summary>
    public async ValueTask<StoredMessage> OpenAsync(StagedMessage staged, CancellationToken ct = default) =>
        new(default, [], await _blobs.OpenAsync(staged.Blob, ct));

    /// <summary>All mailboxes of an account with their rows and counts, to be disposed; null when it has none.</summary>
    public ValueTask<AccountIndex?> OpenIndexAsync(AccountId account, CancellationToken ct = default) => _indexes.OpenAsync(account, ct);

    /// <summary>Null takes a limit away. What is over a new limit stays.</summary>
    public async ValueTask<Result<bool>> SetQuotaAsync(
        AccountId account, long? quotaBytes, long? quotaMessages, CancellationToken ct = default) =>
        await Refusing.Run(
            _db,
            tx =>
            {
                SetQuota(tx, account, quotaBytes, quotaMessages);
                return true;
            },
            ct);

    /// <summary>Within another room's action.</summary>
    /// <exception cref="RefusalException">The account has no mailboxes.</exception>
    public void SetQuota(Transaction tx, AccountId account, long? quotaBytes, long? quotaMessages)
    {
        tx.LockAccount(account);
        var rows = tx.Prepare("UPDATE account_state SET quota_bytes = $1, quota_messages = $2 WHERE account = $3")
            .Bind(quotaBytes).Bind(quotaMessages).Bind(account.Value).Execute();
        if (rows == 0) throw new RefusalException(new Refusal(RefusalKind.NotFound, "This account has no mailboxes"));
        tx.OnCommit(() => Interlocked.Increment(ref _quotaEpoch));
    }

    /// <summary>Another number after each change of a quota by this process: what was computed from a quota before is not true any more.</summary>
    public int QuotaEpoch => Volatile.Read(ref _quotaEpoch);

    /// <summary>Null when the account has no mailboxes.</summary>
    public ValueTask<QuotaUsage?> QuotaAsync(AccountId account, CancellationToken ct = default) =>
        _db.ReadAsync(db => Quota(db, account), ct);

    /// <summary>Within another room's action or read, for a decision before the message is taken.</summary>
    public QuotaUsage? Quota(Snapshot db, AccountId account)
    {
        using var rows = db.Prepare(
            "SELECT size_bytes, messages, quota_bytes, quota_messages FROM account_state WHERE account = $1 AND removed = 0")
            .Bind(account.Value).Query();
        return rows.Next() ? new QuotaUsage(rows.Int64(0), rows.Int64(1), rows.NullableInt64(2), rows.NullableInt64(3)) : null;
    }

    /// <summary>Deletes everything of the account, in slices; begun, it goes on after a restart. Its numbers are never used again.</summary>
    public async Task RemoveAccountAsync(AccountId account, CancellationToken ct = default)
    {
        await _db.WriteAsync(
            tx => tx.Prepare("UPDATE account_state SET removed = 1 WHERE account = $1").Bind(account.Value).Execute(), ct);
        _views.Forget(account);
        var emails = await new AccountRemoval(_db, _blobs).RunAsync(account, ct);
        Search.Feed.OnCommitted(account);
        Log.AccountPurged(_log, account.Value, emails);
    }

    /// <summary>Reads everything back and compares what is stored twice. The blobs' own bytes are <see cref="BlobStore"/>'s to verify.</summary>
    public Task<VerifyReport> VerifyAsync(CancellationToken ct = default) => new Verifier(_db).RunAsync(ct);

    /// <summary>The storage is not closed: whoever opened it closes it after this.</summary>
    public async ValueTask DisposeAsync()
    {
        await Search.Feed.DisposeAsync();
        await _stop.CancelAsync();
        _db.Notified -= OnNotified;
        _db.NotificationsLost -= OnNotificationsLost;
        await _polling;
        _stop.Dispose();
    }

    private async Task FinishRemovalsAsync(CancellationToken ct)
    {
        var removed = await _db.ReadAsync(
            db =>
            {
                var found = new List<AccountId>();
                using var rows = db.Prepare("SELECT account FROM account_state WHERE removed = 1").Query();
                while (rows.Next()) found.Add(new AccountId(rows.Int64(0)));
                return found;
            },
            ct);
        foreach (var account in removed) await RemoveAccountAsync(account, ct);
    }

    private void FollowOtherNodes()
    {
        _db.Notified += OnNotified;
        _db.NotificationsLost += OnNotificationsLost;
        _polling = PollAsync();
    }

    private void OnNotified(object? sender, Notification notification)
    {
        if (notification.Channel == ViewCache.Channel) _views.Hear(notification.Payload);
    }

    private void OnNotificationsLost(object? sender, EventArgs args) => _ = PollOnceAsync();

    private async Task PollAsync()
    {
        using var timer = new PeriodicTimer(PollInterval, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token)) await PollOnceAsync();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }

    private async Task PollOnceAsync()
    {
        try
        {
            await _views.PollAsync(_stop.Token);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            Log.PollFailed(_log, error.Message);
        }
    }
}
