using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>The one place where the domain's no becomes IMAP's (RFC 9051 §7.1, RFC 5530).</summary>
internal static class Replies
{
    public static readonly Reply Gone = Reply.Gone;

    /// <summary>The world failed; the log says how.</summary>
    public static readonly Reply Unavailable = Reply.No("temporary failure, please try again", "UNAVAILABLE");

    public static readonly Reply NoSuchMessage = Reply.Bad("there is no message with such a number");

    /// <summary>RFC 5530 §3: some of the messages are gone, and the client has not been told yet.</summary>
    public static readonly Reply ExpungeIssued = Reply.No("some of the messages no longer exist", "EXPUNGEISSUED");

    /// <summary>RFC 3516 §4.3.</summary>
    public static readonly Reply UnknownCoding = Reply.No("a part has a transfer encoding that is not known here", "UNKNOWN-CTE");

    public static readonly Reply ReadOnly = Reply.No("the mailbox is open read-only");

    public static readonly Reply BadName = Reply.No("this is not a mailbox name", "CANNOT");

    /// <summary>RFC 5267 §4.3: the tag is the name of a search that is followed already.</summary>
    public static readonly Reply TagReuse = Reply.Bad("a search with this tag is followed already");

    /// <summary>RFC 9586 §3.2: message numbers are gone from this connection.</summary>
    public static readonly Reply UidRequired = Reply.Bad("only UIDs, once UIDONLY is enabled", "UIDREQUIRED");

    /// <summary>RFC 7162 §3.2.3</summary>
    public static readonly Reply NeedsQResync = Reply.Bad("ENABLE QRESYNC comes first");

    public static Reply Syntax(SyntaxFault fault) => Reply.Bad(fault.ToString());

    public static Reply From(Refusal refusal) => Reply.No(refusal.Text, CodeOf(refusal.Kind));

    /// <summary>For a mailbox that a message should go into: the client may create it and try again (RFC 3501 §6.3.11).</summary>
    public static Reply FromTarget(Refusal refusal) =>
        refusal.Kind == RefusalKind.NotFound ? TryCreate : From(refusal);

    public static readonly Reply TryCreate = Reply.No("there is no such mailbox", "TRYCREATE");

    public static readonly Reply NonExistent = Reply.No("there is no such mailbox", "NONEXISTENT");

    private static string? CodeOf(RefusalKind kind) => kind switch
    {
        RefusalKind.NotFound => "NONEXISTENT",
        RefusalKind.AlreadyExists => "ALREADYEXISTS",
        RefusalKind.NotAuthenticated => "AUTHENTICATIONFAILED",
        RefusalKind.Forbidden => "NOPERM",
        RefusalKind.OverQuota => "OVERQUOTA",
        RefusalKind.TooLarge => "TOOBIG",
        RefusalKind.TooMany or RefusalKind.RateLimited => "LIMIT",
        RefusalKind.Invalid => "CANNOT",
        RefusalKind.Disabled => "CONTACTADMIN",
        RefusalKind.TemporarilyUnavailable => "UNAVAILABLE",
        _ => null,
    };
}
