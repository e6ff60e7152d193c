using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Delivery;

/// <summary>Where a recipient of a queued message stands. The numbers are stored.</summary>
public enum QueueState
{
    /// <summary>Its next attempt is due now or later.</summary>
    Waiting = 0,

    /// <summary>An attempt is under way.</summary>
    Active = 1,

    /// <summary>An operator stopped it until release.</summary>
    Held = 2,
}

/// <summary>One recipient of one queued message, as operators see it.</summary>
/// <param name="Id">What the commands take: stable, never used again.</param>
/// <param name="Message">The name of the message in Received and in the log; recipients of one message share it.</param>
/// <param name="NextAttempt">Null while active or held.</param>
/// <param name="LastReply">The last server's own words, or ours about the connection.</param>
/// <param name="Lane">The way out that it waits for, as in <see cref="QueueDestination"/>.</param>
public sealed record QueueItem(
    long Id,
    string Message,
    ReversePath Sender,
    EmailAddress Recipient,
    QueueState State,
    int Attempts,
    DateTimeOffset ArrivedAt,
    DateTimeOffset? NextAttempt,
    DateTimeOffset ExpiresAt,
    string? LastReply,
    long SizeBytes,
    string Lane);

/// <summary>What an operator does to recipients that wait.</summary>
public enum QueueDeed
{
    /// <summary>Tries again now, whether it waits or is held, and opens its destination if that is left alone.</summary>
    Retry,

    /// <summary>Stops it until release; its time does not run out meanwhile.</summary>
    Hold,

    /// <summary>A held one is tried at its next attempt's time again, or at once when that has passed.</summary>
    Release,

    /// <summary>Gives it up without a report to the sender.</summary>
    Cancel,
}

/// <summary>The durable queue as operators see it. Lists are read page by page, and what is done to many is done slice by slice.</summary>
public sealed class Queue
{
    private const int SliceRows = 500;

    private const string ItemSql = """
        SELECT r.recipient, e.name, e.sender, r.address, r.state, r.attempts, e.arrived, r.due, e.expires, r.reply, e.length + LENGTH(e.trace), r.lane
        FROM queue_recipient r JOIN queue_entry e ON e.entry = r.entry
        """;

    private readonly Database _db;
    private readonly QueueTable _table;
    private readonly MailRoutes _routes;
    private readonly Action<string> _wake;
    private readonly Journey? _journey;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal Queue(Database db, QueueTable table, MailRoutes routes, Action<string> wake, Journey? journey, TimeProvider time, ILogger log) =>
        (_db, _table, _routes, _wake, _journey, _time, _log) = (db, table, routes, wake, journey, time, log);

    /// <summary>By id; at most <paramref name="max"/> from <paramref name="after"/> on.</summary>
    public ValueTask<IReadOnlyList<QueueItem>> ListAsync(QueueFilter filter, long after = 0, int max = 1000, CancellationToken ct = default)
    {
        var now = _time.GetUtcNow();
        return _db.ReadAsync<IReadOnlyList<QueueItem>>(
            db =>
            {
                var items = new List<QueueItem>();
                using var rows = filter.Where(now).Prepare(db, ItemSql, after, max).Query();
                while (rows.Next()) items.Add(Row(rows));
                return items;
            },
            ct);
    }

    /// <param name="within">Who asks may see this domain's mail only.</param>
    public ValueTask<QueueItem?> FindAsync(long id, Domain? within = null, CancellationToken ct = default) =>
        _db.ReadAsync(db => Read(db, id, within), ct);

    /// <returns>As it is afterwards; as it was, when it is given up.</returns>
    public ValueTask<Result<QueueItem>> DoAsync(QueueDeed deed, long id, Domain? within = null, CancellationToken ct = default) =>
        ChangeAsync(id, within, deed.ToString(), (tx, item) => Do(tx, deed, item), ct);

