using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>One way of naming mailboxes (RFC 5465 §6, RFC 7377 §2.2).</summary>
internal enum MailboxSource : byte
{
    Selected,
    Inboxes,
    Personal,
    Subscribed,
    Subtree,
    SubtreeOne,
    Mailboxes,

    /// <summary>NOTIFY's alone.</summary>
    SelectedDelayed,
}

/// <summary>A source with the names it needs; none for most.</summary>
internal sealed record MailboxSelection(MailboxSource Kind, IReadOnlyList<MailboxName> Paths)
{
    /// <summary>filter-mailboxes</summary>
    /// <param name="r">Stands before it.</param>
    /// <param name="selection">What was read.</param>
    /// <param name="allowsDelayed">It is NOTIFY that asks, which knows SELECTED-DELAYED.</param>
    public static bool ExpectFrom(ref GrammarReader r, out MailboxSelection selection, bool allowsDelayed = false)
    {
        selection = new MailboxSelection(MailboxSource.Selected, []);
        var mark = r;
        if (!r.ExpectAtom(32, "mailboxes", out var word)) return false;
        if (Read(word) is not { } kind || (kind == MailboxSource.SelectedDelayed && !allowsDelayed))
        {
            r.Restore(mark);
            return r.Missing("mailboxes");
        }
        var names = new List<MailboxName>();
        var hasNames = kind is MailboxSource.Subtree or MailboxSource.SubtreeOne or MailboxSource.Mailboxes;
        if (hasNames && !(r.ExpectSpace() && ExpectNames(ref r, names))) return false;
        selection = new MailboxSelection(kind, names);
        return true;
    }

    public bool Names(Mailbox mailbox, MailboxId? selected) => Kind switch
    {
        MailboxSource.Selected or MailboxSource.SelectedDelayed => mailbox.Id == selected,
        MailboxSource.Inboxes => mailbox.Id == Mailbox.Inbox,
        MailboxSource.Personal => true,
        MailboxSource.Subscribed => mailbox.Subscribed,
        MailboxSource.Mailboxes => Paths.Any(name => name.Path == mailbox.Path),
        _ => Paths.Any(name => name.Path == mailbox.Path || IsBelow(mailbox.Path, name.Path, Kind == MailboxSource.SubtreeOne)),
    };

    private static bool IsBelow(string path, string top, bool oneLevel) =>
        path.Length > top.Length + 1 && path[top.Length] == MailboxName.Delimiter && path.StartsWith(top, StringComparison.Ordinal)
        && (!oneLevel || path.IndexOf(MailboxName.Delimiter, top.Length + 1) < 0);

    // mailbox / "(" mailbox *(SP mailbox) ")"
    private static bool ExpectNames(ref GrammarReader r, List<MailboxName> names)
    {
        var several = r.TryByte((byte)'(');
        do
        {
            if (names.Count == ImapLimits.SearchMailboxesMax) return r.Missing($"at most {ImapLimits.SearchMailboxesMax} mailboxes");
            if (!r.ExpectMailbox(out var name)) return false;
            names.Add(name);
        }
        while (several && r.TrySpace());
        return !several || r.ExpectByte((byte)')', "\")\"");
    }

    private static MailboxSource? Read(string word) => word.ToUpperInvariant() switch
    {
        "SELECTED" => MailboxSource.Selected,
        "SELECTED-DELAYED" => MailboxSource.SelectedDelayed,
        "INBOXES" => MailboxSource.Inboxes,
        "PERSONAL" => MailboxSource.Personal,
        "SUBSCRIBED" => MailboxSource.Subscribed,
        "SUBTREE" => MailboxSource.Subtree,
        "SUBTREE-ONE" => MailboxSource.SubtreeOne,
        "MAILBOXES" => MailboxSource.Mailboxes,
        _ => null,
    };
}
