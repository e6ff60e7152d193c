using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2), with resynchronization (RFC 7162 §3.1.8, §3.2.5).</summary>
internal sealed record SelectCommand(MailboxName Name, bool ReadOnly, bool CondStore = false, QResyncParameter? QResync = null) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, readOnly: false, out command);

    public static bool TryParseExamine(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, readOnly: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (QResync is not null && !session.Has(Extensions.QResync)) return Replies.NeedsQResync;
        // RFC 3501 §6.3.1: "the currently selected mailbox is deselected before attempting the new selection", even when that fails.
        Deselect(session);
        var mailboxes = session.Server.Store.Mailboxes;
        if (await mailboxes.FindAsync(session.Account, Name.Path, ct) is not { } found) return Replies.NonExistent;
        if (await mailboxes.OpenAsync(session.Account, found.Id, ct) is not { } view) return Replies.NonExistent;
        if (CondStore) session.Enable(Extensions.CondStore);
        var selected = new SelectedMailbox(view, found.Path, ReadOnly);
        session.Select(selected);
        if (!session.Has(Extensions.Rev2)) selected.ClaimRecent();
        Describe(session, selected);
        if (QResync is not null && !await Resynchronizer.TellAsync(session, QResync, ct)) return Replies.Gone;
        return ReadOnly ? Reply.Ok("EXAMINE completed", "READ-ONLY") : Reply.Ok("SELECT completed", "READ-WRITE");
    }

    private static bool TryParse(ref GrammarReader r, bool readOnly, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var name))) return false;
        var condStore = false;
        QResyncParameter? qResync = null;
        if (r.TrySpace() && !ExpectParameters(ref r, ref condStore, ref qResync)) return false;
        if (!r.ExpectEnd()) return false;
        command = new SelectCommand(name, readOnly, condStore, qResync);
        return true;
    }

    // "(" select-param *(SP select-param) ")" (RFC 4466 §2.1)
    private static bool ExpectParameters(ref GrammarReader r, ref bool condStore, ref QResyncParameter? qResync)
    {
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        do
        {
            if (r.TryWord("CONDSTORE"u8)) condStore = true;
            else if (!r.TryWord("QRESYNC"u8)) return r.Missing("CONDSTORE or QRESYNC");
            else if (!(r.ExpectSpace() && QResyncParameter.ExpectFrom(ref r, out qResync))) return false;
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
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
        w.Raw(" EXISTS\r\n"u8);
        Announcer.Recent(ref w, session, selected);
        // RFC 9051 appendix E: no UNSEEN; RFC 9586 §3.1: nothing with a message number.
        if (!session.Has(Extensions.Rev2 | Extensions.UidOnly) && known.FirstUnseen is var unseen and >= 0)
        {
            w.Raw("* OK [UNSEEN "u8);
            w.Number(unseen + 1);
            w.Raw("] first unseen message\r\n"u8);
        }
        w.Raw("* OK [UIDVALIDITY "u8);
        w.Number(known.UidValidity);
        w.Raw("] UIDs are valid\r\n* OK [UIDNEXT "u8);
        w.Number(known.UidNext.Value);
        w.Raw("] predicted next UID\r\n* OK [MAILBOXID ("u8); // RFC 8474 §4.2
        w.Text(ObjectId.Of(selected.View.Account, selected.Id));
        w.Raw(")] its id\r\n* OK [URLMECH INTERNAL] how URLs are authorized\r\n"u8); // RFC 4467 §8
        Announcer.HighestModSeq(ref w, selected);
        if (session.Has(Extensions.Rev2))
        {
            // RFC 9051 §6.3.2: the mailbox as the server writes its name.
            w.Raw("* LIST () \"/\" "u8);
            w.Mailbox(selected.Path, utf8: true);
            w.CrLf();
        }
        w.Commit();
    }
}
