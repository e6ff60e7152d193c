using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8). A name may be subscribed while no mailbox has it.</summary>
internal sealed record SubscribeCommand(MailboxName Name, bool Subscribed) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, subscribed: true, out command);

    public static bool TryParseUnsubscribe(ref GrammarReader r, [NotNullWhen(true)] out Command? command) =>
        TryParse(ref r, subscribed: false, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (!Name.IsWellFormed) return Replies.BadName;
        var done = await session.Server.Store.Mailboxes.SubscribeAsync(session.Account, Name.Path, Subscribed, ct);
        session.Watch?.Own(Name.Path);
        if (!done.Ok) return Replies.From(done.Refusal!);
        return Reply.Ok(Subscribed ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
    }

    private static bool TryParse(ref GrammarReader r, bool subscribed, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var name) && r.ExpectEnd())) return false;
        command = new SubscribeCommand(name, subscribed);
        return true;
    }
}
