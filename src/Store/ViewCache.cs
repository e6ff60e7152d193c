using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>
/// The shared indexes of mailboxes. Those that a session has open stay; the others stay while the memory budget lasts, the longest unused go first.
/// Commits of this process come as deltas in commit order; a delta fits only the snapshot that it was made on, so one that comes early waits, and
/// what
/// another node has written is read from the change log.
/// </summary>
/// <remarks>Locks: an account's gate, then the list of the idle ones. Nothing is read from the database under either.</remarks>
internal sealed class ViewCache(Database db, long budgetBytes, ILogger log)
{
    public const string Channel = "posthorn_store";

    private const string StateSql = "SELECT modseq FROM account_state WHERE account = $1 AND removed = 0";

    private readonly ConcurrentDictionary<long, AccountViews> _accounts = new();
    private readonly LinkedList<CachedMailbox> _idle = new();
    private readonly Lock _idleGate = new();
    private long _idleBytes;

    /// <summary>After each commit of this process, or news of another's: for feeds that follow every account. Must not block.</summary>
    public event Action<AccountId>? Committed;

    public IEnumerable<AccountId> Accounts => _accounts.Keys.Select(k => new AccountId(k));

    internal long IdleBytes => Volatile.Read(ref _idleBytes);

    public async ValueTask<MailboxView?> OpenAsync(AccountId account, MailboxId mailbox, CancellationToken ct)
    {
        var cached = Lease(account, mailbox, out var loading, out var mustLoad);
        try
        {
            if (mustLoad) await LoadAsync(cached, loading!);
            if (loading is not null && !await loading.Task.WaitAsync(ct))
            {
                Release(cached);
                return null;
            }

            return new MailboxView(this, cached);
        }
        catch
        {
            Release(cached);
            throw;
        }
    }

    public void Apply(CommitNews news)
    {
        if (_accounts.TryGetValue(news.Account.Value, out var views))
        {
            var gap = false;
            lock (views.Gate)
            {
                // A number that does not follow leaves a hole: another node's change, of which its notification will tell.
                if (views.Seen.Value + 1 == news.ModSeq.Value) views.Seen = news.ModSeq;
                if (news.KeywordSets.Count > 0) views.Keywords = views.Keywords.With(news.KeywordSets);
                foreach (var delta in news.Deltas)
                {
                    if (!views.Mailboxes.TryGetValue(delta.Mailbox, out var cached)) continue;
                    cached.Take(delta);
                    gap |= cached.HasGap && cached.Snapshot is not null;
                    if (cached.Idle is not null) Resize(cached);
                }

                foreach (var mailbox in news.Gone)
                {
                    if (views.Mailboxes.TryGetValue(mailbox, out var cached)) cached.MarkGone();
                }

                views.Signal(news.MailboxesChanged, news.Deltas);
            }

            if (gap) _ = StartRefresh(views);
        }

        Committed?.Invoke(news.Account);
    }

    /// <summary>
    /// Ends when what was committed here before the call is in the open mailboxes of the account. A commit waits behind one of another node, and
    /// behind one whose outcome the connection took with it, until the log was read; whoever acknowledges it must not be asked about it before.
    /// </summary>
    public Task CatchUpAsync(AccountId account)
    {
        if (!_accounts.TryGetValue(account.Value, out var views)) return Task.CompletedTask;
        lock (views.Gate)
        {
            var gap = false;
            foreach (var cached in views.Mailboxes.Values) gap |= cached.HasGap && cached.Snapshot is not null;
            if (!gap) return Task.CompletedTask;
        }

        return StartRefresh(views);
    }

    /// <summary>Reads the database for whatever of the account is open here.</summary>
    public Task RefreshAsync(AccountId account) =>
        _accounts.TryGetValue(account.Value, out var views) ? StartRefresh(views) : Task.CompletedTask;

    /// <summary>Another node has changed the account: whatever is open here reads the log.</summary>
    public void Hear(string payload)
    {
        var parts = payload.Split(' ');
        if (parts.Length != 3 || !long.TryParse(parts[0], out var account) || !long.TryParse(parts[1], out var modSeq)) return;
        if (_accounts.TryGetValue(account, out var views))
        {
            bool known;
            lock (views.Gate) known = views.Seen.Value >= modSeq;
            if (!known) _ = StartRefresh(views);
        }

        Committed?.Invoke(new AccountId(account));
    }

