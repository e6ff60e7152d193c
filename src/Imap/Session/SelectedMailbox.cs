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

    // The result of the last SEARCH that was to be saved, by UID.
    private List<NumberRange> _saved = [];

    // By row of Known, where the client was told something else than stands there.
    private Dictionary<int, Told>? _told;

    private SearchContexts? _contexts;

    /// <summary>Searches that the client follows.</summary>
    public SearchContexts Contexts => _contexts ??= new SearchContexts();

    public bool HasContexts => _contexts is { IsEmpty: false };

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
    public bool Holds(SequenceSet set) => set.IsSaved || (Count > 0 && set.LargestWritten <= (uint)Count);

    /// <summary>Keeps a search result for <c>$</c> (RFC 5182 §2.1).</summary>
    /// <param name="rows">Rising.</param>
    public void Save(IEnumerable<int> rows) => _saved = UidsOf(RowSet.Of(rows));

    /// <summary>The UIDs that a set names now. Ranges reach over UIDs that no message has: they will never have one.</summary>
    public List<NumberRange> UidsOf(SequenceSet set, bool byUid)
    {
        if (set.IsSaved) return _saved;
        if (byUid) return set.Resolve(LastUid);
        var rows = set.Resolve((uint)Count).Where(range => range.First <= (uint)Count)
            .Select(range => new IndexRange((int)range.First - 1, (int)Math.Min(range.Last, (uint)Count) - 1));
        return UidsOf(new RowSet([.. rows]));
    }

    /// <summary>
    /// The rows that a set names. False for message numbers that do not exist; UIDs that do not exist are passed over (RFC 9051
    /// §6.4.9).
    /// </summary>
    public bool TryFind(SequenceSet set, bool byUid, out RowSet rows)
    {
        rows = RowSet.Empty;
        if (!byUid && !Holds(set)) return false;
        var ranges = new List<IndexRange>();
        byUid |= set.IsSaved;
        foreach (var (first, last) in set.IsSaved ? _saved : set.Resolve(byUid ? LastUid : (uint)Count))
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

    /// <summary>Of these rows those that have a larger change number now.</summary>
    public RowSet ChangedSince(RowSet rows, ModSeq since)
    {
        var present = view.Current;
        return RowSet.Of(rows.Indexes.Where(index => Fresh(present, index).ModSeq > since));
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
        _ = TryFresh(present, index, out var row);
        return row;
    }

    /// <summary>As <see cref="Fresh"/>; false when the message has been expunged: the client may know more of it than the row says.</summary>
    public bool TryFresh(MailboxSnapshot present, int index, out EmailRow row)
    {
        row = Known[index];
        if (ReferenceEquals(present, Known)) return true;
        // Without expunges below it a row stands where it stood.
        var at = index < present.Count && present[index].Uid == row.Uid ? index : present.IndexOf(row.Uid);
        if (at < 0) return false;
        row = present[at];
        return true;
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

    /// <summary>As <see cref="TryFresh"/>, for a reply that shows the flags.</summary>
    /// <param name="withModSeq">It shows the change number too.</param>
    public bool TryTell(MailboxSnapshot present, int index, bool withModSeq, out EmailRow row)
    {
        if (!TryFresh(present, index, out row)) return false;
        if (!ReferenceEquals(present, Known) || _told is not null) Note(index, row.Flags, withModSeq ? row.ModSeq : TellsOf(index).ModSeq);
        return true;
    }

    /// <summary>What the client believes of a row.</summary>
    public Told TellsOf(int index) => _told is not null && _told.TryGetValue(index, out var told) ? told : new Told(Known[index]);

    public void Note(int index, MessageFlags flags, ModSeq modSeq)
    {
        var told = new Told(flags, modSeq);
        if (told != TellsOf(index)) (_told ??= [])[index] = told;
    }

    /// <summary>The client is being told of everything up to this snapshot. What it knew before comes back.</summary>
    public (MailboxSnapshot Before, IReadOnlyDictionary<int, Told>? Told) Advance(MailboxSnapshot present)
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

    private List<NumberRange> UidsOf(RowSet rows) =>
        [.. rows.Ranges.Select(range => new NumberRange(Known[range.First].Uid.Value, Known[range.Last].Uid.Value))];

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

/// <summary>What a client was told of a message.</summary>
internal readonly record struct Told(MessageFlags Flags, ModSeq ModSeq)
{
    public Told(in EmailRow row)
        : this(row.Flags, row.ModSeq)
    {
    }
}
