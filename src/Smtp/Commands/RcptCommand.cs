using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp;

/// <summary>RCPT (RFC 5321 §4.1.1.3). Whether the recipient is ours, known and not full is the intake's answer.</summary>
internal sealed record RcptCommand(SmtpPath To, RcptOptions Options) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var options = new RcptOptions();
        if (!(r.ExpectSpace() && r.ExpectKeyword("TO:"u8) && r.ExpectPath("forward-path", out var to))) return false;
        if (to.Form == PathForm.Null) return r.Missing("forward-path");
        while (r.TryParameter())
        {
            if (!RcptOptions.ExpectParameter(ref r, ref options)) return false;
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new RcptCommand(to, options);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        var mail = session.Mail!;
        if (Options.Unknown is not null) return Replies.UnknownParameter(Options.Unknown);
        if (To.Form == PathForm.Literal) return Replies.LiteralRecipient;
        if ((To.Utf8 || Options.Utf8) && !mail.Utf8) return Replies.RecipientNeedsUtf8;
        if (mail.RecipientCount >= session.Server.Settings.RecipientsMax) return Replies.TooManyRecipients; // RFC 5321 §4.5.3.1.10
        var intake = session.Server.Intake;
        var answer = To.Address is { } address ? await intake.RecipientAsync(address, session.Identity, ct) : await intake.PostmasterAsync(ct);
        if (!answer.TryGet(out var recipient)) return session.RecipientRefused(answer.Refusal!);
        if (session.Server.Settings is { Greylists: true, Role: SmtpRole.Mx }
            && await session.Server.Directory.Greylist.CheckAsync(session.Remote, mail.From, recipient.Address, ct) is { } later)
        {
            return Replies.OfRecipient(later);
        }
        if (!intake.Rules.IsEmpty && intake.Rules.AtRecipient(session.RuleSubject, recipient.Address) is { } ruled) return Replies.OfRecipient(ruled);
        if (session.Milters is { } milters && await milters.RecipientAsync(recipient.Address, ct) is { } filtered)
        {
            return Replies.OfRecipient(filtered);
        }
        mail.Add(Options.Parameters == RcptParameters.None ? recipient : recipient with { Parameters = Options.Parameters });
        return Replies.RecipientOk;
    }
}
