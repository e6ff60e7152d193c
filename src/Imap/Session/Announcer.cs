using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Tells a client what has happened to the selected mailbox since it was last told (RFC 9051 §5.2, §7.5.1).</summary>
internal static class Announcer
{
    /// <summary>Writes EXPUNGE, EXISTS and FETCH for all that lies between what the client knows and the present, then makes it known.</summary>
    /// <param name="keepNumbers">EXPUNGE may not be sent. Then, when there is one, everything waits: what follows counts by the new numbers.</param>
    /// <returns>False when the peer is gone.</returns>
    public static ValueTask<bool> TellAsync(ImapSession session, SelectedMailbox mailbox, bool keepNumbers, CancellationToken ct) =>
        TellAsync(session, mailbox, keepNumbers, tellsFlags: true, fetch: null, ct);

    /// <summary>As the other one, for a client that has said what it wants to hear (RFC 5465).</summary>
    /// <param name="tellsFlags">Flags that have changed are told.</param>
    /// <param name="fetch">What is told of each new message (§5.2).</param>
    public static async ValueTask<bool> TellAsync(
        ImapSession session, SelectedMailbox mailbox, bool keepNumbers, bool tellsFlags, FetchRequest? fetch, CancellationToken ct)
    {
        var present = mailbox.View.Current;
        if (ReferenceEquals(present, mailbox.Known)) return true;
        var diff = MailboxSnapshot.Diff(mailbox.Known, present);
        if (keepNumbers && diff.Expunged.Count > 0) return true;
        if (mailbox.HasContexts) mailbox.Contexts.TellRemoved(session, mailbox.Known, diff);
        var (before, told) = mailbox.Advance(present);
        if (!await (session.Has(Extensions.ByUid) ? VanishedAsync(session, before, diff, ct) : ExpungedAsync(session, diff, ct))) return false;
        Exists(session, mailbox, before.Count - diff.Expunged.Count);
        for (var start = 0; tellsFlags && start < diff.Changed.Count; start += ImapLimits.BatchRows)
        {
            Changed(session, before, told, diff, start);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        if (mailbox.HasContexts) await mailbox.Contexts.TellChangedAsync(session, diff, ct);
        if (fetch is null || diff.FirstNew == mailbox.Count) return true;
        var newcomers = new RowSet([new IndexRange(diff.FirstNew, mailbox.Count - 1)]);
        return await new FetchRun(session, fetch).WriteAsync(newcomers, ct) is not { Status: ReplyStatus.Gone };
    }

    /// <summary>
    /// FLAGS and PERMANENTFLAGS: every keyword of the account may appear, and new ones may be made unless the mailbox is
    /// read-only.
    /// </summary>
    public static void Flags(ref WireWriter w, SelectedMailbox mailbox)
    {
        var keywords = mailbox.View.Keywords.All;
        mailbox.KeywordsTold = keywords.Count;
        w.Raw("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft"u8);
        Keywords(ref w, keywords);
        w.Raw(")\r\n* OK [PERMANENTFLAGS ("u8);
        if (!mailbox.ReadOnly)
        {
            w.Raw("\\Answered \\Flagged \\Deleted \\Seen \\Draft"u8);
            Keywords(ref w, keywords);
            w.Raw(" \\*"u8);
        }
        w.Raw(")] flags that are kept\r\n"u8);
    }

    /// <summary>RECENT, which IMAP4rev2 does not have (RFC 9051 appendix E).</summary>
    public static void Recent(ref WireWriter w, ImapSession session, SelectedMailbox mailbox)
    {
        if (session.Has(Extensions.Rev2)) return;
        w.Raw("* "u8);
        w.Number(mailbox.RecentCount);
        w.Raw(" RECENT\r\n"u8);
    }

    /// <summary>Where the client stands when it has read this (RFC 7162 §3.1.2.1).</summary>
    public static void HighestModSeq(ref WireWriter w, SelectedMailbox mailbox)
    {
        w.Raw("* OK [HIGHESTMODSEQ "u8);
        w.Number(mailbox.Known.HighestModSeq.Value);
        w.Raw("] the last change\r\n"u8);
    }

    private static void Keywords(ref WireWriter w, IReadOnlyList<string> keywords)
    {
        foreach (var keyword in keywords)
        {
            w.Space();
            w.Text(keyword);
        }
    }

    private static async ValueTask<bool> ExpungedAsync(ImapSession session, MailboxDiff diff, CancellationToken ct)
    {
        for (var end = diff.Expunged.Count; end > 0; end -= ImapLimits.BatchRows)
        {
            Expunged(session, diff, Math.Max(0, end - ImapLimits.BatchRows), end);
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        return true;
    }

    // RFC 7162 §3.2.10.2: only what the client was told of by EXISTS, which is what the snapshot before holds.
    private static ValueTask<bool> VanishedAsync(ImapSession session, MailboxSnapshot before, MailboxDiff diff, CancellationToken ct) =>
        Vanished.WriteAsync(session, diff.Expunged.Select(index => before[index].Uid), earlier: false, ct);

    // From the end, so that no number moves before it is named.
    private static void Expunged(ImapSession session, MailboxDiff diff, int start, int end)
    {
        var w = session.Connection.Write();
        for (var i = end - 1; i >= start; i--)
        {
            w.Raw("* "u8);
            w.Number(diff.Expunged[i] + 1);
            w.Raw(" EXPUNGE\r\n"u8);
        }
        w.Commit();
    }

    private static void Exists(ImapSession session, SelectedMailbox mailbox, int left)
    {
        var w = session.Connection.Write();
        if (mailbox.View.Keywords.All.Count > mailbox.KeywordsTold) Flags(ref w, mailbox);
        if (mailbox.Known.Count > left)
        {
            if (!session.Has(Extensions.Rev2)) mailbox.ClaimRecent();
            w.Raw("* "u8);
            w.Number(mailbox.Known.Count);
            w.Raw(" EXISTS\r\n"u8);
            Recent(ref w, session, mailbox);
        }
        w.Commit();
    }

    private static void Changed(
        ImapSession session, MailboxSnapshot before, IReadOnlyDictionary<int, Told>? told, MailboxDiff diff, int start)
    {
        var mailbox = session.Mailbox;
        var tellsModSeq = session.Has(Extensions.CondStore);
        var w = session.Connection.Write();
        var end = Math.Min(start + ImapLimits.BatchRows, diff.Changed.Count);
        for (var i = start; i < end; i++)
        {
            ref readonly var now = ref mailbox.Known[diff.Changed[i]];
            var at = before.IndexOf(now.Uid);
            if (at >= 0)
            {
                var was = told is not null && told.TryGetValue(at, out var some) ? some : new Told(before[at]);
                if (was.Flags == now.Flags && (!tellsModSeq || was.ModSeq == now.ModSeq)) continue;
            }
            FetchWriter.Flags(ref w, diff.Changed[i] + 1, now, session);
        }
        w.Commit();
    }
}
