using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>PASS (RFC 1939 §7); spaces are part of the password.</summary>
/// <param name="Password">UTF-8; wiped when the command has run.</param>
internal sealed record PassCommand(byte[] Password) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectRest("password", out var password))) return false;
        command = new PassCommand(password);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        try
        {
            if (session.User is not { } user) return Replies.NeedsUser;
            var result = await session.Server.Authenticator.PasswordAsync(user, Password, session.LoginContext, ct);
            return result.TryGet(out var identity) ? await session.EnterAsync(identity, ct) : session.LoginFailed(result.Refusal!);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(Password);
        }
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => "PASS";
}
