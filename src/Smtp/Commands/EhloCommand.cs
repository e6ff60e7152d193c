using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Smtp;

/// <summary>EHLO and HELO (RFC 5321 §4.1.1.1). Whatever the client calls itself is believed; Received tells its address beside it.</summary>
internal sealed record EhloCommand(string Name, bool IsExtended) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, true, out command);

    public static bool TryParseHelo(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, false, out command);

    public override ValueTask<Reply> RunAsync(SmtpSession session, CancellationToken ct)
    {
        session.Greeted(Name, IsExtended);
        var text = session.Server.Settings.Hostname.Ascii;
        if (IsExtended) text += Extensions.Of(session);
        return new(new Reply(250, null, text));
    }

    private static bool TryParse(ref GrammarReader r, bool extended, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectHello(out var name) && r.ExpectCommandEnd())) return false;
        command = new EhloCommand(name, extended);
        return true;
    }
}
