using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>RETR (RFC 1939 §5).</summary>
internal sealed record RetrCommand(int Number) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectNumber("message number", out var number) && r.ExpectCommandEnd())) return false;
        command = new RetrCommand(number);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(Pop3Session session, CancellationToken ct)
    {
        if (!session.Maildrop.TryFind(Number, out var row)) return Replies.NoSuchMessage;
        using var message = await session.Maildrop.OpenAsync(row, ct);
        if (message is null) return Replies.MessageGone;
        session.Write(Reply.Ok($"{message.Length} octets"));
        if (!await MessageSender.SendAsync(session, message, lines: null, ct)) return Reply.Gone;
        session.Maildrop.Retrieved(Number);
        return Reply.Said;
    }
}
