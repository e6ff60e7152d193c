using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>The rows of some mailboxes by the time of their arrival, oldest first; Emails that came at the same time by their number.</summary>
internal sealed class RowOrder
{
    private const int KeptMax = 64;
    private static readonly Lock Gate = new();
    private static readonly LinkedList<(MailboxSnapshot[] Of, RowOrder Order)> Recent = new();

    private readonly MailboxSnapshot[] _snapshots;
    private readonly int[] _mailboxes;
    private readonly int[] _rows;

    private RowOrder(MailboxSnapshot[] snapshots, int[] mailboxes, int[] rows) => (_snapshots, _mailboxes, _rows) = (snapshots, mailboxes, rows);

    public int Count => _rows.Length;

    /// <summary>The order of these snapshots; those asked for last are remembered, for a list is read page by page.</summary>
    public static RowOrder Of(IReadOnlyList<MailboxSnapshot> snapshots)
    {
        lock (Gate)
        {
            for (var node = Recent.First; node is not null; node = node.Next)
            {
                if (!Same(node.Value.Of, snapshots)) continue;
                Recent.Remove(node);
                Recent.AddFirst(node);
                return node.Value.Order;
            }
        }
        MailboxSnapshot[] of = [.. snapshots];
        var order = Sort(of);
        lock (Gate)
        {
            for (var node = Recent.First; node is not null;)
            {
                var next = node.Next;
                if (Replaces(of, node.Value.Of)) Recent.Remove(node); // an older state of the same mailboxes
                node = next;
            }
            Recent.AddFirst((of, order));
            if (Recent.Count > KeptMax) Recent.RemoveLast();
        }
        return order;
    }

    /// <param name="mailbox">Which of the snapshots it is of.</param>
    public ref readonly EmailRow At(int place, out int mailbox)
    {
        mailbox = _mailboxes.Length == 0 ? 0 : _mailboxes[place];
        return ref _snapshots[mailbox][_rows[place]];
    }

    private static bool Same(MailboxSnapshot[] left, IReadOnlyList<MailboxSnapshot> right)
    {
        if (left.Length != right.Count) return false;
        for (var i = 0; i < left.Length; i++)
        {
            if (!ReferenceEquals(left[i], right[i])) return false;
        }
        return true;
    }

    private static bool Replaces(MailboxSnapshot[] now, MailboxSnapshot[] before)
    {
        if (now.Length != before.Length) return false;
        for (var i = 0; i < now.Length; i++)
        {
            if (now[i].Mailbox != before[i].Mailbox || now[i].UidValidity != before[i].UidValidity) return false;
        }
        return true;
    }

    private static RowOrder Sort(MailboxSnapshot[] snapshots)
    {
        var count = snapshots.Sum(static s => s.Count);
        var keys = new (long At, uint Email)[count];
        var rows = new int[count];
        var mailboxes = snapshots.Length == 1 ? [] : new int[count];
        var next = 0;
        var isSorted = true;
        for (var mailbox = 0; mailbox < snapshots.Length; mailbox++)
        {
            var index = 0;
            for (var chunk = 0; chunk < snapshots[mailbox].ChunkCount; chunk++)
            {
                foreach (ref readonly var row in snapshots[mailbox].Chunk(chunk))
                {
                    keys[next] = (row.ReceivedAt.ToUnixTimeMilliseconds(), (uint)row.Email.Value);
                    rows[next] = index++;
                    if (mailboxes.Length > 0) mailboxes[next] = mailbox;
                    isSorted &= next == 0 || keys[next - 1].CompareTo(keys[next]) <= 0;
                    next++;
                }
            }
        }
        if (isSorted) return new RowOrder(snapshots, mailboxes, rows);
        var places = new int[count];
        for (var i = 0; i < count; i++) places[i] = i;
        Array.Sort(keys, places);
        return new RowOrder(
            snapshots, mailboxes.Length == 0 ? [] : Array.ConvertAll(places, p => mailboxes[p]), Array.ConvertAll(places, p => rows[p]));
    }
}
