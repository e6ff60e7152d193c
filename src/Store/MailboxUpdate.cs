using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>What JMAP may set of a mailbox (RFC 8621 §2). What is left out stays as it is.</summary>
public sealed record MailboxUpdate
{
    public string? Name { get; init; }

    /// <summary>Whether <see cref="Parent"/> says something.</summary>
    public bool SetsParent { get; init; }

    /// <summary>Null for the top.</summary>
    public MailboxId? Parent { get; init; }

    /// <summary>Whether <see cref="Role"/> says something.</summary>
    public bool SetsRole { get; init; }

    public MailboxRole? Role { get; init; }

    public uint? SortOrder { get; init; }

    public bool? Subscribed { get; init; }

    internal static Mailbox Create(Transaction tx, AccountId account, MailboxUpdate properties, ViewCache views)
    {
        var path = PathBelow(tx, account, properties.Parent, properties.Name ?? "");
        var id = MailboxEdit.Create(tx, account, path, properties.Role, views);
        if (properties.SortOrder is > 0) MailboxEdit.Change(tx, account, id, properties.Role, properties.SortOrder, views);
        if (properties.Subscribed != false) MailboxEdit.Subscribe(tx, account, path, true, views);
        return MailboxRows.Get(tx, account, id)!;
    }

    internal static Mailbox Change(Transaction tx, AccountId account, MailboxId mailbox, MailboxUpdate change, ViewCache views)
    {
        var now = MailboxRows.Get(tx, account, mailbox) ?? throw new RefusalException(AccountEdit.NoMailbox);
        var parent = change.SetsParent ? change.Parent : now.Parent;
        if ((change.Name is not null && change.Name != now.Name) || parent != now.Parent)
        {
            // RFC 8621 §2: mayRename is false for it. IMAP's RENAME of INBOX moves messages, which JMAP does by itself.
            if (mailbox == Mailbox.Inbox) throw new RefusalException(new Refusal(RefusalKind.Forbidden, "INBOX keeps its name and place"));
            MailboxEdit.Rename(tx, account, mailbox, PathBelow(tx, account, parent, change.Name ?? now.Name), views);
        }

        var role = change.SetsRole ? change.Role : now.Role;
        if (role != now.Role || (change.SortOrder is { } order && order != now.SortOrder))
        {
            MailboxEdit.Change(tx, account, mailbox, role, change.SortOrder, views);
        }

        var changed = MailboxRows.Get(tx, account, mailbox)!;
        if (change.Subscribed is not { } subscribed || subscribed == changed.Subscribed) return changed;
        MailboxEdit.Subscribe(tx, account, MailboxPath.Parse(changed.Path).Require(), subscribed, views);
        return changed with { Subscribed = subscribed };
    }

    private static MailboxPath PathBelow(Snapshot db, AccountId account, MailboxId? parent, string name)
    {
        if (name.Contains(MailboxPath.Delimiter, StringComparison.Ordinal))
        {
            throw new RefusalException(new Refusal(RefusalKind.Invalid, "A mailbox name has no slash"));
        }

        if (parent is not { } above) return MailboxPath.Parse(name).Require();
        var place = MailboxRows.Get(db, account, above) ?? throw new RefusalException(new Refusal(RefusalKind.Invalid, "There is no such parent"));
        return MailboxPath.Parse(place.Path + MailboxPath.Delimiter + name).Require();
    }
}
