using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>RFC 6154 §2 and RFC 8457 §3: the attributes of mailboxes that have a use.</summary>
internal static class SpecialUse
{
    /// <summary>The attribute; null for INBOX, which needs none, and for no role.</summary>
    public static string? Attribute(MailboxRole? role) => role switch
    {
        MailboxRole.Drafts => "\\Drafts",
        MailboxRole.Sent => "\\Sent",
        MailboxRole.Junk => "\\Junk",
        MailboxRole.Trash => "\\Trash",
        MailboxRole.Archive => "\\Archive",
        MailboxRole.Flagged => "\\Flagged",
        MailboxRole.All => "\\All",
        MailboxRole.Important => "\\Important",
        _ => null,
    };

    /// <summary>A use that a client may give to a mailbox it creates, without the backslash. The mailboxes of all and of flagged messages
    /// are views (RFC 6154 §2), which nobody can create here.</summary>
    public static MailboxRole? Read(string use) => use.ToUpperInvariant() switch
    {
        "DRAFTS" => MailboxRole.Drafts,
        "SENT" => MailboxRole.Sent,
        "JUNK" => MailboxRole.Junk,
        "TRASH" => MailboxRole.Trash,
        "ARCHIVE" => MailboxRole.Archive,
        "IMPORTANT" => MailboxRole.Important,
        _ => null,
    };
}
