using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>
/// The rows of all mailboxes of an account in memory, for queries and counts: a lease, to be disposed. Everything that was committed up to
/// <see cref="State"/> is in it; later changes may be.
/// </summary>
public sealed class AccountIndex : IDisposable
{
    private readonly List<MailboxView> _views;
    private readonly AccountTallies _tallies;

    internal AccountIndex(AccountState state, List<MailboxView> views, IReadOnlyList<IndexedMailbox> mailboxes, AccountTallies tallies) =>
        (State, _views, Mailboxes, _tallies) = (state, views, mailboxes, tallies);

    public AccountState State { get; }

    /// <summary>All mailboxes, INBOX first, then by path.</summary>
    public IReadOnlyList<IndexedMailbox> Mailboxes { get; }

    /// <summary>Every set that a row names is in it.</summary>
    public KeywordSets Keywords => _views.Count == 0 ? KeywordSets.Empty : _views[0].Keywords;

    /// <summary>False means that the Email has this one membership only.</summary>
    public bool MayLieElsewhere(in EmailRow row) => row.MayLieElsewhere || _tallies.IsShared(row.Email);

    public IndexedMailbox? Find(MailboxId mailbox)
    {
        foreach (var one in Mailboxes)
        {
            if (one.Mailbox.Id == mailbox) return one;
        }

        return null;
    }

    public void Dispose() => _views.ForEach(static view => view.Dispose());
}

/// <summary>One mailbox of an <see cref="AccountIndex"/>.</summary>
public sealed record IndexedMailbox(Mailbox Mailbox, MailboxSnapshot Snapshot, MailboxCounts Counts);

/// <summary>Opens indexes, and keeps what was counted for the next one. One for a process.</summary>
internal sealed class AccountIndexes(Database db, ViewCache views)
{
    /// <summary>Rows whose counts are kept, over all accounts: some thirty bytes each.</summary>
    private const long RowsKeptMax = 2_000_000;

    /// <summary>Looks at commits that are on disk and not yet in memory, before the log is read for them.</summary>
    private const int PatienceRounds = 50;

    private readonly Lock _gate = new();
    private readonly LinkedList<(AccountId Account, AccountTallies Tallies)> _recent = new();
    private readonly Dictionary<AccountId, LinkedListNode<(AccountId Account, AccountTallies Tallies)>> _kept = [];

    /// <returns>Null when the account has no mailboxes.</returns>
    public async ValueTask<AccountIndex?> OpenAsync(AccountId account, CancellationToken ct)
    {
        for (var round = 0; ; round++)
        {
            var (state, list) = await db.ReadAsync(snapshot => (AccountState.Read(snapshot, account), MailboxRows.List(snapshot, account)), ct);
            if (state is not { } now) return null;
            var leases = new List<MailboxView>(list.Count);
            try
            {
                foreach (var mailbox in list)
                {
                    if (await views.OpenAsync(account, mailbox.Id, ct) is { } view) leases.Add(view);
                }

                if (leases.Count == list.Count && await CatchUpAsync(account, list, leases, round)) return Make(account, now, list, leases);
            }
            catch
            {
                leases.ForEach(static view => view.Dispose());
                throw;
            }

            leases.ForEach(static view => view.Dispose());
        }
    }

    // A commit is on disk a moment before it is in the views, and another node's comes by the log.
    private async ValueTask<bool> CatchUpAsync(AccountId account, List<Mailbox> list, List<MailboxView> leases, int round)
    {
        for (var turn = 0; turn < PatienceRounds; turn++)
        {
            if (IsCaughtUp(list, leases)) return true;
            if (leases.Exists(static view => view.IsGone)) return false;
            if (turn > PatienceRounds / 2 || round > 0) await views.RefreshAsync(account);
            else await Task.Yield();
        }

        return round > PatienceRounds ? throw new InvalidOperationException("The index does not follow the database") : false;
    }

    private static bool IsCaughtUp(List<Mailbox> list, List<MailboxView> leases)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (leases[i].Current.HighestModSeq < list[i].HighestModSeq) return false;
        }

        return true;
    }

    private AccountIndex Make(AccountId account, AccountState state, List<Mailbox> list, List<MailboxView> leases)
    {
        var tallies = TalliesOf(account);
        var pairs = new List<(Mailbox Mailbox, MailboxSnapshot Snapshot)>(list.Count);
        for (var i = 0; i < list.Count; i++) pairs.Add((list[i], leases[i].Current));
        var counts = tallies.Update(pairs);
        Evict();
        var mailboxes = new IndexedMailbox[list.Count];
        for (var i = 0; i < mailboxes.Length; i++) mailboxes[i] = new IndexedMailbox(pairs[i].Mailbox, pairs[i].Snapshot, counts[i]);
        return new AccountIndex(state, leases, mailboxes, tallies);
    }

    private AccountTallies TalliesOf(AccountId account)
    {
        lock (_gate)
        {
            if (!_kept.TryGetValue(account, out var node)) _kept[account] = node = new((account, new AccountTallies()));
            else _recent.Remove(node);
            _recent.AddLast(node);
            return node.Value.Tallies;
        }
    }

    private void Evict()
    {
        lock (_gate)
        {
            var rows = _recent.Sum(static kept => kept.Tallies.Rows);
            while (rows > RowsKeptMax && _recent.Count > 1)
            {
                var (account, tallies) = _recent.First!.Value;
                rows -= tallies.Rows;
                _recent.RemoveFirst();
                _kept.Remove(account);
            }
        }
    }
}
