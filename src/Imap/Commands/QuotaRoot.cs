using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Imap;

/// <summary>Quota roots: their names and the QUOTA response (RFC 9208 §4.2.1).</summary>
internal static class QuotaRoot
{
    public static readonly Reply NotFound = Reply.No("there is no such quota root", "NONEXISTENT");

    private const int NameOctetsMax = 512;

    public static bool ExpectName(ref GrammarReader r, out string name)
    {
        name = "";
        if (!r.ExpectAstring(NameOctetsMax, "quota root", out var octets)) return false;
        name = Encoding.UTF8.GetString(octets);
        return true;
    }

    /// <summary>One's own, or that of an account which one administers; others are not told to exist.</summary>
    public static async ValueTask<Account?> FindAsync(ImapSession session, string name, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(name, out var address)) return null;
        if (await session.Server.Accounts.FindAsync(address, ct) is not { RemovedAt: null } account) return null;
        var isOurs = account.Id == session.Account || Authority.Of(session.Identity!)?.Covers(address.Domain) == true;
        return isOurs ? account : null;
    }

    /// <summary>Resources without a limit are not named. False when the account has no mailboxes.</summary>
    public static async ValueTask<bool> WriteAsync(ImapSession session, Account account, CancellationToken ct)
    {
        if (await session.Server.Store.QuotaAsync(account.Id, ct) is not { } usage) return false;
        var w = session.Connection.Write();
        w.Raw("* QUOTA "u8);
        w.Astring(Encoding.UTF8.GetBytes(account.Address.ToString()));
        w.Raw(" ("u8);
        if (usage.QuotaBytes is { } octets) // §5.1: in units of 1,024 octets
        {
            w.Raw("STORAGE "u8);
            w.Number((usage.SizeBytes + 1023) / 1024);
            w.Space();
            w.Number(octets / 1024);
        }
        if (usage.QuotaMessages is { } messages)
        {
            w.Raw(usage.QuotaBytes is null ? "MESSAGE "u8 : " MESSAGE "u8);
            w.Number(usage.Messages);
            w.Space();
            w.Number(messages);
        }
        w.Raw(")\r\n"u8);
        w.Commit();
        return true;
    }
}
