using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>One message of an APPEND.</summary>
/// <param name="Utf8">Sent as UTF8 data (RFC 6855 §4), which must have been agreed on.</param>
internal sealed record AppendMessage(FlagList Flags, DateTimeOffset? ReceivedAt, bool Utf8, LiteralRef Literal);

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
            if (!ExpectOptions(ref r, out var flags, out var receivedAt, out var utf8)) return false;
            if (!r.TryLiteralRef(out var literal)) return r.Missing("literal");
            if (utf8 && !r.ExpectByte((byte)')', "\")\"")) return false;
            messages.Add(new AppendMessage(flags, receivedAt, utf8, literal));
        }
        while (r.TrySpace());
        if (!r.ExpectEnd()) return false;
        command = new AppendCommand(mailbox, messages);
        return true;
    }

    /// <summary>Whether the literal that is announced behind this text is a message of an APPEND, and for which mailbox.</summary>
    /// <param name="text">A command from its tag up to the literal.</param>
    /// <param name="utf8">As <see cref="GrammarReader.Utf8"/>.</param>
    /// <param name="mailbox">Where the message is to go.</param>
    public static bool IsMessageNext(ReadOnlyMemory<byte> text, bool utf8, out MailboxName mailbox)
    {
        var r = new GrammarReader(text) { Utf8 = utf8 };
        mailbox = default;
        if (!(r.ExpectTag(out _) && r.TrySpace() && r.TryWord("APPEND"u8)
            && r.TrySpace() && r.ExpectMailbox(out mailbox) && r.TrySpace())) return false;
        while (ExpectOptions(ref r, out _, out _, out var isUtf8))
        {
            if (r.End) return true;
            if (!r.TryLiteralRef(out _) || (isUtf8 && !r.TryByte((byte)')')) || !r.TrySpace()) return false;
        }
        return false;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var store = session.Server.Store;
        if (!session.Has(Extensions.Utf8) && Messages.Any(message => message.Utf8)) return Reply.Bad("ENABLE UTF8=ACCEPT comes first");
        if (await store.Mailboxes.FindAsync(session.Account, Mailbox.Path, ct) is not { } target) return Replies.TryCreate;
        var emails = await session.Incoming.TakeAsync(session, Messages, ct);
        var result = await store.Emails.AppendAsync(session.Account, target.Id, emails, ct);
        if (!result.TryGet(out var appended)) return Replies.FromTarget(result.Refusal!);
        var uids = new UidSetText();
        foreach (var uid in appended.Uids) uids.Add(uid);
        return Reply.Ok("APPEND completed", $"APPENDUID {appended.UidValidity} {uids}");
    }

    // [SP flag-list] [SP date-time] SP ["UTF8" SP "(" "~"], the first space read
    private static bool ExpectOptions(ref GrammarReader r, out FlagList flags, out DateTimeOffset? receivedAt, out bool utf8)
    {
        flags = FlagList.Empty;
        receivedAt = null;
        utf8 = false;
        if (r.TryPeek(out var next) && next == '(' && !(FlagList.ExpectList(ref r, out flags) && r.ExpectSpace())) return false;
        if (r.TryPeek(out next) && next == '"')
        {
            if (!(ImapDate.ExpectDateTime(ref r, out var time) && r.ExpectSpace())) return false;
            receivedAt = time;
        }
        utf8 = r.TryKeyword("UTF8 ("u8);
        return !utf8 || r.ExpectByte((byte)'~', "literal8");
    }
}
