using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Memberships go; an Email whose last one has gone goes with it: the one place where rows of email are deleted.</summary>
internal static class Expunge
{
    private const string DeleteSql = "DELETE FROM membership WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4";

    private const string DestroySql = "DELETE FROM email WHERE id = $1 RETURNING blob, thread_keys, size_bytes";

    private const string DoomedUidsSql = "SELECT uid FROM membership WHERE account = $1 AND mailbox = $2 AND (flags & 16) <> 0 ORDER BY uid";

    /// <summary>What EXPUNGE would take: the \Deleted ones, of <paramref name="only"/> when it is given.</summary>
    public static Uid[] Candidates(Snapshot db, AccountId account, MailboxId mailbox, IReadOnlyList<Uid>? only)
    {
        MailboxRows.Require(db, account, mailbox);
        if (only is { Count: <= 256 })
        {
            return [.. MembershipRows.Read(db, account, mailbox, MembershipRows.Sorted(only)).Where(r => r.IsDeleted).Select(r => r.Uid)];
        }

        var any = db.Prepare("SELECT deleted FROM mailbox WHERE account = $1 AND mailbox = $2").Bind(account.Value).Bind(mailbox.Value).Scalar();
        if (any is null or 0) return [];
        var uids = new List<Uid>();
        using var rows = db.Prepare(DoomedUidsSql).Bind(account.Value).Bind(mailbox.Value).Query();
        while (rows.Next()) uids.Add(new Uid((uint)rows.Int64(0)));
        if (only is null) return [.. uids];
        var asked = only.ToHashSet();
        return [.. uids.Where(asked.Contains)];
    }

    /// <param name="uids">Rising, at most <see cref="StoreLimits.ExpungesPerAction"/>.</param>
    /// <param name="onlyDeleted">Leave alone what no longer carries \Deleted.</param>
    /// <returns>The uids that are gone now, rising.</returns>
    public static List<Uid> Run(
        Transaction tx, AccountId account, MailboxId mailbox, ReadOnlySpan<Uid> uids, bool onlyDeleted, BlobStore blobs, ViewCache views)
    {
        tx.LockAccount(account);
        var rows = MembershipRows.Read(tx, account, mailbox, uids);
        if (onlyDeleted) rows.RemoveAll(static r => !r.IsDeleted);
        if (rows.Count == 0) return [];
        var gone = rows.ConvertAll(static r => r.Uid);
        var tally = default(Tally);
        foreach (var row in rows) tally.Remove(row.Bits, row.SizeBytes);
        foreach (var (first, last) in MembershipRows.Runs([.. gone]))
        {
            tx.Prepare(DeleteSql).Bind(account.Value).Bind(mailbox.Value).Bind((long)first.Value).Bind((long)last.Value).Execute();
        }

        var hidden = new List<EmailRow>();
        var (destroyed, size) = Destroy(tx, account, rows, blobs, hidden);
        var edit = AccountEdit.Begin(tx, account, views, 0, -destroyed.Count, -size);
        var touched = edit.Touch(mailbox, 0, tally);
        edit.Log(ChangeKind.Expunged, mailbox, [.. rows.Select(r => new ChangedEmail(r.Uid, r.Email))]);
        if (destroyed.Count > 0) edit.Log(ChangeKind.Destroyed, default, destroyed);
        Visibility.LogHidden(edit, hidden);
        edit.Announce(new MailboxDelta(mailbox, touched.Before, edit.ModSeq, touched.UidNext) { Removed = gone });
        edit.End();
        return gone;
    }

    /// <summary>Deletes the Emails among these rows that have no membership left.</summary>
    /// <param name="hidden">Takes those of which only memberships with \Deleted are left, once.</param>
    private static (List<ChangedEmail> Destroyed, long SizeBytes) Destroy(
        Transaction tx, AccountId account, List<EmailRow> rows, BlobStore blobs, List<EmailRow> hidden)
    {
        var destroyed = new List<ChangedEmail>(rows.Count);
        var size = 0L;
        var shared = new HashSet<EmailId>();
        foreach (var row in rows)
        {
            var wasSeen = !row.IsDeleted;
            if ((row.Bits & FlagBits.Shared) != 0)
            {
                if (!shared.Add(row.Email)) continue; // two copies of one Email in this slice: the first one has spoken for both
                wasSeen = rows.Exists(other => other.Email == row.Email && !other.IsDeleted);
                var left = MembershipRows.OfEmail(tx, account, row.Email);
                if (left.Count > 0)
                {
                    if (wasSeen && left.TrueForAll(static place => place.Row.IsDeleted)) hidden.Add(row);
                    continue;
                }
            }

            if (Destroy(tx, account, row.Email, blobs) is not { } bytes) continue;
            destroyed.Add(new ChangedEmail(new Uid(wasSeen ? (uint)row.Thread.Value : 0), row.Email));
            size += bytes;
        }

        return (destroyed, size);
    }

    private static long? Destroy(Transaction tx, AccountId account, EmailId email, BlobStore blobs)
    {
        BlobId blob;
        byte[] keys;
        long size;
        using (var rows = tx.Prepare(DestroySql).Bind(EmailTable.Key(account, email)).Query())
        {
            if (!rows.Next()) return null;
            (blob, keys, size) = (new BlobId(rows.Blob(0)), rows.Blob(1).ToArray(), rows.Int64(2));
            rows.Next();
        }

        blobs.Unlink(tx, account, blob, EmailTable.Owner(email));
        Threading.Leave(tx, account, keys);
        return size;
    }
}
