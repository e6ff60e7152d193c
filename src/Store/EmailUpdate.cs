using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>What JMAP may change about an Email (RFC 8621 §4.6): keywords and mailboxes, each by a patch or by a whole new set.</summary>
public sealed record EmailUpdate(EmailId Email)
{
    /// <summary>Keywords and flags not named go away; otherwise they stay.</summary>
    public bool ReplacesKeywords { get; init; }

    public SystemFlags AddedFlags { get; init; }

    public SystemFlags RemovedFlags { get; init; }

    public IReadOnlyList<string> AddedKeywords { get; init; } = [];

    public IReadOnlyList<string> RemovedKeywords { get; init; } = [];

    /// <summary>Mailboxes not named go away; otherwise they stay.</summary>
    public bool ReplacesMailboxes { get; init; }

    public IReadOnlyList<MailboxId> AddedMailboxes { get; init; } = [];

    public IReadOnlyList<MailboxId> RemovedMailboxes { get; init; } = [];

    internal bool ChangesMailboxes => ReplacesMailboxes || AddedMailboxes.Count > 0 || RemovedMailboxes.Count > 0;

    internal bool ChangesKeywords => ReplacesKeywords || AddedKeywords.Count > 0 || RemovedKeywords.Count > 0;
}

/// <summary>Why an <see cref="EmailUpdate"/> was refused; compare by reference.</summary>
public static class EmailRefusals
{
    public static Refusal NotFound { get; } = new(RefusalKind.NotFound, "There is no such Email");

    public static Refusal NoSuchMailbox { get; } = new(RefusalKind.Invalid, "One of the mailboxes does not exist");

    public static Refusal NoMailbox { get; } = new(RefusalKind.Invalid, "An Email lies in one mailbox at least");

    public static Refusal TooManyKeywords { get; } =
        new(RefusalKind.TooMany, $"A message has at most {StoreLimits.KeywordsPerEmailMax} keywords");

    public static Refusal StateMismatch { get; } = new(RefusalKind.Conflict, "The account is in another state");
}
