using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>UNAUTHENTICATE (RFC 8437 §3): the connection is as new, but for TLS.</summary>
internal sealed record UnauthenticateCommand : Command
{
    private static readonly UnauthenticateCommand Instance = new();

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = Instance;
        return r.ExpectEnd();
    }

    public override ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        // RFC 8437 §8 asks for a way to disable it.
        if (Capabilities.IsOff(session, "UNAUTHENTICATE")) return new(Reply.Bad("UNAUTHENTICATE is not offered here"));
        session.LoggedOut();
        if (!session.Connection.IsCompressed) return new(Reply.Ok("nobody is logged in any more"));
        // §3: where the state cannot be reset, BYE and the end are what is left; in a compressed stream nobody can tell where it would end.
        var w = session.Connection.Write();
        w.Raw("* BYE a compressed connection cannot be used anew\r\n"u8);
        w.Commit();
        return new(Reply.Ok("goodbye") with { Closes = true });
    }
}
