using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>LOGOUT (RFC 9051 §6.1.3): BYE before the tagged OK.</summary>
internal sealed record LogoutCommand : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new LogoutCommand();
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        session.Select(null);
        var w = session.Connection.Write();
        w.Raw("* BYE see you\r\n"u8);
        w.Commit();
        return new(Reply.Ok("LOGOUT completed") with { Closes = true });
    }
}
