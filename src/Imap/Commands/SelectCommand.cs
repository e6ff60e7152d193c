using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2).</summary>
internal sealed record SelectCommand(MailboxName Name, bool ReadOnly) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, readOnly: false, out command);

    public static bool TryParseExamine(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, readOnly: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        // RFC 3501 §6.3.1: "the currently selected mailbox is deselected before attempting the new selection", even when that fails.
        Deselect(session);
        var mailboxes = session.Server.Store.Mailboxes;
        if (await mailboxes.FindAsync(session.Account, Name.Path, ct) is not { } found) return Replies.NonExistent;
        if (await mailboxes.OpenAsync(session.Account, found.Id, ct) is not { } view) return Replies.NonExistent;
        var selected = new SelectedMailbox(view, found.Path, ReadOnly);
        session.Select(selected);
        selected.ClaimRecent();
        Describe(session, selected);
        return ReadOnly ? Reply.Ok("EXAMINE completed", "READ-ONLY") : Reply.Ok("SELECT completed", "READ-WRITE");
    }

    private static bool TryParse(ref GrammarReader r, bool readOnly, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var name) && r.ExpectEnd())) return false;
        command = new SelectCommand(name, readOnly);
        return true;
    }

    // RFC 9051 §7.1 CLOSED: what follows is about no mailbox, or about the new one.
    private static void Deselect(ImapSession session)
    {
        if (session.Selected is null) return;
        session.Select(null);
        var w = session.Connection.Write();
        w.Raw("* OK [CLOSED] the mailbox is left\r\n"u8);
        w.Commit();
    }

    private static void Describe(ImapSession session, SelectedMailbox selected)
    {
        var known = selected.Known;
        var w = session.Connection.Write();
        Announcer.Flags(ref w, selected);
        w.Raw("* "u8);
        w.Number(known.Count);
        w.Raw(" EXISTS\r\n* "u8);
        w.Number(selected.RecentCount);
        w.Raw(" RECENT\r\n"u8);
        if (known.FirstUnseen is var unseen and >= 0)
        {
            w.Raw("* OK [UNSEEN "u8);
            w.Number(unseen + 1);
            w.Raw("] first unseen message\r\n"u8);
        }
        w.Raw("* OK [UIDVALIDITY "u8);
        w.Number(known.UidValidity);
        w.Raw("] UIDs are valid\r\n* OK [UIDNEXT "u8);
        w.Number(known.UidNext.Value);
        w.Raw("] predicted next UID\r\n"u8);
        w.Commit();
    }
}
