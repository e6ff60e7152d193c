using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Tells a client that was away what it has missed (RFC 7162 §3.2.5, §3.2.6).</summary>
internal static class Resynchronizer
{
    /// <summary>SELECT … (QRESYNC …): what has vanished, then what has changed. The mailbox is selected and described.</summary>
    /// <returns>False when the peer is gone.</returns>
    public static async ValueTask<bool> TellAsync(ImapSession session, QResyncParameter known, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (known.UidValidity != mailbox.Known.UidValidity) return true; // RFC 7162 §3.2.5.1: as if there were no parameter
        if (!await VanishedAsync(session, known.ModSeq, known.Uids, ct, known.Match)) return false;
        var rows = RowSet.All(mailbox.Count);
        if (known.Uids is { } uids) mailbox.TryFind(uids, byUid: true, out rows);
        var request = new FetchRequest(FetchItems.Uid | FetchItems.Flags | FetchItems.ModSeq, []);
        return await new FetchRun(session, request).WriteAsync(mailbox.ChangedSince(rows, known.ModSeq), ct) is not { Status: ReplyStatus.Gone };
    }

    /// <summary>VANISHED (EARLIER) with what has gone since, of a set of UIDs or of all.</summary>
    /// <param name="match">What the client still had, where the log does not reach back so far.</param>
    /// <returns>False when the peer is gone.</returns>
    public static async ValueTask<bool> VanishedAsync(
        ImapSession session, ModSeq since, SequenceSet? uids, CancellationToken ct, SequenceMatch? match = null)
    {
        var mailbox = session.Mailbox;
        var snapshot = mailbox.Known;
        // What the mailbox has never had is no news, and what arrived since this session looked comes by EXISTS.
        var ranges = uids is { IsSaved: true } ? mailbox.UidsOf(uids, byUid: true)
            : uids?.Resolve(snapshot.UidNext.Value - 1) ?? [new NumberRange(1, snapshot.UidNext.Value - 1)];
        var expunged = await session.Server.Store.Changes.ExpungedAsync(session.Account, mailbox.Id, since, ct);
        var gone = expunged is null
            ? Holes(snapshot, ranges, match?.FirstDoubtful(snapshot) ?? 1)
            : expunged.Where(uid => uid.Value < snapshot.UidNext.Value && NumberRange.Find(ranges, uid.Value) && snapshot.IndexOf(uid) < 0);
        return await Vanished.WriteAsync(session, gone, earlier: true, ct);
    }

    // RFC 7162 §3.2.5.1: a server that has forgotten tells of everything that is not there.
    private static IEnumerable<Uid> Holes(MailboxSnapshot snapshot, List<NumberRange> ranges, uint from)
    {
        foreach (var range in ranges)
        {
            var next = Math.Max(range.First, from);
            var last = Math.Min(range.Last, snapshot.UidNext.Value - 1);
            if (next > last) continue;
            var at = snapshot.IndexOf(new Uid(next));
            if (at < 0) at = ~at;
            for (; next <= last; next++)
            {
                if (at < snapshot.Count && snapshot[at].Uid.Value == next) at++;
                else yield return new Uid(next);
            }
        }
    }
}
