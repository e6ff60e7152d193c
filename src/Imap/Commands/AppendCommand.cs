using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>One message of an APPEND.</summary>
internal sealed record AppendMessage(FlagList Flags, DateTimeOffset? ReceivedAt, LiteralRef Literal);

/// <summary>APPEND (RFC 9051 §6.3.12) of one message or several (RFC 3502), with APPENDUID (RFC 4315 §3).</summary>
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
            if (!ExpectOptions(ref r, out var flags, out var receivedAt)) return false;
            if (!r.TryLiteralRef(out var literal)) return r.Missing("literal");
            messages.Add(new AppendMessage(flags, receivedAt, literal));
        }
        while (r.TrySpace());
        if (!r.ExpectEnd()) return false;
        command = new AppendCommand(mailbox, messages);
        return true;
    }

    /// <summary>Whether the literal that is announced behind this text is a message of an APPEND, and for which mailbox.</summary>
    /// <param name="text">A command from its tag up to the literal.</param>
    public static bool IsMessageNext(ReadOnlyMemory<byte> text, out MailboxName mailbox)
    {
        var r = new GrammarReader(text);
        mailbox = default;
        if (!(r.ExpectTag(out _) && r.TrySpace() && r.TryWord("APPEND"u8)
            && r.TrySpace() && r.ExpectMailbox(out mailbox) && r.TrySpace())) return false;
        while (ExpectOptions(ref r, out _, out _))
        {
            if (r.End) return true;
            if (!r.TryLiteralRef(out _) || !r.TrySpace()) return false;
        }
        return false;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var store = session.Server.Store;
        if (await store.Mailboxes.FindAsync(session.Account, Mailbox.Path, ct) is not { } target) return Replies.TryCreate;
        var emails = await session.Incoming.TakeAsync(session, Messages, ct);
        var result = await store.Emails.AppendAsync(session.Account, target.Id, emails, ct);
        if (!result.TryGet(out var appended)) return Replies.FromTarget(result.Refusal!);
        var uids = new UidSetText();
        foreach (var uid in appended.Uids) uids.Add(uid);
        return Reply.Ok("APPEND completed", $"APPENDUID {appended.UidValidity} {uids}");
    }

    // [SP flag-list] [SP date-time] SP, the first space read
    private static bool ExpectOptions(ref GrammarReader r, out FlagList flags, out DateTimeOffset? receivedAt)
    {
        flags = FlagList.Empty;
        receivedAt = null;
        if (r.TryPeek(out var next) && next == '(' && !(FlagList.ExpectList(ref r, out flags) && r.ExpectSpace())) return false;
        if (!r.TryPeek(out next) || next != '"') return true;
        if (!(ImapDate.ExpectDateTime(ref r, out var time) && r.ExpectSpace())) return false;
        receivedAt = time;
        return true;
    }
}
