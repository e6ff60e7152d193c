using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>What JMAP counts in one mailbox (RFC 8621 §2), kept up to date row by row. Guarded by its account's tallies.</summary>
internal sealed class MailboxTally
{
    private readonly Dictionary<uint, int> _threads = [];

    /// <summary>Emails that lie in more than one place: how many of their memberships are here, and whether they are unread.</summary>
    private readonly Dictionary<uint, (int Rows, bool Unread)> _shared = [];
    private long _single;
    private long _singleUnread;
    private long _sharedUnread;

    public MailboxSnapshot? Snapshot { get; set; }

    public bool IsTrash { get; set; }

    public long Emails => _single + _shared.Count;

    public long Unread => _singleUnread + _sharedUnread;

    public long Threads => _threads.Count;

    public long UnreadThreads { get; set; }

    public bool Has(uint thread) => _threads.ContainsKey(thread);

    /// <summary>The mailbox has got a first Email of a Thread, or lost its last one.</summary>
    /// <returns>0, or how the number of Threads has moved.</returns>
    public int Count(in EmailRow row, bool isShared, int sign)
    {
        var unread = IsUnread(row);
        if (isShared)
        {
            CountShared((uint)row.Email.Value, unread, sign);
        }
        else
        {
            _single += sign;
            if (unread) _singleUnread += sign;
        }

        var thread = (uint)row.Thread.Value;
        _threads.TryGetValue(thread, out var rows);
        rows += sign;
        if (rows == 0) _threads.Remove(thread);
        else _threads[thread] = rows;
        return rows == 0 ? -1 : rows == 1 && sign == 1 ? 1 : 0;
    }

    /// <summary>An Email that lay here alone has come to lie elsewhere, too.</summary>
    public void Share(in EmailRow row)
    {
        var unread = IsUnread(row);
        _single--;
        if (unread) _singleUnread--;
        CountShared((uint)row.Email.Value, unread, 1);
    }

    public void CountUnreadThreads(Dictionary<uint, int> unreadThreads)
    {
        UnreadThreads = 0;
        if (unreadThreads.Count < _threads.Count)
        {
            foreach (var thread in unreadThreads.Keys) UnreadThreads += _threads.ContainsKey(thread) ? 1 : 0;
        }
        else
        {
            foreach (var thread in _threads.Keys) UnreadThreads += unreadThreads.ContainsKey(thread) ? 1 : 0;
        }
    }

    /// <summary>RFC 8621 §2: neither $seen nor $draft.</summary>
    public static bool IsUnread(in EmailRow row) => (row.Bits & (uint)(SystemFlags.Seen | SystemFlags.Draft)) == 0;

    private void CountShared(uint email, bool unread, int sign)
    {
        _shared.TryGetValue(email, out var before);
        var rows = before.Rows + sign;
        if (before is { Rows: > 0, Unread: true }) _sharedUnread--;
        if (rows == 0)
        {
            _shared.Remove(email);
            return;
        }

        // All memberships of an Email have the same flags; while some are counted and others not, the last one counted speaks.
        unread = sign > 0 ? unread : before.Unread;
        _shared[email] = (rows, unread);
        if (unread) _sharedUnread++;
    }
}
