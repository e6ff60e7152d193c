using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>VANISHED (RFC 7162 §3.2.10): messages that are gone, by UID.</summary>
internal static class Vanished
{
    // A line with as many ranges has at most some 22 KB; more go in several responses.
    private const int RangesMax = 1000;

    /// <param name="uids">Rising.</param>
    /// <param name="earlier">They went before the mailbox was selected, or before the client's last word on it: numbers stay.</param>
    /// <returns>False when the peer is gone.</returns>
    public static async ValueTask<bool> WriteAsync(ImapSession session, IEnumerable<Uid> uids, bool earlier, CancellationToken ct)
    {
        var set = new UidSetText();
        foreach (var uid in uids)
        {
            set.Add(uid);
            if (set.Ranges < RangesMax) continue;
            Write(session, set, earlier);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        if (set.Ranges > 0) Write(session, set, earlier);
        return await session.Connection.FlushWhenFullAsync(ct);
    }

    private static void Write(ImapSession session, UidSetText set, bool earlier)
    {
        var w = session.Connection.Write();
        w.Raw(earlier ? "* VANISHED (EARLIER) "u8 : "* VANISHED "u8);
        w.Text(set.ToString());
        w.CrLf();
        w.Commit();
        set.Clear();
    }
}
