using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>A lease on the shared index of one mailbox, from SELECT to CLOSE. Costs a session some hundred bytes.</summary>
public sealed class MailboxView : IDisposable
{
    private readonly ViewCache _cache;
    private readonly CachedMailbox _cached;
    private bool _disposed;

    internal MailboxView(ViewCache cache, CachedMailbox cached) => (_cache, _cached) = (cache, cached);

    public AccountId Account => _cached.Account.Id;

    public MailboxId Mailbox => _cached.Mailbox;

    /// <summary>The newest snapshot: compare it by reference with the one in hand to see whether anything has happened.</summary>
    public MailboxSnapshot Current => _cached.Snapshot!;

    /// <summary>The account's keyword sets; every set that a row of <see cref="Current"/> names is in it.</summary>
    public KeywordSets Keywords => _cached.Account.Keywords;

    /// <summary>The mailbox has been deleted; <see cref="Current"/> is its last state.</summary>
    public bool IsGone => _cached.IsGone;

    /// <summary>
    /// Takes the messages that no session has been told of yet, for \Recent (RFC 3501 §2.3.2): from the first uid to before the second.
    /// A restart forgets who was told.
    /// </summary>
    public (Uid From, Uid To) ClaimRecent() => _cache.Recent(_cached, claims: true);

    /// <summary>As <see cref="ClaimRecent"/>, but leaves them to others, as EXAMINE must.</summary>
    public (Uid From, Uid To) PeekRecent() => _cache.Recent(_cached, claims: false);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _cache.Release(_cached);
    }
}

/// <summary>One account's open mailboxes and listeners. Its gate guards everything in it and is held only for work in memory.</summary>
internal sealed class AccountViews(AccountId id)
{
    private volatile KeywordSets _keywords = KeywordSets.Empty;

    public AccountId Id { get; } = id;

    public Lock Gate { get; } = new();

    public Dictionary<MailboxId, CachedMailbox> Mailboxes { get; } = [];

    public List<ChangeSubscription> Listeners { get; } = [];

    public KeywordSets Keywords
    {
        get => _keywords;
        set => _keywords = value;
    }

    /// <summary>The newest change number that this process has seen.</summary>
    public ModSeq Seen { get; set; }

    /// <summary>Taken out of the cache: whoever still holds it looks the account up again.</summary>
    public bool IsRetired { get; set; }

    public bool IsRefreshing { get; set; }

    /// <summary>The refresh under way, or the last one.</summary>
    public Task Refreshing { get; set; } = Task.CompletedTask;

    public bool MustRefreshAgain { get; set; }

    public void Signal(bool mailboxesChanged, IReadOnlyList<MailboxDelta>? deltas)
    {
        foreach (var listener in Listeners)
        {
            if (deltas is null || listener.Cares(mailboxesChanged, deltas)) listener.Signal();
        }
    }
}

/// <summary>The shared index of one mailbox. Guarded by its account's gate; <see cref="Snapshot"/> may be read without.</summary>
internal sealed class CachedMailbox(AccountViews account, MailboxId mailbox)
{
    private readonly List<MailboxDelta> _parked = [];
    private volatile MailboxSnapshot? _snapshot;
    private volatile bool _gone;

    public AccountViews Account { get; } = account;

    public MailboxId Mailbox { get; } = mailbox;

    public MailboxSnapshot? Snapshot => _snapshot;

    public bool IsGone => _gone;

    public int Leases { get; set; }

    /// <summary>Set while somebody loads the snapshot; false comes out of it when there is no such mailbox.</summary>
    public TaskCompletionSource<bool>? Loading { get; set; }

    public Uid RecentFrom { get; set; }

    /// <summary>Its place among the idle ones, guarded by the cache's own lock.</summary>
    public LinkedListNode<CachedMailbox>? Idle { get; set; }

    public long IdleSize { get; set; }

    /// <summary>A delta is waiting for one that has not come: another node's, which the log will tell.</summary>
    public bool HasGap => _parked.Count > 0;

    public void MarkGone() => _gone = true;

    /// <summary>What the database says; commits that came meanwhile follow.</summary>
    public void Install(MailboxSnapshot snapshot)
    {
        if (_snapshot is null) RecentFrom = snapshot.UidNext;
        if (_snapshot is null || _snapshot.HighestModSeq < snapshot.HighestModSeq) _snapshot = snapshot;
        Unpark();
    }

    public void Take(MailboxDelta delta)
    {
        if (_snapshot is null || (delta.Before != _snapshot.HighestModSeq && delta.ModSeq > _snapshot.HighestModSeq))
        {
            _parked.Add(delta);
            return;
        }

        if (delta.ModSeq <= _snapshot.HighestModSeq) return;
        _snapshot = _snapshot.Apply(delta);
        if (_parked.Count > 0) Unpark();
    }

    private void Unpark()
    {
        if (_parked.Count == 0) return;
        MailboxDelta[] parked = [.. _parked.OrderBy(d => d.ModSeq.Value)];
        _parked.Clear();
        foreach (var delta in parked) Take(delta);
    }
}
