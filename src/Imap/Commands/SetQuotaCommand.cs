using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Imap;

/// <summary>SETQUOTA (RFC 9208 §4.1.3), for those who administer the account.</summary>
/// <param name="Octets">Null for no limit.</param>
/// <param name="Messages">Null for no limit.</param>
/// <param name="Unknown">A resource that is none of ours.</param>
internal sealed record SetQuotaCommand(string Root, long? Octets, long? Messages, string? Unknown) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        long? octets = null, messages = null;
        string? unknown = null;
        if (!(r.ExpectSpace() && QuotaRoot.ExpectName(ref r, out var root) && r.ExpectSpace() && r.ExpectByte((byte)'(', "\"(\""))) return false;
        var more = !r.TryByte((byte)')');
        while (more)
        {
            if (!(r.ExpectAtom(64, "resource name", out var name) && r.ExpectSpace()
                  && r.ExpectNumber(long.MaxValue / 1024, "resource limit", out var limit))) return false;
            if (name.Equals("STORAGE", StringComparison.OrdinalIgnoreCase)) octets = (long)limit * 1024;
            else if (name.Equals("MESSAGE", StringComparison.OrdinalIgnoreCase)) messages = (long)limit;
            else unknown ??= name;
            more = r.TrySpace();
            if (!more && !r.ExpectByte((byte)')', "\")\"")) return false;
        }
        if (!r.ExpectEnd()) return false;
        command = new SetQuotaCommand(root, octets, messages, unknown);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (Unknown is not null) return Reply.No($"there is no limit on {Unknown} here", "CANNOT");
        // RFC 9208 §6: who administers nothing sets no limit, not even the own one.
        if (Authority.Of(session.Identity!) is not { } authority) return Reply.No("only an administrator sets quotas", "NOPERM");
        if (await QuotaRoot.FindAsync(session, Root, ct) is not { } account) return QuotaRoot.NotFound;
        var change = new AccountChange { Quota = new Quota(Octets, Messages) };
        var changed = await session.Server.Accounts.ChangeAsync(authority, account.Address, change, ct);
        if (!changed.TryGet(out var now)) return Replies.From(changed.Refusal!);
        return await QuotaRoot.WriteAsync(session, now, ct) ? Reply.Ok("SETQUOTA completed") : QuotaRoot.NotFound;
    }
}