    /// <summary>The account is no more: its open mailboxes are gone.</summary>
    public void Forget(AccountId account)
    {
        if (!_accounts.TryGetValue(account.Value, out var views)) return;
        lock (views.Gate)
        {
            foreach (var cached in views.Mailboxes.Values) cached.MarkGone();
            views.Signal(true, null);
        }
    }

    /// <summary>Compares what is open here with the database: for notifications that were lost.</summary>
    public async Task PollAsync(CancellationToken ct)
    {
        AccountViews[] accounts = [.. _accounts.Values];
        var behind = await db.ReadAsync(
            snapshot => accounts.Where(v =>
                (snapshot.Prepare(StateSql).Bind(v.Id.Value).Scalar() ?? long.MaxValue) > v.Seen.Value).ToList(),
            ct);
        foreach (var views in behind)
        {
            _ = StartRefresh(views);
            Committed?.Invoke(views.Id);
        }
    }

    public void AddListener(ChangeSubscription subscription)
    {
        while (true)
        {
            var views = Of(subscription.Account);
            lock (views.Gate)
            {
                if (views.IsRetired) continue;
                views.Listeners.Add(subscription);
                return;
            }
        }
    }

    public void RemoveListener(ChangeSubscription subscription)
    {
        if (!_accounts.TryGetValue(subscription.Account.Value, out var views)) return;
        lock (views.Gate)
        {
            views.Listeners.Remove(subscription);
            RetireIfUnused(views);
        }
    }

    /// <summary>Listeners of an account, or of all, look again: something has changed that has no change number.</summary>
    public void Wake(AccountId? account)
    {
        foreach (var views in _accounts.Values.Where(views => account is null || views.Id == account))
        {
            lock (views.Gate) views.Signal(true, null);
        }
    }

    public (Uid From, Uid To) Recent(CachedMailbox cached, bool claims)
    {
        lock (cached.Account.Gate)
        {
            var (from, to) = (cached.RecentFrom, cached.Snapshot!.UidNext);
            if (claims) cached.RecentFrom = to;
            return (from, to);
        }
    }

    /// <summary>Messages that no session has been told of; of a mailbox that is not in memory nobody knows.</summary>
    public int CountRecent(AccountId account, MailboxId mailbox)
    {
        if (!_accounts.TryGetValue(account.Value, out var views)) return 0;
        lock (views.Gate)
        {
            if (!views.Mailboxes.TryGetValue(mailbox, out var cached) || cached.Snapshot is not { } snapshot) return 0;
            var first = snapshot.IndexOf(cached.RecentFrom);
            return snapshot.Count - (first < 0 ? ~first : first);
        }
    }

    public void Release(CachedMailbox cached)
    {
        lock (cached.Account.Gate)
        {
            if (--cached.Leases > 0) return;
            if (cached.Snapshot is null || cached.IsGone)
            {
                Drop(cached);
                return;
            }

            lock (_idleGate)
            {
                cached.IdleSize = cached.Snapshot.SizeInMemory;
                cached.Idle = _idle.AddLast(cached);
                _idleBytes += cached.IdleSize;
            }
        }

        Evict();
    }

    private AccountViews Of(AccountId account) => _accounts.GetOrAdd(account.Value, static id => new AccountViews(new AccountId(id)));

    /// <param name="loading">Null when the snapshot is there; else what its loader, perhaps the caller, will complete.</param>
    private CachedMailbox Lease(AccountId account, MailboxId mailbox, out TaskCompletionSource<bool>? loading, out bool mustLoad)
    {
        while (true)
        {
            var views = Of(account);
            lock (views.Gate)
            {
                if (views.IsRetired) continue;
                if (!views.Mailboxes.TryGetValue(mailbox, out var cached) || cached.IsGone)
                {
                    cached = views.Mailboxes[mailbox] = new CachedMailbox(views, mailbox);
                }

                cached.Leases++;
                lock (_idleGate) TakeFromIdle(cached);
                mustLoad = cached.Snapshot is null && cached.Loading is null;
                if (mustLoad) cached.Loading = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
                loading = cached.Loading;
                return cached;
            }
        }
    }

