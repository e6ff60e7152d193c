using System.Text;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>What threading knows of one message.</summary>
/// <param name="Row">The place in what the client knows.</param>
/// <param name="Subject">The base subject as the collation compares it.</param>
/// <param name="Own">Its message id, hashed; 0 for none.</param>
/// <param name="Ancestors">From the oldest on.</param>
internal sealed record ThreadMessage(int Row, long SentAt, string Subject, bool IsReply, long Own, long[] Ancestors);

/// <summary>Reads what THREAD needs, which was computed at arrival.</summary>
internal sealed class ThreadRun(ImapSession session, SelectedMailbox mailbox, ThreadAlgorithm algorithm)
{
    /// <param name="found">Rows of what the client knows, rising.</param>
    public async ValueTask<List<ThreadMessage>> ReadAsync(List<int> found, CancellationToken ct)
    {
        var messages = new ThreadMessage?[found.Count];
        var unknown = new List<int>();
        var parts = DetailParts.BaseSubject | (algorithm == ThreadAlgorithm.References ? DetailParts.ThreadLink : DetailParts.None);
        var emails = new EmailId[Math.Min(found.Count, ImapLimits.BatchRows)];
        for (var start = 0; start < found.Count; start += emails.Length)
        {
            var (first, count) = (start, Math.Min(emails.Length, found.Count - start));
            for (var i = 0; i < count; i++) emails[i] = mailbox.Known[found[first + i]].Email;
            await session.Server.Store.Emails.ReadDetailsAsync(
                session.Account, emails.AsMemory(0, count), parts,
                (int at, in EmailDetail detail) =>
                {
                    messages[first + at] = Read(found[first + at], detail);
                    if (algorithm == ThreadAlgorithm.References && !detail.ThreadLink.IsKnown) unknown.Add(first + at);
                }, ct);
            if (!await session.Progress.TellAsync(start, found.Count, ct)) break;
        }
        foreach (var at in unknown) messages[at] = await ReadHeaderAsync(messages[at]!, ct);
        // What somebody has expunged meanwhile is in no thread.
        return [.. messages.OfType<ThreadMessage>()];
    }

    private static ThreadMessage Read(int row, in EmailDetail detail)
    {
        var subject = UnicodeCaseMap.Fold(Encoding.UTF8.GetString(detail.BaseSubjectUtf8));
        var sent = (detail.SentAt ?? detail.ReceivedAt).ToUnixTimeMilliseconds(); // RFC 5256 §2.2
        return Linked(new ThreadMessage(row, sent, subject, false, 0, []), detail.ThreadLink);
    }

    private static ThreadMessage Linked(ThreadMessage message, ThreadLink link)
    {
        if (!link.IsKnown) return message;
        var ancestors = new long[link.Ancestors];
        for (var i = 0; i < ancestors.Length; i++) ancestors[i] = link.Ancestor(i);
        return message with { IsReply = link.IsReplyOrForward, Own = link.Own, Ancestors = ancestors };
    }

    // A message that arrived before links were stored.
    private async ValueTask<ThreadMessage> ReadHeaderAsync(ThreadMessage message, CancellationToken ct)
    {
        using var stored = await session.Server.Store.Emails.OpenMessageAsync(session.Account, mailbox.Known[message.Row].Email, ct);
        if (stored is null) return message;
        var summary = MessageReader.Read(await MessageText.ReadHeaderAsync(stored, ct));
        return Linked(message, new ThreadLink(ThreadLink.Pack(summary)));
    }
}

/// <summary>A message in its thread, or a dummy that stands for one that is not there.</summary>
internal sealed class ThreadNode(ThreadMessage? message)
{
    private List<ThreadNode>? _children;

    public ThreadMessage? Message => message;

    /// <summary>-1 for a dummy.</summary>
    public int Row => message?.Row ?? -1;

    public ThreadNode? Parent { get; set; }

    public IReadOnlyList<ThreadNode> Children => _children ?? (IReadOnlyList<ThreadNode>)[];

    /// <summary>Whose date and subject count: its own, or those of a dummy's first child.</summary>
    public ThreadMessage Head => message ?? Children[0].Head;

    public void Add(ThreadNode child)
    {
        child.Parent = this;
        (_children ??= new List<ThreadNode>(1)).Add(child);
    }

    public void Replace(List<ThreadNode> children)
    {
        _children = children.Count == 0 ? null : children;
        foreach (var child in children) child.Parent = this;
    }

    public void SortChildren() => _children?.Sort(ByDate);

    /// <summary>RFC 5256 §3: by the date it was sent, then as they stand in the mailbox.</summary>
    public static int ByDate(ThreadNode left, ThreadNode right)
    {
        var (a, b) = (left.Head, right.Head);
        return a.SentAt != b.SentAt ? a.SentAt.CompareTo(b.SentAt) : a.Row.CompareTo(b.Row);
    }
}

/// <summary>THREAD=ORDEREDSUBJECT (RFC 5256 §3): who has the same subject belongs together.</summary>
internal static class SubjectThreads
{
    public static List<ThreadNode> Of(List<ThreadMessage> messages)
    {
        var nodes = messages.ConvertAll(message => new ThreadNode(message));
        nodes.Sort(ThreadNode.ByDate);
        var roots = new List<ThreadNode>();
        var bySubject = new Dictionary<string, ThreadNode>(StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            if (bySubject.TryAdd(node.Message!.Subject, node)) roots.Add(node);
            else bySubject[node.Message.Subject].Add(node);
        }
        return roots;
    }
}
