using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>RESETKEY (RFC 4467 §7): takes back what GENURLAUTH has given, for a mailbox or for all.</summary>
/// <param name="Mailbox">Null for all.</param>
/// <param name="IsKnown">No mechanism but INTERNAL was named.</param>
internal sealed record ResetKeyCommand(MailboxName? Mailbox, bool IsKnown) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        MailboxName? mailbox = null;
        var isKnown = true;
        if (r.TrySpace())
        {
            if (!r.ExpectMailbox(out var name)) return false;
            mailbox = name;
            while (r.TrySpace())
            {
                if (!r.ExpectAtom(32, "mechanism", out var mechanism)) return false;
                isKnown &= mechanism.Equals(UrlToken.Mechanism, StringComparison.OrdinalIgnoreCase);
            }
        }
        if (!r.ExpectEnd()) return false;
        command = new ResetKeyCommand(mailbox, isKnown);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var store = session.Server.Store;
        if (Mailbox is not { } name)
        {
            await store.UrlKeys.ResetAllAsync(session.Account, ct);
            return Reply.Ok("every key is removed");
        }
        if (!IsKnown) return Reply.No("the mechanism is not known", "CANNOT");
        if (await store.Mailboxes.FindAsync(session.Account, name.Path, ct) is not { } mailbox) return Replies.NonExistent;
        _ = await store.UrlKeys.ResetAsync(session.Account, mailbox.Id, ct);
        return Reply.Ok("there is a new key", "URLMECH INTERNAL");
    }
}
