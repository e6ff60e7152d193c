using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>TOP (RFC 1939 §7): the header, the line between, and so many lines of the body.</summary>
internal sealed record TopCommand(int Number, int Lines) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectNumber("message number", out var number)
            && r.ExpectSpace() && r.ExpectNumber("number of lines", out var lines) && r.ExpectCommandEnd())) return false;
        command = new TopCommand(number, lines);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (!session.Maildrop.TryFind(Number, out var row)) return Replies.NoSuchMessage;
        using var message = await session.Maildrop.OpenAsync(row, ct);
        if (message is null) return Replies.MessageGone;
        session.Write(Reply.Ok("the top of it"));
        return await MessageSender.SendAsync(session, message, Lines, ct) ? Reply.Said : Reply.Gone;
    }
}
