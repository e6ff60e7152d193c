using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>The selected mailbox as this session's client knows it.</summary>
/// <remarks>
/// <see cref="Known"/> is the snapshot that the client's message numbers count. It is replaced by <see cref="Announcer"/> alone, after
/// everything between it and the present was written. Flags are always read from the present (<see cref="Fresh"/>): a number never
/// moves unannounced, a flag is never stale. What the client has learned of flags since, by a FETCH or its own STORE, is noted row by
/// row, so that the announcement names every message whose flags are not what the client believes, and no other.
/// </remarks>
internal sealed class SelectedMailbox(MailboxView view, string path, bool readOnly) : IDisposable
{
    /// <summary>What no message has: noted where nobody can say what the client believes.</summary>
    public static readonly MessageFlags UnknownFlags = new((SystemFlags)255, -1);

    public MailboxView View => view;

    public string Path => path;

    /// <summary>Opened by EXAMINE.</summary>
    public bool ReadOnly => readOnly;

    // By UID, rising. One range for as long as no other session takes some.
    private readonly List<NumberRange> _recent = [];
    private uint _recentFrom = uint.MaxValue;

    // By row of Known, where the client was told other flags than stand there.
    private Dictionary<int, MessageFlags>? _told;

    public MailboxSnapshot Known { get; private set; } = view.Current;

    /// <summary>Keywords that the last FLAGS response named; the client is told again when there are others.</summary>
    public int KeywordsTold { get; set; }

    /// <summary>Messages of <see cref="Known"/> of which this session is the first to be told (RFC 3501 §2.3.2).</summary>
    public int RecentCount
    {
        get
        {
            var count = 0;
            foreach (var range in _recent) count += Before(range.Last) - AtOrAfter(range.First) + 1;
            return count;
        }
    }

    public MailboxId Id => Known.Mailbox;

    public int Count => Known.Count;

    /// <summary>What <c>*</c> means among UIDs; 0 when the mailbox is empty.</summary>
    public uint LastUid => Known.Count == 0 ? 0 : Known[Known.Count - 1].Uid.Value;

    /// <summary>RFC 9051 §9 seq-number: a number beyond the mailbox, or a star in an empty one, is a fault of the client.</summary>
    public bool Holds(SequenceSet set) => Count > 0 && set.LargestWritten <= (uint)Count;

    /// <summary>
    /// The rows that a set names. False for message numbers that do not exist; UIDs that do not exist are passed over (RFC 9051
    /// §6.4.9).
    /// </summary>
    public bool TryFind(SequenceSet set, bool byUid, out RowSet rows)
    {
        rows = RowSet.Empty;
        if (!byUid && !Holds(set)) return false;
        var ranges = new List<IndexRange>();
        foreach (var (first, last) in set.Resolve(byUid ? LastUid : (uint)Count))
        {
            var low = byUid ? AtOrAfter(first) : (int)first - 1;
            var high = byUid ? Before(last) : (int)last - 1;
            if (low > high) continue;
            if (ranges.Count > 0 && ranges[^1].Last + 1 == low) ranges[^1] = ranges[^1] with { Last = high };
            else ranges.Add(new IndexRange(low, high));
        }
        rows = new RowSet(ranges);
        return true;
    }

    public List<Uid> Uids(RowSet rows)
    {
        var uids = new List<Uid>(rows.Count);
        foreach (var range in rows.Ranges)
        {
            for (var i = range.First; i <= range.Last; i++) uids.Add(Known[i].Uid);
        }
        return uids;
    }

    /// <summary>A row of <see cref="Known"/> as it is in the present; as it was last, when it has been expunged.</summary>
    public EmailRow Fresh(MailboxSnapshot present, int index)
    {
        ref readonly var row = ref Known[index];
        if (ReferenceEquals(present, Known)) return row;
        // Without expunges below it a row stands where it stood.
        if (index < present.Count && present[index].Uid == row.Uid) return present[index];
        var at = present.IndexOf(row.Uid);
        return at < 0 ? row : present[at];
    }

    /// <summary>Takes what no session has been told of, before the client is told how many messages there are.</summary>
    public void ClaimRecent()
    {
        var (from, to) = readOnly ? view.PeekRecent() : view.ClaimRecent();
        if (from.Value >= to.Value) return;
        var last = to.Value - 1;
        _recentFrom = Math.Min(_recentFrom, from.Value);
        if (_recent.Count > 0 && from.Value <= _recent[^1].Last + 1) _recent[^1] = _recent[^1] with { Last = Math.Max(last, _recent[^1].Last) };
        else _recent.Add(new NumberRange(from.Value, last));
    }

    public bool IsRecent(Uid uid) => uid.Value >= _recentFrom && IsInRecent(uid.Value);

    /// <summary>As <see cref="Fresh"/>, for a reply that shows the flags.</summary>
    public EmailRow Tell(MailboxSnapshot present, int index)
    {
        var row = Fresh(present, index);
        if (!ReferenceEquals(present, Known) || _told is not null) Note(index, row.Flags);
        return row;
    }

    /// <summary>The flags that the client believes a row to have.</summary>
    public MessageFlags Told(int index) => _told is not null && _told.TryGetValue(index, out var flags) ? flags : Known[index].Flags;

    public void Note(int index, MessageFlags flags)
    {
        if (flags != Told(index)) (_told ??= [])[index] = flags;
    }

    /// <summary>The client is being told of everything up to this snapshot. What it knew before comes back.</summary>
    public (MailboxSnapshot Before, IReadOnlyDictionary<int, MessageFlags>? Told) Advance(MailboxSnapshot present)
    {
        var (before, told) = (Known, _told);
        (Known, _told) = (present, null);
        return (before, told);
    }

    public void Dispose() => view.Dispose();

    private bool IsInRecent(uint uid)
    {
        for (var i = _recent.Count - 1; i >= 0; i--)
        {
            if (uid >= _recent[i].First) return uid <= _recent[i].Last;
        }
        return false;
    }

    private int AtOrAfter(uint uid)
    {
        var at = Known.IndexOf(new Uid(uid));
        return at < 0 ? ~at : at;
    }

    private int Before(uint uid)
    {
        var at = Known.IndexOf(new Uid(uid));
        return at < 0 ? ~at - 1 : at;
    }
}
