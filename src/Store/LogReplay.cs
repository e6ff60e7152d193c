using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Brings a snapshot up to the database by the change log: for what other nodes have written.</summary>
internal static class LogReplay
{
    private const int RowsMax = 500;

    /// <summary>The snapshot of now, the same one when nothing has happened, or null when the mailbox is gone.</summary>
    public static MailboxSnapshot? CatchUp(Snapshot db, AccountId account, MailboxSnapshot snapshot)
    {
        long modSeq, uidNext;
        using (var row = db.Prepare("SELECT modseq, uid_next FROM mailbox WHERE account = $1 AND mailbox = $2 AND parent >= 0")
            .Bind(account.Value).Bind(snapshot.Mailbox.Value).Query())
        {
            if (!row.Next()) return null;
            (modSeq, uidNext) = (row.Int64(0), row.Int64(1));
        }

        if (modSeq == snapshot.HighestModSeq.Value) return snapshot;
        var page = ChangeStream.Read(db, account, snapshot.HighestModSeq, RowsMax);
        if (page.HasMore || !page.IsWhole) return MembershipRows.Load(db, account, snapshot.Mailbox);
        var touched = new SortedSet<Uid>();
        foreach (var change in page.Changes)
        {
            if (change.Mailbox != snapshot.Mailbox) continue;
            foreach (var item in change.Emails) touched.Add(item.Uid);
        }

        Uid[] uids = [.. touched];
        var rows = MembershipRows.Read(db, account, snapshot.Mailbox, uids);
        var alive = rows.Select(r => r.Uid).ToHashSet();
        return snapshot.Apply(new MailboxDelta(snapshot.Mailbox, snapshot.HighestModSeq, new ModSeq(modSeq), new Uid((uint)uidNext))
        {
            Added = [.. rows.Where(r => r.Uid.Value >= snapshot.UidNext.Value)],
            Changed = [.. rows.Where(r => r.Uid.Value < snapshot.UidNext.Value)],
            Removed = [.. uids.Where(u => u.Value < snapshot.UidNext.Value && !alive.Contains(u))],
        });
    }
}
