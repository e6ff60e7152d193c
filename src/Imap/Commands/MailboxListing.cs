using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Which names a LIST or LSUB answers, and with which attributes.</summary>
internal sealed class MailboxListing
{
    private readonly ListCommand _command;
    private readonly SortedDictionary<string, Mailbox?> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string> _subscribed;
    private readonly HashSet<string> _parents = new(StringComparer.Ordinal);
    private readonly HashSet<string> _parentsOfSubscribed = new(StringComparer.Ordinal);
    private readonly List<ListPattern> _patterns;

    public MailboxListing(ListCommand command, IReadOnlyList<Mailbox> mailboxes, IReadOnlyList<string> subscriptions)
    {
        _command = command;
        _subscribed = new HashSet<string>(subscriptions, StringComparer.Ordinal);
        _patterns = [.. command.Patterns.Select(pattern => new ListPattern(command.Reference + pattern))];
        foreach (var mailbox in mailboxes)
        {
            _names[mailbox.Path] = mailbox;
            AddParents(mailbox.Path, _parents);
        }
        foreach (var name in subscriptions)
        {
            _names.TryAdd(name, null); // subscribed, and no mailbox has the name (RFC 9051 §6.3.7)
            AddParents(name, _parentsOfSubscribed);
        }
        // RFC 3501 §6.3.9, RFC 5258 §3.1: a name is told for the sake of a subscribed name below it.
        if (command.Lsub || command.Selection.HasFlag(ListSelection.RecursiveMatch))
        {
            foreach (var name in _parentsOfSubscribed) _names.TryAdd(name, null);
        }
    }

    /// <summary>A line of the reply.</summary>
    /// <param name="HasSubscribedBelow">CHILDINFO of RFC 5258 §4.</param>
    public readonly record struct Line(string Path, Mailbox? Mailbox, string Attributes, bool HasSubscribedBelow);

    public IEnumerable<Line> Lines
    {
        get
        {
            foreach (var (name, mailbox) in _names)
            {
                if (!_patterns.Exists(pattern => pattern.Matches(name))) continue;
                if (LineOf(name, mailbox) is { } line) yield return line;
            }
        }
    }

    private Line? LineOf(string name, Mailbox? mailbox)
    {
        if (_command.Lsub) return LsubLine(name, mailbox);
        var subscribed = _subscribed.Contains(name);
        var bySubscription = _command.Selection.HasFlag(ListSelection.Subscribed);
        var selected = (!bySubscription || subscribed)
            && (!_command.Selection.HasFlag(ListSelection.SpecialUse) || SpecialUse.Attribute(mailbox?.Role) is not null);
        var below = bySubscription && _command.Selection.HasFlag(ListSelection.RecursiveMatch) && _parentsOfSubscribed.Contains(name);
        if ((!selected && !below) || (mailbox is null && !bySubscription)) return null;
        var attributes = new List<string>();
        if (mailbox is null) attributes.Add("\\NonExistent");
        if (subscribed && (bySubscription || _command.Return.HasFlag(ListReturn.Subscribed))) attributes.Add("\\Subscribed");
        if (mailbox is not null && _command.Return.HasFlag(ListReturn.Children))
            attributes.Add(_parents.Contains(name) ? "\\HasChildren" : "\\HasNoChildren");
        if (_command.Return.HasFlag(ListReturn.SpecialUse) && SpecialUse.Attribute(mailbox?.Role) is { } use) attributes.Add(use);
        return new Line(name, mailbox, string.Join(' ', attributes), below);
    }

    // RFC 3501 §6.3.9: with %, a name that is not subscribed itself is told as \Noselect for one below it that the pattern does not match.
    private Line? LsubLine(string name, Mailbox? mailbox)
    {
        if (_subscribed.Contains(name)) return new Line(name, mailbox, "", false);
        var below = name + MailboxName.Delimiter;
        foreach (var subscribed in _subscribed)
        {
            if (subscribed.StartsWith(below, StringComparison.Ordinal) && !_patterns[0].Matches(subscribed))
                return new Line(name, mailbox, "\\Noselect", false);
        }
        return null;
    }

    private static void AddParents(string path, HashSet<string> parents)
    {
        for (var cut = path.LastIndexOf(MailboxName.Delimiter); cut > 0; cut = path.LastIndexOf(MailboxName.Delimiter, cut - 1))
        {
            if (!parents.Add(path[..cut])) return;
        }
    }
}
