using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Smtp;

/// <summary>VRFY and EXPN (RFC 5321 §4.1.1.6, §4.1.1.7): names are not given away (§7.3), and RCPT tells what a sender must know. Where the
/// operator wants it, our own people may ask.</summary>
/// <param name="Text">What stood behind the verb.</param>
internal sealed record VrfyCommand(string Text, bool Expands) : Command
{
    private static readonly Reply Silent = new(252, "2.0.0", "RCPT will tell whether mail is taken");

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, false, out command);

    public static bool TryParseExpn(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, true, out command);

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (!session.Server.Settings.Verifies || session.Identity is not { } identity) return Silent;
        if (!EmailAddress.TryParse(Text.Trim().Trim('<', '>'), out var address)) return Silent;
        var found = await session.Server.Intake.RecipientAsync(address, identity, ct);
        if (!found.TryGet(out var recipient)) return Replies.OfRecipient(found.Refusal!);
        if (!Expands) return new Reply(250, "2.1.5", $"<{recipient.Address}>");
        var addresses = recipient.Targets.Select(target => target is Target.Local local ? local.Address : ((Target.Remote)target).Address);
        return new Reply(250, "2.1.5", string.Join('\n', addresses.Take(SmtpLimits.ExpandedMax).Select(reader => $"<{reader}>")));
    }

    private static bool TryParse(ref GrammarReader r, bool expands, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!r.ExpectSpace()) return false;
        if (r.End) return r.Missing("string");
        command = new VrfyCommand(Encoding.UTF8.GetString(r.Unread), expands);
        return r.ExpectText();
    }
}
