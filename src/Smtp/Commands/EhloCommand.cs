using System.Diagnostics.CodeAnalysis;
using System.Net;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Smtp;

/// <summary>EHLO and HELO (RFC 5321 §4.1.1.1), LHLO (RFC 2033 §4.1). Whatever the client calls itself is taken; Received tells its address
/// beside it.</summary>
internal sealed record EhloCommand(string Name, bool IsExtended) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, true, out command);

    public static bool TryParseHelo(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, false, out command);

    public override async ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        if (session.Server.Settings.Role == SmtpRole.Mx && IsLie(session)) session.Note(Offence.BadHello);
        session.Greeted(Name, IsExtended);
        if (session.Milters is { } milters && await milters.HelloAsync(session.MilterClient, ct) is { } refused)
        {
            return Replies.OfClient(refused) with { Closes = false };
        }
        var text = session.Server.Settings.Hostname.Ascii;
        if (IsExtended) text += Extensions.Of(session);
        return new Reply(250, null, text);
    }

    // Our own name, or an address in brackets that is not the client's (RFC 5321 §4.1.3). Who lies is served all the same, and counted. A name
    // without a dot is no lie: many an honest host was named by somebody who did not know better.
    private bool IsLie(SmtpSession session)
    {
        if (!Name.StartsWith('[')) return Name.Equals(session.Server.Settings.Hostname.Ascii, StringComparison.OrdinalIgnoreCase);
        var literal = Name.Trim('[', ']');
        if (literal.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase)) literal = literal[5..];
        return IPAddress.TryParse(literal, out var address) && !address.Unmapped().Equals(session.Remote);
    }

    private static bool TryParse(ref GrammarReader r, bool extended, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectHello(out var name) && r.ExpectCommandEnd())) return false;
        command = new EhloCommand(name, extended);
        return true;
    }
}