    private async Task LoadAsync(CachedMailbox cached, TaskCompletionSource<bool> loading)
    {
        try
        {
            var account = cached.Account;
            var (snapshot, sets, modSeq) = await db.ReadAsync(snapshot => (
                MembershipRows.Load(snapshot, account.Id, cached.Mailbox),
                KeywordTable.Load(snapshot, account.Id),
                snapshot.Prepare(StateSql).Bind(account.Id.Value).Scalar() ?? 0));
            lock (account.Gate)
            {
                if (snapshot is not null)
                {
                    account.Keywords = account.Keywords.With(sets);
                    if (account.Mailboxes.Count == 1 && account.Seen.Value < modSeq) account.Seen = new ModSeq(modSeq);
                    cached.Install(snapshot);
                }

                cached.Loading = snapshot is null ? loading : null;
            }

            loading.SetResult(snapshot is not null);
        }
        catch (Exception error)
        {
            lock (cached.Account.Gate) cached.Loading = null;
            loading.SetException(error);
            _ = loading.Task.Exception;
            throw;
        }
    }

    /// <summary>What is returned ends after a read of the database that began after this call.</summary>
    private Task StartRefresh(AccountViews views)
    {
        lock (views.Gate)
        {
            if (views.IsRefreshing)
            {
                views.MustRefreshAgain = true;
                return views.Refreshing;
            }

            views.IsRefreshing = true;
            return views.Refreshing = RefreshAsync(views);
        }
    }

    private async Task RefreshAsync(AccountViews views)
    {
        // The caller is a commit or a notification: it must not wait for a read.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var again = true;
        while (again)
        {
            try
            {
                await CatchUpAsync(views);
            }
            catch (Exception error)
            {
                Log.RefreshFailed(log, views.Id.Value, error);
            }

            lock (views.Gate)
            {
                again = views.MustRefreshAgain;
                views.MustRefreshAgain = false;
                views.IsRefreshing = again;
            }
        }
    }

    private async Task CatchUpAsync(AccountViews views)
    {
        List<(CachedMailbox Cached, MailboxSnapshot Snapshot)> open;
        lock (views.Gate)
        {
            open = [.. views.Mailboxes.Values.Where(m => m.Snapshot is not null && !m.IsGone).Select(m => (m, m.Snapshot!))];
        }

        var (modSeq, sets, found) = await db.ReadAsync(snapshot => (
            snapshot.Prepare(StateSql).Bind(views.Id.Value).Scalar() ?? 0,
            KeywordTable.Load(snapshot, views.Id),
            open.Select(o => LogReplay.CatchUp(snapshot, views.Id, o.Snapshot)).ToList()));
        lock (views.Gate)
        {
            views.Keywords = views.Keywords.With(sets);
            if (views.Seen.Value < modSeq) views.Seen = new ModSeq(modSeq);
            for (var i = 0; i < open.Count; i++)
            {
                if (found[i] is { } current) open[i].Cached.Install(current);
                else open[i].Cached.MarkGone();
                if (open[i].Cached.Idle is not null) Resize(open[i].Cached);
            }

            views.Signal(true, null);
        }
    }

    private void Resize(CachedMailbox cached)
    {
        lock (_idleGate)
        {
            if (cached.Idle is null) return;
            var size = cached.Snapshot!.SizeInMemory;
            _idleBytes += size - cached.IdleSize;
            cached.IdleSize = size;
        }
    }

    private void TakeFromIdle(CachedMailbox cached)
    {
        if (cached.Idle is null) return;
        _idle.Remove(cached.Idle);
        cached.Idle = null;
        _idleBytes -= cached.IdleSize;
    }

    private void Evict()
    {
        while (true)
        {
            CachedMailbox? oldest;
            lock (_idleGate)
            {
                oldest = _idleBytes > budgetBytes ? _idle.First?.Value : null;
                if (oldest is null) return;
                TakeFromIdle(oldest);
            }

            lock (oldest.Account.Gate)
            {
                if (oldest.Leases == 0) Drop(oldest);
            }
        }
    }

    private void Drop(CachedMailbox cached)
    {
        var mailboxes = cached.Account.Mailboxes;
        if (mailboxes.TryGetValue(cached.Mailbox, out var current) && ReferenceEquals(current, cached)) mailboxes.Remove(cached.Mailbox);
        RetireIfUnused(cached.Account);
    }

    private void RetireIfUnused(AccountViews views)
    {
        if (views.Mailboxes.Count > 0 || views.Listeners.Count > 0) return;
        views.IsRetired = true;
        _accounts.TryRemove(new KeyValuePair<long, AccountViews>(views.Id.Value, views));
    }
}
