using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>A lane with waiting recipients, and when the first of them is due.</summary>
/// <param name="Closed">Null for one that was reached.</param>
internal readonly record struct LaneDue(string Lane, DateTimeOffset Due, ClosedDestination? Closed);

/// <summary>A destination that was not reached.</summary>
public sealed record ClosedDestination(string Lane, int Failures, DateTimeOffset ClosedUntil, string LastReply);

/// <summary>What the scheduler reads and remembers. No statement here looks at more rows than it returns.</summary>
internal static class LaneTable
{
    // From lane to lane along the index queue_lane, never over the rows between.
    private const string LanesSql = """
        WITH RECURSIVE lanes (lane) AS (
            SELECT (SELECT MIN(lane) FROM queue_recipient WHERE state = 0 AND lane > $1)
            UNION ALL
            SELECT (SELECT MIN(r.lane) FROM queue_recipient r WHERE r.state = 0 AND r.lane > lanes.lane) FROM lanes WHERE lanes.lane IS NOT NULL)
        SELECT l.lane, (SELECT MIN(due) FROM queue_recipient q WHERE q.state = 0 AND q.lane = l.lane), d.failures, d.closed_until, d.reply
        FROM (SELECT lane FROM lanes WHERE lane IS NOT NULL LIMIT $2) l LEFT JOIN queue_destination d ON d.lane = l.lane
        """;

    // Addresses are followed before anything of their entry is delivered, so that queue_once sees every recipient while all are still there.
    private const string DueSql = """
        SELECT recipient, entry FROM queue_recipient r
        WHERE lane = $1 AND state = 0 AND due <= $2
            AND (kind = 2 OR NOT EXISTS (SELECT 1 FROM queue_recipient u WHERE u.entry = r.entry AND u.kind = 2))
        ORDER BY due, recipient LIMIT $3
        """;

    // The first rows of a lane are those that wait longest; when none of them is old, none is.
    private const string OverdueSql = """
        SELECT r.recipient, r.entry FROM (
            SELECT recipient, entry, due FROM queue_recipient WHERE lane = $1 AND state = 0 AND due <= $2 ORDER BY due, recipient LIMIT $3) r
        JOIN queue_entry e ON e.entry = r.entry WHERE e.expires <= $2 OR e.arrived <= $4 ORDER BY r.due, r.recipient
        """;

    private const string CloseSql = """
        INSERT INTO queue_destination (lane, failures, closed_until, reply) VALUES ($1, $2, $3, $4)
        ON CONFLICT (lane) DO UPDATE SET failures = excluded.failures, closed_until = excluded.closed_until, reply = excluded.reply
        """;

    /// <summary>The lanes behind one in their order, with the time of their first row.</summary>
    public static List<LaneDue> Lanes(Snapshot db, string after, int max)
    {
        var lanes = new List<LaneDue>();
        using var rows = db.Prepare(LanesSql).Bind(after).Bind(max).Query();
        while (rows.Next())
        {
            var lane = rows.Text(0);
            lanes.Add(new LaneDue(
                lane, rows.Time(1), rows.IsNull(2) ? null : new ClosedDestination(lane, (int)rows.Int64(2), rows.Time(3), rows.Text(4))));
        }
        lanes.Sort(static (one, other) => string.CompareOrdinal(one.Lane, other.Lane)); // a join keeps no order, and names are ASCII
        return lanes;
    }

    public static List<DueRecipient> Due(Snapshot db, string lane, DateTimeOffset now, int max) =>
        Read(db.Prepare(DueSql).Bind(lane).Bind(now).Bind(max));

    /// <summary>When the first row that is not due yet will be.</summary>
    public static DateTimeOffset? NextDue(Snapshot db, string lane, DateTimeOffset now) =>
        db.Prepare("SELECT MIN(due) FROM queue_recipient WHERE lane = $1 AND state = 0 AND due > $2").Bind(lane).Bind(now).Scalar() is { } due
            ? DateTimeOffset.FromUnixTimeMilliseconds(due)
            : null;

    /// <summary>Of a closed lane: whose time is over, and who has waited so long that the sender should have heard of it.</summary>
    public static List<DueRecipient> Overdue(Snapshot db, string lane, DateTimeOffset now, TimeSpan noticeAfter, int max) =>
        Read(db.Prepare(OverdueSql).Bind(lane).Bind(now).Bind(max).Bind(now - noticeAfter));

    /// <summary>The lanes in which a message has rows.</summary>
    public static List<string> OfEntry(Snapshot db, long entry)
    {
        var lanes = new List<string>();
        using var rows = db.Prepare("SELECT DISTINCT lane FROM queue_recipient WHERE entry = $1").Bind(entry).Query();
        while (rows.Next()) lanes.Add(rows.Text(0));
        return lanes;
    }

    /// <summary>Those that are left alone at this time, behind one in their order.</summary>
    public static List<ClosedDestination> Closed(Snapshot db, DateTimeOffset now, string after, int max)
    {
        var closed = new List<ClosedDestination>();
        using var rows = db.Prepare("""
            SELECT lane, failures, closed_until, reply FROM queue_destination WHERE lane > $1 AND closed_until > $2 ORDER BY lane LIMIT $3
            """).Bind(after).Bind(now).Bind(max).Query();
        while (rows.Next()) closed.Add(new ClosedDestination(rows.Text(0), (int)rows.Int64(1), rows.Time(2), rows.Text(3)));
        return closed;
    }

    /// <summary>What was not reached long ago, and nobody has written to since.</summary>
    public static int Forget(Transaction tx) =>
        tx.Prepare("DELETE FROM queue_destination WHERE closed_until < $1").Bind(tx.Now - SchedulingLimits.ClosedMemory).Execute();

    public static bool Close(Transaction tx, ClosedDestination closed) =>
        tx.Prepare(CloseSql).Bind(closed.Lane).Bind(closed.Failures).Bind(closed.ClosedUntil).Bind(closed.LastReply).Execute() == 1;

    public static bool Open(Transaction tx, string lane) => tx.Prepare("DELETE FROM queue_destination WHERE lane = $1").Bind(lane).Execute() == 1;

    private static List<DueRecipient> Read(Statement statement)
    {
        var due = new List<DueRecipient>();
        using var rows = statement.Query();
        while (rows.Next()) due.Add(new DueRecipient(rows.Int64(0), rows.Int64(1)));
        return due;
    }
}
