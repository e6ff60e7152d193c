using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>RFC 6154 §2, RFC 8621 §10.5.1. An account has at most one mailbox of each role.</summary>
public enum MailboxRole
{
    Inbox = 1,
    Drafts = 2,
    Sent = 3,
    Junk = 4,
    Trash = 5,
    Archive = 6,
    Flagged = 7,
    All = 8,
    Important = 9,
}

/// <summary>A mailbox and its counters at one moment.</summary>
/// <param name="Path">Names from the top, joined by <see cref="MailboxPath.Delimiter"/>.</param>
/// <param name="HighestModSeq">The number of the last change of its messages.</param>
/// <param name="Messages">Memberships, \Deleted ones included.</param>
/// <param name="Unseen">Memberships without \Seen, \Deleted ones included.</param>
/// <param name="Deleted">Memberships with \Deleted.</param>
/// <param name="UnseenDeleted">Memberships with \Deleted and without \Seen: JMAP shows neither (RFC 8621 §4.1.1).</param>
public sealed record Mailbox(
    MailboxId Id,
    MailboxId? Parent,
    string Path,
    string Name,
    MailboxRole? Role,
    bool Subscribed,
    uint SortOrder,
    uint UidValidity,
    Uid UidNext,
    ModSeq HighestModSeq,
    long Messages,
    long Unseen,
    long Deleted,
    long UnseenDeleted,
    long SizeBytes)
{
    /// <summary>Every account's INBOX has this number.</summary>
    public static MailboxId Inbox { get; } = new(1);

    /// <summary>Whether it has children: with its siblings from one ListAsync.</summary>
    public bool HasChildren { get; init; }
}
