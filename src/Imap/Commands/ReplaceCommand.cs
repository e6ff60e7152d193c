using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>REPLACE and UID REPLACE (RFC 8508): a message comes and another goes in one commit.</summary>
/// <param name="Number">A message number or a UID.</param>
internal sealed record ReplaceCommand(uint Number, bool ByUid, MailboxName Mailbox, AppendMessage Message) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        var selected = session.Mailbox;
        if (!selected.TryFind(SequenceSet.Of(Number), ByUid, out var rows)) return Replies.NoSuchMessage;
        if (rows.Count == 0) return Reply.No("there is no message with this UID", "NONEXISTENT");
        if (selected.ReadOnly) return Replies.ReadOnly;
        var store = session.Server.Store;
        if (await store.Mailboxes.FindAsync(session.Account, Mailbox.Path, ct) is not { } target) return Replies.TryCreate;
        var (emails, refusal) = await session.Incoming.TakeAsync(session, [Message], ct);
        if (refusal is { } no) return no;
        var result = await store.Emails.ReplaceAsync(session.Account, selected.Id, selected.Uids(rows)[0], target.Id, emails[0], ct);
        if (!result.TryGet(out var replaced)) return Replies.FromTarget(result.Refusal!);
        if (replaced is null) return Replies.ExpungeIssued;
        // §4.3: APPENDUID goes ahead of the EXPUNGE, in an untagged OK.
        var w = session.Connection.Write();
        w.Text(string.Create(CultureInfo.InvariantCulture, $"* OK [APPENDUID {replaced.UidValidity} {replaced.Uids[0]}] it has come\r\n"));
        w.Commit();
        return Reply.Ok("REPLACE completed");
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectNumber(uint.MaxValue, byUid ? "UID" : "message number", out var number))) return false;
        if (number == 0) return r.Missing("number above 0");
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var mailbox) && r.ExpectSpace()
              && AppendGrammar.ExpectMessage(ref r, out var message) && r.ExpectEnd())) return false;
        command = new ReplaceCommand((uint)number, byUid, mailbox, message);
        return true;
    }
}
