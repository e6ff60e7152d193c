using System.Diagnostics.CodeAnalysis;
using System.Net;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>XCLIENT, as Postfix defines it: a proxy that has spoken SMTP with the client tells who that is. Only networks that the operator has
/// listed may, and the session begins anew.</summary>
/// <param name="Remote">ADDR; null when it was not given, or is not known.</param>
internal sealed record XclientCommand(IPAddress? Remote) : Command
{
    public static string? Keyword(SmtpSession session) => IsTrusted(session) ? "XCLIENT NAME ADDR PORT PROTO HELO" : null;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var remote = default(IPAddress);
        if (!r.ExpectSpace()) return false;
        do
        {
            if (r.TryKeyword("ADDR="u8))
            {
                if (!TryAddress(ref r, ref remote)) return false;
            }
            else if (r.TryKeyword("NAME="u8) || r.TryKeyword("PORT="u8) || r.TryKeyword("PROTO="u8) || r.TryKeyword("HELO="u8))
            {
                // Received tells the address and the client's next EHLO; what a resolver or a port would add is not asked for.
                if (!r.ExpectRun(SmtpGrammar.XtextBytes, SmtpLimits.XclientValueOctetsMax, "value", out _)) return false;
            }
            else
            {
                return r.Missing("NAME, ADDR, PORT, PROTO or HELO");
            }
        }
        while (r.TryParameter());
        if (!r.ExpectCommandEnd()) return false;
        command = new XclientCommand(remote);
        return true;
    }

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (!IsTrusted(session)) return new(new Reply(550, "5.7.0", "you are not trusted to speak for somebody else"));
        if (Remote is not null && session.Server.Directory.Bans.Covers(Remote))
        {
            return new(new Reply(421, "4.7.0", "that client is banned", Closes: true));
        }
        session.Forget();
        if (Remote is not null) session.Remote = Remote;
        return new(session.Greeting);
    }

    private static bool IsTrusted(SmtpSession session) => session.Server.Settings.XclientNetworks.Contains(session.Connection.Remote.Address);

    private static bool TryAddress(ref GrammarReader r, ref IPAddress? remote)
    {
        if (r.TryKeyword("[UNAVAILABLE]"u8) || r.TryKeyword("[TEMPUNAVAIL]"u8)) return true;
        if (!r.ExpectText(SmtpGrammar.XtextBytes, SmtpLimits.XclientValueOctetsMax, "address", out var text)) return false;
        if (text.StartsWith("IPV6:", StringComparison.OrdinalIgnoreCase)) text = text[5..];
        if (!IPAddress.TryParse(text, out var address)) return r.Missing("address");
        remote = address.Unmapped();
        return true;
    }
}