    /// <summary>Sends it by a route, past the rules; by none, back to the rules.</summary>
    public async ValueTask<Result<QueueItem>> RouteAsync(long id, long? route, Domain? within = null, CancellationToken ct = default)
    {
        var rules = await _routes.CurrentAsync(ct);
        var chosen = rules.Routes.FirstOrDefault(candidate => candidate.Id == route);
        if (route is not null && chosen is null) return new Refusal(RefusalKind.NotFound, $"there is no route {route}");
        return await ChangeAsync(
            id,
            within,
            "Route",
            (tx, item) =>
            {
                var way = chosen ?? rules.Decide(MailOf(item), item.Recipient);
                return Move(tx, item.Id, rules.LaneOf(way, item.Recipient), chosen?.Id ?? 0);
            },
            ct);
    }

    /// <summary>Does the same to all that are meant and not under way.</summary>
    /// <returns>How many there were.</returns>
    public async ValueTask<long> DoAsync(QueueDeed deed, QueueFilter filter, CancellationToken ct = default)
    {
        long after = 0;
        long done = 0;
        while (await ListAsync(filter, after, SliceRows, ct) is { Count: > 0 } items)
        {
            after = items[^1].Id;
            var lanes = new HashSet<string>(StringComparer.Ordinal);
            done += await _db.WriteAsync(
                tx =>
                {
                    lanes.Clear();
                    var changed = 0;
                    foreach (var item in items)
                    {
                        if (Do(tx, deed, item) == 0) continue;
                        changed++;
                        if (deed != QueueDeed.Cancel) lanes.Add(QueueTable.LaneOf(tx, item.Id) ?? item.Lane);
                    }
                    return changed;
                },
                ct);
            foreach (var lane in lanes) _wake(lane);
            foreach (var item in items) Note(item, deed.ToString());
        }
        Log.OperatedOnMany(_log, done, deed.ToString());
        return done;
    }

