using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>USER (RFC 1939 §7). Whether there is such a user is not told before the password is right.</summary>
internal sealed record UserCommand(string Name) : Command
{
    /// <summary>RFC 2449 §6.2: where no password may be sent, it is not here.</summary>
    public static string? Capability(Pop3Session session) => session.AcceptsPasswords ? "USER" : null;

    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectRest("user name", out var name))) return false;
        command = new UserCommand(Encoding.UTF8.GetString(name).TrimEnd(' '));
        return true;
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (!session.AcceptsPasswords) return new(Replies.NeedsTls);
        session.User = Name;
        return new(Reply.Ok("now the password"));
    }
}
