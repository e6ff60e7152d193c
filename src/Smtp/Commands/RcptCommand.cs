using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>RCPT (RFC 5321 §4.1.1.3). Whether the recipient is ours, known and not full is the intake's answer.</summary>
/// <param name="Unknown">The first parameter: no extension that has one is announced.</param>
internal sealed record RcptCommand(SmtpPath To, string? Unknown) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        string? unknown = null;
        if (!(r.ExpectSpace() && r.ExpectKeyword("TO:"u8) && r.ExpectPath("forward-path", out var to))) return false;
        if (to.Form == PathForm.Null) return r.Missing("forward-path");
        while (r.TryParameter())
        {
            if (!r.ExpectUnknownParameter(out var keyword)) return false;
            unknown ??= keyword;
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new RcptCommand(to, unknown);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        var mail = session.Mail!;
        if (Unknown is not null) return Replies.UnknownParameter(Unknown);
        if (To.Form == PathForm.Literal) return Replies.LiteralRecipient;
        if (To.Utf8 && !mail.Utf8) return Replies.RecipientNeedsUtf8;
        if (mail.RecipientCount >= session.Server.Settings.RecipientsMax) return Replies.TooManyRecipients; // RFC 5321 §4.5.3.1.10
        var intake = session.Server.Intake;
        var answer = To.Address is { } address ? await intake.RecipientAsync(address, session.Identity, ct) : await intake.PostmasterAsync(ct);
        if (!answer.TryGet(out var recipient)) return session.RecipientRefused(answer.Refusal!);
        mail.Add(recipient);
        return Replies.RecipientOk;
    }
}
