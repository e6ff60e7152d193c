using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>CREATE (RFC 9051 §6.3.4), with a special use (RFC 6154 §3).</summary>
internal sealed record CreateCommand(MailboxName Name, MailboxRole? Role, bool RoleIsKnown) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var name))) return false;
        var use = "";
        if (r.TrySpace()
            && !(r.ExpectKeyword("(USE ("u8) && r.ExpectByte((byte)'\\', "special use")
                 && r.ExpectAtom(32, "special use", out use) && r.ExpectKeyword("))"u8))) return false;
        if (!r.ExpectEnd()) return false;
        command = new CreateCommand(name, SpecialUse.Read(use), use.Length == 0 || SpecialUse.Read(use) is not null);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (!Name.IsWellFormed) return Replies.BadName;
        if (!RoleIsKnown) return Reply.No("no mailbox can have this use", "USEATTR");
        var created = await session.Server.Store.Mailboxes.CreateAsync(session.Account, Name.Path, Role, ct);
        session.Watch?.Own(Name.Path);
        // RFC 8474 §4.1.
        if (created.TryGet(out var mailbox)) return Reply.Ok("CREATE completed", $"MAILBOXID ({ObjectId.Of(session.Account, mailbox.Id)})");
        var reply = Replies.From(created.Refusal!);
        return created.Refusal!.Kind == RefusalKind.Conflict ? reply with { Code = "USEATTR" } : reply; // RFC 6154 §3
    }
}
