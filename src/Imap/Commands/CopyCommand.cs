using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>COPY and MOVE by message number and by UID (RFC 9051 §6.4.7, §6.4.8), with COPYUID (RFC 4315 §3).</summary>
internal sealed record CopyCommand(SequenceSet Set, MailboxName Target, bool ByUid, bool Moves) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, false, false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, true, false, out command);

    public static bool TryParseMove(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, false, true, out command);

    public static bool TryParseUidMove(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, true, true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        if (!mailbox.TryFind(Set, ByUid, out var rows)) return Replies.NoSuchMessage;
        if (Moves && mailbox.ReadOnly) return Replies.ReadOnly;
        var store = session.Server.Store;
        if (await store.Mailboxes.FindAsync(session.Account, Target.Path, ct) is not { } target) return Replies.TryCreate;
        var done = Reply.Ok(Moves ? "MOVE completed" : "COPY completed");
        if (rows.Count == 0) return done;
        var uids = mailbox.Uids(rows);
        var result = await session.Progress.WhileAsync(
            Moves
                ? store.Emails.MoveAsync(session.Account, mailbox.Id, uids, target.Id, ct)
                : store.Emails.CopyAsync(session.Account, mailbox.Id, uids, target.Id, ct), ct);
        if (!result.TryGet(out var copied)) return Replies.FromTarget(result.Refusal!);
        // RFC 2180 §4.4.1: messages that somebody has expunged are not copied, and without them the rest is not all.
        if (copied.Uids.Count == 0) return Replies.ExpungeIssued;
        var code = CodeOf(copied);
        if (!Moves) return done with { Code = code };
        // RFC 6851 §4.3: COPYUID goes ahead of the EXPUNGEs, in an untagged OK.
        var w = session.Connection.Write();
        w.Raw("* OK ["u8);
        w.Text(code);
        w.Raw("] moved\r\n"u8);
        w.Commit();
        return done with { TellsModSeq = session.Has(Extensions.QResync) }; // as RFC 7162 §3.2.7 has it of EXPUNGE
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, bool moves, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && SequenceSet.ExpectFrom(ref r, out var set)
            && r.ExpectSpace() && r.ExpectMailbox(out var target) && r.ExpectEnd())) return false;
        command = new CopyCommand(set, target, byUid, moves);
        return true;
    }

    private static string CodeOf(Copied copied)
    {
        var (from, to) = (new UidSetText(), new UidSetText());
        foreach (var (source, copy) in copied.Uids)
        {
            from.Add(source);
            to.Add(copy);
        }
        return $"COPYUID {copied.UidValidity} {from} {to}";
    }
}
