namespace Posthorn.Imap;

/// <summary>THREAD=REFERENCES (RFC 5256 §3), in its six steps. Time and memory are in proportion to the references.</summary>
internal sealed class ReferenceThreads
{
    private readonly Dictionary<long, ThreadNode> _byId;
    private readonly List<ThreadNode> _nodes;
    private readonly HashSet<ThreadNode> _hasChildren = [];
    private long _steps = ImapLimits.ThreadStepsMax;

    private ReferenceThreads(int messages) => (_byId, _nodes) = (new(messages), new(messages));

    /// <param name="messages">In the order of the mailbox.</param>
    public static List<ThreadNode> Of(List<ThreadMessage> messages)
    {
        var threads = new ReferenceThreads(messages.Count);
        threads.Link(messages);
        var roots = threads.Prune();
        roots.Sort(ThreadNode.ByDate); // (4)
        roots = GatherBySubject(roots); // (5)
        SortAll(roots); // (6)
        return roots;
    }

    // (1)
    private void Link(List<ThreadMessage> messages)
    {
        var own = new ThreadNode[messages.Count];
        for (var i = 0; i < own.Length; i++) own[i] = Make(messages[i]);
        for (var i = 0; i < own.Length; i++)
        {
            // (A) the references among each other
            ThreadNode? before = null;
            foreach (var id in messages[i].Ancestors)
            {
                if (!_byId.TryGetValue(id, out var node))
                {
                    if (_nodes.Count >= ImapLimits.ThreadNodesMax) continue; // as if it had not been named
                    _byId[id] = node = Keep(new ThreadNode(null));
                }
                if (before is not null && node.Parent is null && !WouldLoop(before, node)) SetParent(node, before);
                before = node;
            }
            // (B) the message below the last of them, whatever others said
            own[i].Parent = null;
            if (before is not null && !WouldLoop(before, own[i])) SetParent(own[i], before);
        }
    }

    // Of several messages with one id the first has it; the others are known to nobody.
    private ThreadNode Make(ThreadMessage message)
    {
        var node = Keep(new ThreadNode(message));
        if (message.Own != 0) _byId.TryAdd(message.Own, node);
        return node;
    }

    private ThreadNode Keep(ThreadNode node)
    {
        _nodes.Add(node);
        return node;
    }

    private void SetParent(ThreadNode child, ThreadNode parent)
    {
        child.Parent = parent;
        _hasChildren.Add(parent);
    }

    // Whether the parent is the child itself or below it. Only one that has had children can be above anybody. References that are
    // made to be long chains cost a number of steps at most; what comes then stays apart.
    private bool WouldLoop(ThreadNode parent, ThreadNode child)
    {
        if (ReferenceEquals(parent, child)) return true;
        if (!_hasChildren.Contains(child)) return false;
        for (var above = parent.Parent; above is not null; above = above.Parent)
        {
            if (ReferenceEquals(above, child) || --_steps < 0) return true;
        }
        return false;
    }

    // (2) and (3): dummies go, their children take their place, but for a dummy that holds several threads together.
    private List<ThreadNode> Prune()
    {
        var roots = new List<ThreadNode>();
        foreach (var node in _nodes)
        {
            if (node.Parent is { } parent) parent.Add(node);
            else roots.Add(node);
        }
        foreach (var node in ChildrenFirst(roots))
        {
            if (node.Children.Any(child => child.Message is null)) node.Replace([.. node.Children.SelectMany(Promoted)]);
        }
        return [.. roots.SelectMany(root => root.Message is null && root.Children.Count < 2 ? root.Children : [root])];

        static IEnumerable<ThreadNode> Promoted(ThreadNode child) => child.Message is null ? child.Children : [child];
    }

    private static List<ThreadNode> GatherBySubject(List<ThreadNode> roots)
    {
        foreach (var root in roots.Where(root => root.Message is null)) root.SortChildren();
        var table = new Dictionary<string, ThreadNode>(StringComparer.Ordinal);
        // (B)
        foreach (var root in roots)
        {
            var subject = root.Head.Subject;
            if (subject.Length == 0 || table.TryAdd(subject, root)) continue;
            var held = table[subject];
            if (held.Message is { } message && (root.Message is null || (message.IsReply && !root.Message.IsReply))) table[subject] = root;
        }
        // (C)
        var gone = new HashSet<ThreadNode>();
        var made = new Dictionary<ThreadNode, ThreadNode>();
        foreach (var root in roots)
        {
            var subject = root.Head.Subject;
            if (subject.Length == 0 || table[subject] is var held && ReferenceEquals(held, root)) continue;
            gone.Add(root);
            if (held.Message is null)
            {
                if (root.Message is not null) held.Add(root);
                else foreach (var child in root.Children.ToList()) held.Add(child);
            }
            else if (root.Message is { IsReply: true } && !held.Message.IsReply)
            {
                held.Add(root);
            }
            else
            {
                var dummy = new ThreadNode(null);
                dummy.Add(held);
                dummy.Add(root);
                made[held] = table[subject] = dummy;
            }
        }
        return [.. roots.Where(root => !gone.Contains(root)).Select(root => made.GetValueOrDefault(root, root))];
    }

    private static void SortAll(List<ThreadNode> roots)
    {
        foreach (var node in ChildrenFirst(roots)) node.SortChildren();
        roots.Sort(ThreadNode.ByDate);
    }

    // Every node behind its children, without recursion: a thread may be as deep as the mailbox is long.
    private static List<ThreadNode> ChildrenFirst(List<ThreadNode> roots)
    {
        var order = new List<ThreadNode>(roots);
        for (var i = 0; i < order.Count; i++) order.AddRange(order[i].Children);
        order.Reverse();
        return order;
    }
}
