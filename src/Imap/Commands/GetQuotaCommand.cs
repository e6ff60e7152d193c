using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>GETQUOTA (RFC 9208 §4.1.1). An account is one quota root, named by its address.</summary>
internal sealed record GetQuotaCommand(string Root) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && QuotaRoot.ExpectName(ref r, out var root) && r.ExpectEnd())) return false;
        command = new GetQuotaCommand(root);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (await QuotaRoot.FindAsync(session, Root, ct) is not { } account) return QuotaRoot.NotFound;
        return await QuotaRoot.WriteAsync(session, account, ct) ? Reply.Ok("GETQUOTA completed") : QuotaRoot.NotFound;
    }
}
