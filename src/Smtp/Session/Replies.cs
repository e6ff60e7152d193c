using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>The one place where the domain's no becomes SMTP's (RFC 5321 §4.2.2, RFC 3463, RFC 4954 §6).</summary>
internal static class Replies
{
    public static readonly Reply Ok = new(250, "2.0.0", "OK");

    public static readonly Reply SenderOk = new(250, "2.1.0", "sender OK");

    public static readonly Reply RecipientOk = new(250, "2.1.5", "recipient OK");

    public static readonly Reply GoAhead = new(354, null, "end the message with CRLF.CRLF");

    public static readonly Reply LoggedIn = new(235, "2.7.0", "logged in");

    /// <summary>The world failed; the log says how.</summary>
    public static readonly Reply Unavailable = new(451, "4.3.0", "temporary failure, please try again later");

    public static readonly Reply Unknown = new(500, "5.5.2", "unknown command");

    public static readonly Reply LineTooLong = new(500, "5.5.2", "the line is too long");

    public static readonly Reply NeedsHello = new(503, "5.5.1", "say EHLO first");

    public static readonly Reply NeedsLhlo = new(503, "5.5.1", "say LHLO first");

    public static readonly Reply NeedsMail = new(503, "5.5.1", "say MAIL first");

    public static readonly Reply NeedsRecipient = new(503, "5.5.1", "say RCPT first; no recipient was accepted");

    /// <summary>RFC 3030 §3.</summary>
    public static readonly Reply NeedsChunks = new(503, "5.5.1", "a binary message comes by BDAT");

    public static readonly Reply MailUnderWay = new(503, "5.5.1", "a mail transaction is under way");

    public static readonly Reply NeedsLogin = new(530, "5.7.0", "authentication required");

    /// <summary>RFC 3207 §4.</summary>
    public static readonly Reply NeedsTls = new(530, "5.7.0", "say STARTTLS first");

    public static readonly Reply TooLarge = new(552, "5.3.4", "the message is larger than this server takes");

    public static readonly Reply TooManyRecipients = new(452, "4.5.3", "too many recipients, send to the others in a further transaction");

    /// <summary>RFC 4865 §5.</summary>
    public static readonly Reply HeldTooLong = new(501, "5.5.4", "the message would be held longer than this server holds one");

    public static readonly Reply LiteralSender = new(553, "5.1.7", "an address literal cannot be the sender here");

    public static readonly Reply LiteralRecipient = new(550, "5.1.2", "address literals are not accepted, use a domain name");

    /// <summary>RFC 6531 §3.5.</summary>
    public static readonly Reply SenderNeedsUtf8 = new(550, "5.6.7", "an address that is not ASCII needs SMTPUTF8");

    public static readonly Reply RecipientNeedsUtf8 = SenderNeedsUtf8 with { Code = 553 };

    public static readonly Reply TooManyBadCommands = new(421, "4.7.0", "too many bad commands", Closes: true);

    public static readonly Reply TooManyLogins = new(421, "4.7.0", "too many failed log-ins", Closes: true);

    public static readonly Reply TooManyRecipientsRefused = new(421, "4.7.0", "too many refused recipients", Closes: true);

    public static readonly Reply TooManyTurns = new(421, "4.7.0", "too many commands without a message", Closes: true);

    public static Reply Syntax(SyntaxFault fault) => new(501, "5.5.4", fault.ToString());

    /// <summary>RFC 5321 §4.1.1.11.</summary>
    public static Reply UnknownParameter(string keyword) => new(555, "5.5.4", $"the parameter {keyword} is not supported");

    public static Reply Accepted(Receipt receipt) => new(250, "2.0.0", "accepted as " + receipt.Id);

    /// <summary>Why no further line or body comes; a line that was only too long leaves the connection as it is.</summary>
    public static Reply Of(ReadStatus status) => status switch
    {
        ReadStatus.TooLong => LineTooLong,
        ReadStatus.Endless => new(500, "5.5.2", "the line has no end", Closes: true),
        ReadStatus.Idle => new(421, "4.4.2", "nothing was heard for too long", Closes: true),
        ReadStatus.TooSlow => new(421, "4.4.2", "it came too slowly", Closes: true),
        ReadStatus.Stopping => new(421, "4.3.2", "the server stops", Closes: true),
        _ => Reply.Gone,
    };

    /// <summary>This connection alone is ended.</summary>
    public static Reply Stopped(string reason) => new(421, "4.7.0", reason, Closes: true);

    /// <summary>The client itself is not wanted.</summary>
    public static Reply OfClient(Refusal refusal) => refusal.Kind == RefusalKind.TemporarilyUnavailable
        ? new(421, "4.7.0", refusal.Text, Closes: true)
        : new(554, "5.7.1", refusal.Text, Closes: true);

    public static Reply OfSender(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.Forbidden or RefusalKind.NotFound => new(553, "5.7.1", refusal.Text),
        RefusalKind.Invalid => new(553, "5.1.7", refusal.Text),
        RefusalKind.Disabled => new(550, "5.7.1", refusal.Text),
        _ => Of(refusal),
    };

    public static Reply OfRecipient(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.NotFound => new(550, "5.1.1", refusal.Text),
        RefusalKind.Disabled => new(550, "5.2.1", refusal.Text),
        RefusalKind.Invalid => new(553, "5.1.3", refusal.Text),
        _ => Of(refusal),
    };

    public static Reply OfMessage(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.Invalid => new(554, "5.6.0", refusal.Text),
        RefusalKind.Loop => new(554, "5.4.6", refusal.Text),
        _ => Of(refusal),
    };

    public static Reply OfLogin(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.Disabled => new(525, "5.7.13", refusal.Text),
        RefusalKind.TooMany or RefusalKind.TemporarilyUnavailable => new(454, "4.7.0", refusal.Text),
        _ => new(535, "5.7.8", refusal.Text),
    };

    // What means the same wherever it is said.
    private static Reply Of(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.OverQuota => new(452, "4.2.2", refusal.Text),
        RefusalKind.TooLarge => new(552, "5.3.4", refusal.Text),
        RefusalKind.TooMany => new(452, "4.5.3", refusal.Text),
        RefusalKind.RateLimited => new(450, "4.7.1", refusal.Text),
        RefusalKind.TemporarilyUnavailable or RefusalKind.Conflict => new(451, "4.3.0", refusal.Text),
        RefusalKind.NotAuthenticated => new(530, "5.7.0", refusal.Text),
        RefusalKind.Forbidden => new(550, "5.7.1", refusal.Text),
        _ => new(554, "5.0.0", refusal.Text),
    };
}
