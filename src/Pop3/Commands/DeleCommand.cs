using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>DELE (RFC 1939 §5): at QUIT, and not before.</summary>
internal sealed record DeleCommand(int Number) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectNumber("message number", out var number) && r.ExpectCommandEnd())) return false;
        command = new DeleCommand(number);
        return true;
    }

    public override ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (!session.Maildrop.TryFind(Number, out _)) return new(Replies.NoSuchMessage);
        session.Maildrop.Delete(Number);
        return new(Reply.Ok("it goes at QUIT"));
    }
}
