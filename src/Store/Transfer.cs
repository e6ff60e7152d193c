using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>One slice of COPY or MOVE between two mailboxes of an account, or within one.</summary>
internal static class Transfer
{
    private const string ShareSql =
        "UPDATE membership SET flags = flags | 128 WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4";

    private const string MoveSql =
        "UPDATE membership SET mailbox = $1, uid = $2, modseq = $3, saved_at = $4 WHERE account = $5 AND mailbox = $6 AND uid = $7";

    /// <summary>The Emails get one more membership each; EMAILID and flags stay (RFC 8474 §5.1, RFC 9051 §6.4.7).</summary>
    /// <param name="uids">Rising; those that do not exist are passed over.</param>
    public static Copied Copy(Transaction tx, AccountId account, MailboxId from, ReadOnlySpan<Uid> uids, MailboxId to, ViewCache views)
    {
        if (Open(tx, account, from, uids, to) is not { Count: > 0 } rows) return Nothing(tx, account, to);
        foreach (var (first, last) in MembershipRows.Runs(uids))
        {
            tx.Prepare(ShareSql).Bind(account.Value).Bind(from.Value).Bind((long)first.Value).Bind((long)last.Value).Execute();
        }

        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        var tally = default(Tally);
        foreach (var row in rows) tally.Add(row.Bits, row.SizeBytes);
        var touched = edit.Touch(to, rows.Count, tally);
        var added = Renumber(edit, rows, touched, FlagBits.Shared);
        foreach (var row in added) Arrival.Insert(edit, to, row, tx.Now);
        edit.Log(ChangeKind.Added, to, Items(added));
        edit.Announce(new MailboxDelta(to, touched.Before, edit.ModSeq, touched.UidNext) { Added = added });
        edit.End();
        return Pairs(touched.UidValidity, rows, added);
    }

    /// <summary>The memberships change their mailbox and uid (RFC 6851 §3.3: each message is in one of both at any time).</summary>
    public static Copied Move(Transaction tx, AccountId account, MailboxId from, ReadOnlySpan<Uid> uids, MailboxId to, ViewCache views)
    {
        if (Open(tx, account, from, uids, to) is not { Count: > 0 } rows) return Nothing(tx, account, to);
        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        Tally coming = default, going = default;
        foreach (var row in rows)
        {
            coming.Add(row.Bits, row.SizeBytes);
            going.Remove(row.Bits, row.SizeBytes);
        }

        var target = edit.Touch(to, rows.Count, from == to ? default : coming);
        var added = Renumber(edit, rows, target, 0);
        for (var i = 0; i < rows.Count; i++)
        {
            tx.Prepare(MoveSql).Bind(to.Value).Bind((long)added[i].Uid.Value).Bind(edit.ModSeq.Value).Bind(tx.Now)
                .Bind(account.Value).Bind(from.Value).Bind((long)rows[i].Uid.Value).Execute();
        }

        edit.Log(ChangeKind.Expunged, from, Items(rows));
        edit.Log(ChangeKind.Added, to, Items(added));
        Uid[] removed = [.. rows.Select(r => r.Uid)];
        if (from == to)
        {
            edit.Announce(new MailboxDelta(to, target.Before, edit.ModSeq, target.UidNext) { Added = added, Removed = removed });
        }
        else
        {
            var source = edit.Touch(from, 0, going);
            edit.Announce(new MailboxDelta(to, target.Before, edit.ModSeq, target.UidNext) { Added = added });
            edit.Announce(new MailboxDelta(from, source.Before, edit.ModSeq, source.UidNext) { Removed = removed });
        }

        edit.End();
        return Pairs(target.UidValidity, rows, added);
    }

    private static List<EmailRow> Open(Transaction tx, AccountId account, MailboxId from, ReadOnlySpan<Uid> uids, MailboxId to)
    {
        tx.LockAccount(account);
        MailboxRows.Require(tx, account, from);
        if (to != from) MailboxRows.Require(tx, account, to);
        return MembershipRows.Read(tx, account, from, uids);
    }

    private static Copied Nothing(Transaction tx, AccountId account, MailboxId to)
    {
        var uidValidity = tx.Prepare("SELECT uid_validity FROM mailbox WHERE account = $1 AND mailbox = $2")
            .Bind(account.Value).Bind(to.Value).Scalar();
        return new Copied((uint)(uidValidity ?? 0), []);
    }

    private static EmailRow[] Renumber(AccountEdit edit, List<EmailRow> rows, in TouchedMailbox target, uint setBits)
    {
        var first = target.UidNext.Value - (uint)rows.Count;
        var saved = edit.Tx.Now.ToUnixTimeMilliseconds();
        var added = new EmailRow[rows.Count];
        for (var i = 0; i < added.Length; i++)
        {
            var row = rows[i];
            added[i] = new EmailRow(
                first + i, row.Email.Value, row.Thread.Value, edit.ModSeq.Value, row.Bits | setBits, row.SizeBytes,
                row.ReceivedAt.ToUnixTimeMilliseconds(), saved);
        }

        return added;
    }

    private static ChangedEmail[] Items(IReadOnlyList<EmailRow> rows) => [.. rows.Select(r => new ChangedEmail(r.Uid, r.Email))];

    private static Copied Pairs(uint uidValidity, List<EmailRow> rows, EmailRow[] added)
    {
        var pairs = new (Uid From, Uid To)[added.Length];
        for (var i = 0; i < pairs.Length; i++) pairs[i] = (rows[i].Uid, added[i].Uid);
        return new Copied(uidValidity, pairs);
    }
}
