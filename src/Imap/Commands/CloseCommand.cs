using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>CLOSE (RFC 9051 §6.4.1) and UNSELECT (RFC 3691 §2): the one expunges silently, the other does not.</summary>
internal sealed record CloseCommand(bool Expunges) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new CloseCommand(Expunges: true);
        return r.ExpectEnd();
    }

    public static bool TryParseUnselect(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new CloseCommand(Expunges: false);
        return r.ExpectEnd();
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (Expunges && !mailbox.ReadOnly && !mailbox.View.IsGone)
            _ = await session.Server.Store.Emails.ExpungeAsync(session.Account, mailbox.Id, null, ct);
        session.Select(null);
        return Reply.Ok(Expunges ? "CLOSE completed" : "UNSELECT completed");
    }
}
