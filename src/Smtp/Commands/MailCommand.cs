using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp;

/// <summary>MAIL (RFC 5321 §4.1.1.2) with the parameters of every extension that has some.</summary>
internal sealed record MailCommand(SmtpPath From, MailOptions Options) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var options = new MailOptions();
        if (!(r.ExpectSpace() && r.ExpectKeyword("FROM:"u8) && r.ExpectPath("reverse-path", out var from))) return false;
        while (r.TryParameter())
        {
            if (!MailOptions.ExpectParameter(ref r, ref options)) return false;
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new MailCommand(from, options);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (Options.Unknown is not null) return Replies.UnknownParameter(Options.Unknown);
        if (From.Form == PathForm.Literal) return Replies.LiteralSender;
        if (From.Form == PathForm.Postmaster) return Replies.Syntax(new SyntaxFault("reverse-path", 0));
        if (From.Utf8 && !Options.Utf8) return Replies.SenderNeedsUtf8;
        if (Options.SizeOctets > session.Server.Settings.MessageOctetsMax) return Replies.TooLarge;
        if (ParametersIn(session, out var parameters) is { } wrong) return wrong;
        var from = new ReversePath(From.Address);
        if (session.Identity is { } submitter && await session.Server.Intake.SenderAsync(from, submitter, ct) is { } refusal)
        {
            return Replies.OfSender(refusal);
        }
        if (session.Milters is { } milters && await milters.MailAsync(from, session.MilterClient, ct) is { } filtered)
        {
            return Replies.OfSender(filtered);
        }
        session.Mail = new Transaction(from, Options.Utf8, parameters);
        return parameters.Priority == Options.Priority ? Replies.SenderOk : PriorityChanged(parameters.Priority);
    }

    // What the parameters mean in this session, at this moment.
    private Reply? ParametersIn(SmtpSession session, out MailParameters parameters)
    {
        var (settings, now) = (session.Server.Settings, session.Connection.Time.GetUtcNow());
        parameters = Options.Parameters;
        // RFC 8689 §4.1: it is offered inside TLS only.
        if (parameters.RequireTls && !session.Connection.IsTls) return Replies.UnknownParameter("REQUIRETLS");
        if (Options.HoldFor is not null || Options.HoldUntil is not null)
        {
            if (!session.Server.IsSubmission) return Replies.UnknownParameter(Options.HoldFor is null ? "HOLDUNTIL" : "HOLDFOR");
            var until = Options.HoldUntil ?? now + Options.HoldFor!.Value;
            if (until - now > settings.HoldMax) return Replies.HeldTooLong; // RFC 4865 §5
            if (until > now) parameters = parameters with { HoldUntil = until };
        }
        if (Options.ByTime is { } by) parameters = parameters with { By = new DeliverBy(now + by, Options.ByReturns, Options.ByTrace) };
        // RFC 6710 §4.1, §8: who is not known may give his mail less weight, not more.
        var priority = session.Identity is null ? Math.Min(Options.Priority, 0) : Options.Priority;
        if (priority != 0) parameters = parameters with { Priority = priority };
        return null;
    }

    // RFC 6710 §4.1: the new priority, a space, and words.
    private static Reply PriorityChanged(int priority) =>
        new(250, "2.3.6", priority.ToString(CultureInfo.InvariantCulture) + " is the priority of mail without a log-in");
}
