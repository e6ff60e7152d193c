using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>RENAME (RFC 9051 §6.3.6); of INBOX it moves the messages, which the store does.</summary>
internal sealed record RenameCommand(MailboxName From, MailboxName To) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var from) && r.ExpectSpace() && r.ExpectMailbox(out var to) && r.ExpectEnd())) return false;
        command = new RenameCommand(from, to);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (!To.IsWellFormed) return Replies.BadName;
        var mailboxes = session.Server.Store.Mailboxes;
        if (await mailboxes.FindAsync(session.Account, From.Path, ct) is not { } found) return Replies.NonExistent;
        var renamed = await mailboxes.RenameAsync(session.Account, found.Id, To.Path, ct);
        session.Watch?.Own(To.Path);
        return renamed.Ok ? Reply.Ok("RENAME completed") : Replies.From(renamed.Refusal!);
    }
}
