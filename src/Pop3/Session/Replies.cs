using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Pop3;

/// <summary>The one place where the domain's no becomes POP3's (RFC 2449 §8, RFC 3206).</summary>
internal static class Replies
{
    /// <summary>The world failed; the log says how.</summary>
    public static readonly Reply Unavailable = Reply.Error("temporary failure, please try again later", "SYS/TEMP");

    public static readonly Reply Unknown = Reply.Misuse("unknown command");

    public static readonly Reply LineTooLong = Reply.Misuse("the line is too long");

    public static readonly Reply NeedsUser = Reply.Misuse("say USER first");

    public static readonly Reply NoSuchMessage = Reply.Error("there is no such message");

    /// <summary>Expunged by somebody else since this session began.</summary>
    public static readonly Reply MessageGone = Reply.Error("the message does not exist any more");

    /// <summary>RFC 2595 §2.1, RFC 3206 §5: a log-in against the server's policy.</summary>
    public static readonly Reply NeedsTls = Reply.Error("a password needs an encrypted connection", "AUTH");

    public static readonly Reply NoMaildrop = Reply.Error("this account has no mailboxes", "SYS/PERM");

    public static readonly Reply TooManyLogins = Reply.Error("too many failed log-ins", "AUTH") with { Closes = true };

    public static readonly Reply TooManyBadCommands = Reply.Error("too many bad commands") with { Closes = true };

    /// <summary>RFC 2449 §8.1.2.</summary>
    public static readonly Reply InUse = Reply.Error("another session has the maildrop", "IN-USE");

    /// <summary>RFC 2449 §8.1.1.</summary>
    public static readonly Reply LoginDelay = Reply.Error("the last log-in was too short a time ago", "LOGIN-DELAY");

    public static Reply Syntax(SyntaxFault fault) => Reply.Misuse(fault.ToString());

    /// <summary>Why no further line comes; one that was only too long leaves the connection as it is.</summary>
    public static Reply Of(ReadStatus status) => status switch
    {
        ReadStatus.TooLong => LineTooLong,
        ReadStatus.Endless => Reply.Misuse("the line has no end") with { Closes = true },
        ReadStatus.TooSlow => Reply.Error("the command came too slowly") with { Closes = true },
        ReadStatus.Stopping => Reply.Error("the server stops", "SYS/TEMP") with { Closes = true },
        _ => Reply.Gone, // RFC 1939 §3: the autologout timer ends a session without any response
    };

    /// <summary>This connection alone is ended.</summary>
    public static Reply Stopped(string reason) => Reply.Error(reason, "SYS/TEMP") with { Closes = true };

    public static Reply OfLogin(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.TooMany or RefusalKind.TemporarilyUnavailable => Reply.Error(refusal.Text, "SYS/TEMP"),
        _ => Reply.Error(refusal.Text, "AUTH"),
    };

    public static Reply OfUpdate(Refusal refusal) =>
        Reply.Error(refusal.Text, refusal.Kind == RefusalKind.TemporarilyUnavailable ? "SYS/TEMP" : "SYS/PERM");
}
