using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>The counts of all mailboxes of one account, brought up to date by the difference between snapshots.</summary>
internal sealed class AccountTallies
{
    /// <summary>Changed rows from which on the unread Threads are counted anew instead of one by one.</summary>
    private const int StepsMax = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<MailboxId, MailboxTally> _mailboxes = [];

    /// <summary>Emails of which some row says that they lie in several places. Once here, an Email stays.</summary>
    private readonly HashSet<uint> _shared = [];

    /// <summary>By Thread, the unread memberships outside of the trash, and in it (RFC 8621 §2 counts them apart).</summary>
    private readonly Dictionary<uint, int> _unread = [];
    private readonly Dictionary<uint, int> _unreadInTrash = [];
    private int _steps;
    private bool _stale;

    /// <summary>Rows that this holds in some form.</summary>
    public long Rows { get; private set; }

    /// <summary>The counts of the mailboxes as the snapshots have them.</summary>
    public IReadOnlyList<MailboxCounts> Update(IReadOnlyList<(Mailbox Mailbox, MailboxSnapshot Snapshot)> mailboxes)
    {
        lock (_gate)
        {
            (_steps, _stale) = (0, false);
            foreach (var gone in _mailboxes.Keys.Except(mailboxes.Select(static m => m.Mailbox.Id)).ToList()) Forget(gone);
            foreach (var (mailbox, snapshot) in mailboxes) Bring(mailbox, snapshot);
            if (_stale)
            {
                foreach (var tally in _mailboxes.Values) tally.CountUnreadThreads(tally.IsTrash ? _unreadInTrash : _unread);
            }

            Rows = mailboxes.Sum(static m => (long)m.Snapshot.Count);
            return [.. mailboxes.Select(m => CountsOf(_mailboxes[m.Mailbox.Id]))];
        }
    }

    /// <summary>Whether an Email may lie in several places, by the newest snapshots.</summary>
    public bool IsShared(EmailId email)
    {
        lock (_gate) return _shared.Contains((uint)email.Value);
    }

    private static MailboxCounts CountsOf(MailboxTally tally) => new(tally.Emails, tally.Unread, tally.Threads, tally.UnreadThreads);

    private void Forget(MailboxId mailbox)
    {
        var tally = _mailboxes[mailbox];
        if (tally.Snapshot is { } last) All(tally, last, -1);
        _mailboxes.Remove(mailbox);
    }

    private void Bring(Mailbox mailbox, MailboxSnapshot snapshot)
    {
        var isTrash = mailbox.Role == MailboxRole.Trash;
        if (_mailboxes.TryGetValue(mailbox.Id, out var tally) && tally.IsTrash != isTrash)
        {
            Forget(mailbox.Id);
            tally = null;
        }

        if (tally is null) _mailboxes[mailbox.Id] = tally = new MailboxTally { IsTrash = isTrash };
        if (ReferenceEquals(tally.Snapshot, snapshot)) return;
        if (tally.Snapshot is not { } last || last.UidValidity != snapshot.UidValidity)
        {
            Share(snapshot, 0);
            All(tally, snapshot, 1);
        }
        else if (last.HighestModSeq < snapshot.HighestModSeq)
        {
            Step(tally, last, snapshot);
        }
        else
        {
            return; // another request has brought it further than this one has looked
        }

        tally.Snapshot = snapshot;
    }

    private void Step(MailboxTally tally, MailboxSnapshot last, MailboxSnapshot now)
    {
        var diff = MailboxSnapshot.Diff(last, now);
        Share(now, diff.FirstNew);
        foreach (var index in diff.Changed)
        {
            var was = last.IndexOf(now[index].Uid);
            if (was >= 0) Count(tally, last[was], -1);
            Count(tally, now[index], 1);
        }

        foreach (var index in diff.Expunged) Count(tally, last[index], -1);
        for (var index = diff.FirstNew; index < now.Count; index++) Count(tally, now[index], 1);
    }

    private void All(MailboxTally tally, MailboxSnapshot snapshot, int sign)
    {
        _stale |= snapshot.Count > StepsMax;
        for (var i = 0; i < snapshot.ChunkCount; i++)
        {
            foreach (ref readonly var row in snapshot.Chunk(i)) Count(tally, row, sign);
        }
    }

    private void Count(MailboxTally tally, in EmailRow row, int sign)
    {
        if (row.IsDeleted) return;
        if (++_steps > StepsMax) _stale = true;
        var thread = (uint)row.Thread.Value;
        var unread = tally.IsTrash ? _unreadInTrash : _unread;
        var moved = tally.Count(row, _shared.Contains((uint)row.Email.Value), sign);
        if (!_stale && moved != 0 && unread.ContainsKey(thread)) tally.UnreadThreads += moved;
        if (!MailboxTally.IsUnread(row)) return;
        unread.TryGetValue(thread, out var before);
        var after = before + sign;
        if (after == 0) unread.Remove(thread);
        else unread[thread] = after;
        if (_stale || (before != 0 && after != 0)) return;
        foreach (var other in _mailboxes.Values)
        {
            if (other.IsTrash == tally.IsTrash && other.Has(thread)) other.UnreadThreads += after == 0 ? -1 : 1;
        }
    }

    // A COPY marks the copy in its row; the row that it was made from may still say that it is alone.
    private void Share(MailboxSnapshot snapshot, int from)
    {
        HashSet<uint>? found = null;
        for (var index = from; index < snapshot.Count; index++)
        {
            ref readonly var row = ref snapshot[index];
            if (row.MayLieElsewhere && _shared.Add((uint)row.Email.Value)) (found ??= []).Add((uint)row.Email.Value);
        }

        if (found is null) return;
        foreach (var tally in _mailboxes.Values)
        {
            if (tally.Snapshot is not { } counted) continue;
            for (var i = 0; i < counted.ChunkCount; i++)
            {
                foreach (ref readonly var row in counted.Chunk(i))
                {
                    if (!row.IsDeleted && found.Contains((uint)row.Email.Value)) tally.Share(row);
                }
            }
        }
    }
}

/// <summary>RFC 8621 §2. Emails that lie in a mailbox twice count once, \Deleted ones not at all.</summary>
public readonly record struct MailboxCounts(long Emails, long UnreadEmails, long Threads, long UnreadThreads);
