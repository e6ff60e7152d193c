namespace Posthorn.Store;

/// <summary>What one account may hold and one request may do. See docs/limits.md.</summary>
public static class StoreLimits
{
    /// <summary>Levels of mailboxes, the top one counted.</summary>
    public const int MailboxDepthMax = 16;

    /// <summary>Octets of one mailbox's own name, without its parents, in UTF-8.</summary>
    public const int MailboxNameOctetsMax = 255;

    public const int MailboxesMax = 5_000;

    public const int SubscriptionsMax = 10_000;

    public const int KeywordsPerEmailMax = 64;

    public const int KeywordOctetsMax = 64;

    /// <summary>Different combinations of keywords that are in use in one account; unused ones are swept.</summary>
    public const int KeywordSetsMax = 50_000;

    /// <summary>Emails of one AppendAsync: they arrive together or not at all (RFC 3502 §6.3.11).</summary>
    public const int AppendEmailsMax = 500;

    /// <summary>Message ids that one Email is threaded by.</summary>
    public const int ThreadKeysMax = 64;

    /// <summary>Octets of the trace headers that a recipient's Email carries before the shared blob.</summary>
    public const int TracePrefixOctetsMax = 64 * 1024;

    /// <summary>Shared annotations of one mailbox, and somebody's private ones; of the server, too (RFC 5464 §4.1 asks for 10).</summary>
    public const int AnnotationsMax = 100;

    /// <summary>Octets of the values of all annotations of one account.</summary>
    public const int AnnotationOctetsMax = 10 * 1024 * 1024;

    /// <summary>Uploaded files of one account that wait to be used.</summary>
    public const int UploadsMax = 1_000;

    /// <summary>Octets of all of them.</summary>
    public const long UploadOctetsMax = 1024L * 1024 * 1024;

    /// <summary>Memberships that one action of STORE, COPY or MOVE touches.</summary>
    internal const int RowsPerAction = 2_000;

    /// <summary>Emails that one action of JMAP's Email/set updates, each with its few memberships.</summary>
    internal const int UpdatesPerAction = 1_000;

    /// <summary>
    /// Memberships that one action of EXPUNGE or of an account's removal takes away, each with its Email, blob link and thread keys.
    /// </summary>
    internal const int ExpungesPerAction = 400;
}
