using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Rows of the listing table, read in ranges.</summary>
internal static class MembershipRows
{
    private const string Columns = "uid, email, thread, modseq, flags, size_bytes, received_at, saved_at";

    private const string RangeSql =
        $"SELECT {Columns} FROM membership WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4 ORDER BY uid";

    // As a range: SQLite, which takes an account for small, would read all of it for an equal email.
    private const string OfEmailSql = $"SELECT {Columns}, mailbox FROM membership WHERE account = $1 AND email BETWEEN $2 AND $2";

    public static MailboxSnapshot? Load(Snapshot db, AccountId account, MailboxId mailbox)
    {
        uint uidValidity;
        long uidNext, modSeq;
        using (var row = db.Prepare("SELECT uid_validity, uid_next, modseq FROM mailbox WHERE account = $1 AND mailbox = $2 AND parent >= 0")
            .Bind(account.Value).Bind(mailbox.Value).Query())
        {
            if (!row.Next()) return null;
            (uidValidity, uidNext, modSeq) = ((uint)row.Int64(0), row.Int64(1), row.Int64(2));
        }

        var builder = new SnapshotBuilder();
        using var rows = Range(db, account, mailbox, 1, uint.MaxValue);
        while (rows.Next()) builder.Add(Read(rows));
        return builder.Build(mailbox, uidValidity, new Uid((uint)uidNext), new ModSeq(modSeq));
    }

    /// <summary>The rows of those uids that exist.</summary>
    /// <param name="uids">Rising.</param>
    public static List<EmailRow> Read(Snapshot db, AccountId account, MailboxId mailbox, ReadOnlySpan<Uid> uids)
    {
        var found = new List<EmailRow>(uids.Length);
        foreach (var (first, last) in Runs(uids))
        {
            using var rows = Range(db, account, mailbox, first.Value, last.Value);
            while (rows.Next()) found.Add(Read(rows));
        }

        return found;
    }

    public static Uid[] Uids(Snapshot db, AccountId account, MailboxId mailbox)
    {
        var uids = new List<Uid>();
        using var rows = db.Prepare("SELECT uid FROM membership WHERE account = $1 AND mailbox = $2 ORDER BY uid")
            .Bind(account.Value).Bind(mailbox.Value).Query();
        while (rows.Next()) uids.Add(new Uid((uint)rows.Int64(0)));
        return [.. uids];
    }

    /// <summary>All memberships of an Email.</summary>
    public static List<(MailboxId Mailbox, EmailRow Row)> OfEmail(Snapshot db, AccountId account, EmailId email)
    {
        var found = new List<(MailboxId, EmailRow)>(4);
        using var rows = db.Prepare(OfEmailSql).Bind(account.Value).Bind(email.Value).Query();
        while (rows.Next()) found.Add((new MailboxId(rows.Int64(8)), Read(rows)));
        return found;
    }

    /// <summary>Neighbouring uids as ranges: a client's 1:* is one statement, not a hundred thousand.</summary>
    public static List<(Uid First, Uid Last)> Runs(ReadOnlySpan<Uid> uids)
    {
        var runs = new List<(Uid First, Uid Last)>();
        for (var i = 0; i < uids.Length; i++)
        {
            var first = uids[i];
            while (i + 1 < uids.Length && uids[i + 1].Value <= uids[i].Value + 1) i++;
            runs.Add((first, uids[i]));
        }

        return runs;
    }

    /// <summary>The uids in rising order, each once.</summary>
    public static Uid[] Sorted(IReadOnlyList<Uid> uids)
    {
        Uid[] sorted = [.. uids];
        var rising = true;
        for (var i = 1; i < sorted.Length && rising; i++) rising = sorted[i - 1].Value < sorted[i].Value;
        if (rising) return sorted;
        Array.Sort(sorted);
        return [.. sorted.Distinct()];
    }

    public static EmailRow Read(in Rows rows) => new(
        rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3), rows.Int64(4), rows.Int64(5), rows.Int64(6), rows.Int64(7));

    private static Rows Range(Snapshot db, AccountId account, MailboxId mailbox, long first, long last) =>
        db.Prepare(RangeSql).Bind(account.Value).Bind(mailbox.Value).Bind(first).Bind(last).Query();
}
