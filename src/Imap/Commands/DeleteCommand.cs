using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>DELETE (RFC 9051 §6.3.5).</summary>
internal sealed record DeleteCommand(MailboxName Name) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var name) && r.ExpectEnd())) return false;
        command = new DeleteCommand(name);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailboxes = session.Server.Store.Mailboxes;
        if (await mailboxes.FindAsync(session.Account, Name.Path, ct) is not { } found) return Replies.NonExistent;
        var deleted = await mailboxes.DeleteAsync(session.Account, found.Id, ct);
        session.Watch?.Own(Name.Path);
        if (deleted.Ok) return Reply.Ok("DELETE completed");
        var reply = Replies.From(deleted.Refusal!);
        return deleted.Refusal!.Kind switch
        {
            RefusalKind.Conflict => reply with { Code = "HASCHILDREN" }, // RFC 9051 §7.1
            RefusalKind.Forbidden => reply with { Code = "CANNOT" }, // RFC 5530 §3: it will never be possible
            _ => reply,
        };
    }
}
