using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The announcement behind it names what is gone.</summary>
/// <param name="Set">Which of the messages with \Deleted; null for all.</param>
internal sealed record ExpungeCommand(SequenceSet? Set) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = new ExpungeCommand((SequenceSet?)null);
        return r.ExpectEnd();
    }

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && SequenceSet.ExpectFrom(ref r, out var set) && r.ExpectEnd())) return false;
        command = new ExpungeCommand(set);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (mailbox.ReadOnly) return Replies.ReadOnly;
        List<Uid>? only = null;
        if (Set is not null)
        {
            mailbox.TryFind(Set, byUid: true, out var rows);
            only = mailbox.Uids(rows);
        }
        var gone = await session.Progress.WhileAsync(session.Server.Store.Emails.ExpungeAsync(session.Account, mailbox.Id, only, ct), ct);
        if (!gone.TryGet(out var uids)) return Replies.From(gone.Refusal!);
        return Reply.Ok("EXPUNGE completed") with { TellsModSeq = uids.Count > 0 && session.Has(Extensions.QResync) };
    }
}
