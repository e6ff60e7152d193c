using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>APPEND (RFC 9051 §6.3.12) of one message or several (RFC 3502), with APPENDUID (RFC 4315 §3). Several come in one commit.</summary>
internal sealed record AppendCommand(MailboxName Mailbox, IReadOnlyList<AppendMessage> Messages) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var messages = new List<AppendMessage>();
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var mailbox) && r.ExpectSpace())) return false;
        do
        {
            if (messages.Count == ImapLimits.AppendMessagesMax) return r.Missing($"at most {ImapLimits.AppendMessagesMax} messages");
            if (!AppendGrammar.ExpectMessage(ref r, out var message)) return false;
            messages.Add(message);
        }
        while (r.TrySpace());
        if (!r.ExpectEnd()) return false;
        command = new AppendCommand(mailbox, messages);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var store = session.Server.Store;
        if (!session.Has(Extensions.Utf8) && Messages.Any(message => message.IsUtf8)) return Reply.Bad("ENABLE UTF8=ACCEPT comes first");
        if (await store.Mailboxes.FindAsync(session.Account, Mailbox.Path, ct) is not { } target) return Replies.TryCreate;
        var (emails, refusal) = await session.Incoming.TakeAsync(session, Messages, ct);
        if (refusal is { } no) return no;
        var result = await store.Emails.AppendAsync(session.Account, target.Id, emails, ct);
        if (!result.TryGet(out var appended)) return Replies.FromTarget(result.Refusal!);
        var uids = new UidSetText();
        foreach (var uid in appended.Uids) uids.Add(uid);
        return Reply.Ok("APPEND completed", $"APPENDUID {appended.UidValidity} {uids}");
    }
}
