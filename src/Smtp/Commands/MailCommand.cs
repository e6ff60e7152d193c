using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>MAIL (RFC 5321 §4.1.1.2) with SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531) and AUTH, which is read and not believed
/// (RFC 4954 §5).</summary>
/// <param name="SizeOctets">0 when it was not declared.</param>
/// <param name="Unknown">The first parameter that is none of these.</param>
internal sealed record MailCommand(SmtpPath From, long SizeOctets, bool Utf8, string? Unknown) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var (size, utf8, unknown) = (0L, false, default(string));
        if (!(r.ExpectSpace() && r.ExpectKeyword("FROM:"u8) && r.ExpectPath("reverse-path", out var from))) return false;
        while (r.TryParameter())
        {
            if (!ExpectParameter(ref r, ref size, ref utf8, ref unknown)) return false;
        }
        if (!r.ExpectCommandEnd()) return false;
        command = new MailCommand(from, size, utf8, unknown);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (Unknown is not null) return Replies.UnknownParameter(Unknown);
        if (From.Form == PathForm.Literal) return Replies.LiteralSender;
        if (From.Form == PathForm.Postmaster) return Replies.Syntax(new SyntaxFault("reverse-path", 0));
        if (From.Utf8 && !Utf8) return Replies.SenderNeedsUtf8;
        if (SizeOctets > session.Server.Settings.MessageOctetsMax) return Replies.TooLarge;
        var from = new ReversePath(From.Address);
        if (session.Identity is { } submitter && await session.Server.Intake.SenderAsync(from, submitter, ct) is { } refusal)
        {
            return Replies.OfSender(refusal);
        }
        session.Mail = new Transaction(from, Utf8);
        return Replies.SenderOk;
    }

    // Python's smtplib repeats parameters; the last one counts.
    private static bool ExpectParameter(ref GrammarReader r, ref long size, ref bool utf8, ref string? unknown)
    {
        if (r.TryKeyword("SIZE="u8)) return r.ExpectSize(out size);
        if (r.TryKeyword("BODY="u8)) return r.TryKeyword("8BITMIME"u8) || r.TryKeyword("7BIT"u8) || r.Missing("7BIT or 8BITMIME");
        if (r.TryKeyword("SMTPUTF8"u8)) return utf8 = true;
        if (r.TryKeyword("AUTH="u8)) return r.ExpectValue();
        if (!r.ExpectUnknownParameter(out var keyword)) return false;
        unknown ??= keyword;
        return true;
    }
}