    /// <summary>Recipients by state, for metrics.</summary>
    public ValueTask<IReadOnlyDictionary<QueueState, long>> CountAsync(CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyDictionary<QueueState, long>>(db =>
        {
            var counts = Enum.GetValues<QueueState>().ToDictionary(static state => state, static _ => 0L);
            using var rows = db.Prepare("SELECT state, COUNT(*) FROM queue_recipient GROUP BY state").Query();
            while (rows.Next()) counts[(QueueState)rows.Int64(0)] = rows.Int64(1);
            return counts;
        }, ct);

    /// <summary>The destinations with the most waiting, for metrics and for the list of destinations.</summary>
    public ValueTask<IReadOnlyList<QueueDestination>> DestinationsAsync(int max, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<QueueDestination>>(db =>
        {
            var found = new List<QueueDestination>();
            using var rows = db.Prepare("""
                SELECT w.lane, w.waiting, w.due, d.closed_until, d.reply
                FROM (SELECT lane, COUNT(*) AS waiting, MIN(due) AS due FROM queue_recipient WHERE state = 0 GROUP BY lane
                    ORDER BY COUNT(*) DESC, lane LIMIT $1) w
                LEFT JOIN queue_destination d ON d.lane = w.lane ORDER BY w.waiting DESC, w.lane
                """).Bind(max).Query();
            while (rows.Next())
            {
                found.Add(new QueueDestination(
                    rows.Text(0), rows.Int64(1), rows.Time(2), rows.IsNull(3) ? null : rows.Time(3), rows.NullableText(4)));
            }
            return found;
        }, ct);

    private int Do(Transaction tx, QueueDeed deed, QueueItem item) => deed switch
    {
        QueueDeed.Hold => Set(tx, "UPDATE queue_recipient SET state = 2 WHERE recipient = $1 AND state <> 1", item),
        QueueDeed.Cancel => Cancel(tx, item.Id),
        _ => Free(tx, deed, item),
    };

    private static int Set(Transaction tx, string sql, QueueItem item) => tx.Prepare(sql).Bind(item.Id).Execute();

    // What a route holds would be held again at once, so it goes by the rules behind that route.
    private int Free(Transaction tx, QueueDeed deed, QueueItem item)
    {
        var changed = deed == QueueDeed.Retry
            ? tx.Prepare("UPDATE queue_recipient SET state = 0, due = $1 WHERE recipient = $2 AND state <> 1").Bind(tx.Now).Bind(item.Id).Execute()
            : Set(tx, "UPDATE queue_recipient SET state = 0 WHERE recipient = $1 AND state <> 1", item);
        var rules = _routes.Current(tx);
        if (changed == 1 && rules.OfLane(item.Lane, out _) is { Action: RouteAction.Hold } hold)
        {
            Move(tx, item.Id, rules.LaneOf(rules.Decide(MailOf(item), item.Recipient, passHolds: true), item.Recipient), hold.Id);
        }
        return changed;
    }

    private int Cancel(Transaction tx, long id)
    {
        var entry = tx.Prepare("SELECT entry FROM queue_recipient WHERE recipient = $1").Bind(id).Scalar() ?? 0;
        var removed = tx.Prepare("DELETE FROM queue_recipient WHERE recipient = $1 AND state <> 1").Bind(id).Execute();
        _table.Count(tx, entry, -removed);
        return removed;
    }

    private static int Move(Transaction tx, long id, string lane, long pinned) =>
        tx.Prepare("UPDATE queue_recipient SET lane = $1, pinned = $2 WHERE recipient = $3 AND state <> 1")
            .Bind(lane).Bind(pinned).Bind(id).Execute();

    private static RoutedMail MailOf(QueueItem item) => new(item.Sender, null, item.SizeBytes, default);

    private async ValueTask<Result<QueueItem>> ChangeAsync(
        long id, Domain? within, string deed, Func<Transaction, QueueItem, int> change, CancellationToken ct)
    {
        try
        {
            var item = await _db.WriteAsync(tx =>
            {
                var before = Read(tx, id, within)
                    ?? throw new RefusalException(new Refusal(RefusalKind.NotFound, $"the queue has no recipient {id}"));
                if (change(tx, before) == 0)
                {
                    throw new RefusalException(new Refusal(RefusalKind.Conflict, $"an attempt for {before.Recipient} is under way"));
                }
                var lane = QueueTable.LaneOf(tx, id);
                if (lane is not null) tx.OnCommit(() => _wake(lane));
                return Read(tx, id, within) ?? before;
            }, ct);
            Log.Operated(_log, item.Recipient, item.Message, deed);
            Note(item, deed);
            return item;
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }

    private void Note(QueueItem item, string deed) => _journey?.Note(new JourneyEvent(_time.GetUtcNow(), item.Message, JourneyStep.Operated)
    {
        To = [item.Recipient.ToString()],
        Queue = item.Id,
        Text = deed.ToLowerInvariant(),
    });

    private static QueueItem? Read(Snapshot db, long id, Domain? within)
    {
        var filter = new QueueFilter { Within = within };
        using var rows = filter.Where(default).Prepare(db, ItemSql, id - 1, 1).Query();
        return rows.Next() && rows.Int64(0) == id ? Row(rows) : null;
    }

    private static QueueItem Row(Rows rows)
    {
        var state = (QueueState)rows.Int64(4);
        return new QueueItem(
            rows.Int64(0), rows.Text(1), QueueTable.ReadPath(rows.Text(2)), EmailAddress.Parse(rows.Text(3)), state, (int)rows.Int64(5),
            rows.Time(6), state == QueueState.Waiting ? rows.Time(7) : null, rows.Time(8), rows.NullableText(9), rows.Int64(10), rows.Text(11));
    }
}

/// <summary>One way out with mail that waits for it.</summary>
/// <param name="Lane">The domain, or the route's number behind <c>#</c>; <c>@</c> for the mailboxes here.</param>
/// <param name="ClosedUntil">Null when it is not left alone.</param>
/// <param name="LastReply">Why it is.</param>
public sealed record QueueDestination(string Lane, long Waiting, DateTimeOffset FirstDue, DateTimeOffset? ClosedUntil, string? LastReply);
