using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Imap;

/// <summary>GETQUOTAROOT (RFC 9208 §4.1.2). The mailbox need not exist.</summary>
internal sealed record GetQuotaRootCommand(MailboxName Mailbox) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && r.ExpectMailbox(out var mailbox) && r.ExpectEnd())) return false;
        command = new GetQuotaRootCommand(mailbox);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (await session.Server.Accounts.FindAsync(session.Account, ct) is not { } account) return QuotaRoot.NotFound;
        // Without any limit there is no root to tell of; clients trip on a QUOTA response that lists nothing.
        var limited = await session.Server.Store.QuotaAsync(account.Id, ct) is { } usage && (usage.QuotaBytes ?? usage.QuotaMessages) is not null;
        WriteRoots(session, limited ? account : null);
        if (!limited) return Reply.Ok("GETQUOTAROOT completed");
        return await QuotaRoot.WriteAsync(session, account, ct) ? Reply.Ok("GETQUOTAROOT completed") : QuotaRoot.NotFound;
    }

    private void WriteRoots(ImapSession session, Account? root)
    {
        var w = session.Connection.Write();
        w.Raw("* QUOTAROOT "u8);
        w.Mailbox(Mailbox.Path, session.Has(Extensions.Utf8Names));
        if (root is not null)
        {
            w.Space();
            w.Astring(Encoding.UTF8.GetBytes(root.Address.ToString()));
        }
        w.CrLf();
        w.Commit();
    }
}
