using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>LOGIN (RFC 9051 §6.2.3). The password's octets are wiped; the text of the command is not kept.</summary>
internal sealed record LoginCommand(string User, byte[] Password) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectAstring(ImapLimits.CredentialOctetsMax, "user name", out var user)
              && r.ExpectSpace() && r.ExpectAstring(ImapLimits.CredentialOctetsMax, "password", out var password) && r.ExpectEnd())) return false;
        command = new LoginCommand(Encoding.UTF8.GetString(user), password);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        try
        {
            // RFC 3501 §6.2.3: with LOGINDISABLED the password is not even looked at.
            if (!session.AcceptsPasswords) return Reply.No("a password needs an encrypted connection", "PRIVACYREQUIRED");
            var result = await session.Server.Authenticator.PasswordAsync(User, Password, session.LoginContext, ct);
            if (!result.TryGet(out var identity)) return session.LoginFailed(result.Refusal!);
            session.LoggedIn(identity);
            return Reply.Ok("logged in", "CAPABILITY " + Capabilities.Of(session));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(Password);
        }
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => $"LOGIN {User}";
}
