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
    long SizeBytes);

/// <summary>The durable queue as operators see it.</summary>
public sealed class Queue
{
    private const string ItemSql = """
        SELECT r.recipient, e.name, e.sender, r.address, r.state, r.attempts, e.arrived, r.due, e.expires, r.reply, e.length + LENGTH(e.trace)
        FROM queue_recipient r JOIN queue_entry e ON e.entry = r.entry
        """;

    private readonly Database _db;
    private readonly QueueTable _table;
    private readonly Action _wake;
    private readonly ILogger _log;

    internal Queue(Database db, QueueTable table, Action wake, ILogger log) => (_db, _table, _wake, _log) = (db, table, wake, log);

    /// <summary>By id; at most <paramref name="max"/> from <paramref name="after"/> on.</summary>
    public ValueTask<IReadOnlyList<QueueItem>> ListAsync(Domain? domain = null, long after = 0, int max = 1000, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<QueueItem>>(db =>
        {
            var statement = domain is null
                ? db.Prepare(ItemSql + " WHERE r.recipient > $1 ORDER BY r.recipient LIMIT $2").Bind(after).Bind(max)
                : db.Prepare(ItemSql + " WHERE r.domain = $1 AND r.recipient > $2 ORDER BY r.recipient LIMIT $3")
                    .Bind(domain.Ascii).Bind(after).Bind(max);
            var items = new List<QueueItem>();
            using var rows = statement.Query();
            while (rows.Next()) items.Add(Row(rows));
            return items;
        }, ct);

    public ValueTask<QueueItem?> FindAsync(long id, CancellationToken ct = default) => _db.ReadAsync(db => Read(db, id), ct);

    /// <summary>Tries again now, whether it waits or is held.</summary>
    public ValueTask<Result<QueueItem>> RetryAsync(long id, CancellationToken ct = default) =>
        ChangeAsync(id, "to be tried now", tx =>
            tx.Prepare("UPDATE queue_recipient SET state = 0, due = $1 WHERE recipient = $2 AND state <> 1").Bind(tx.Now).Bind(id).Execute(), ct);

    /// <summary>Stops it until release; its time does not run out meanwhile.</summary>
    public ValueTask<Result<QueueItem>> HoldAsync(long id, CancellationToken ct = default) =>
        ChangeAsync(id, "held", tx =>
            tx.Prepare("UPDATE queue_recipient SET state = 2 WHERE recipient = $1 AND state <> 1").Bind(id).Execute(), ct);

    /// <summary>A held one is tried at its next attempt's time again, or at once when that has passed.</summary>
    public ValueTask<Result<QueueItem>> ReleaseAsync(long id, CancellationToken ct = default) =>
        ChangeAsync(id, "released", tx =>
            tx.Prepare("UPDATE queue_recipient SET state = 0 WHERE recipient = $1 AND state <> 1").Bind(id).Execute(), ct);

    /// <summary>Gives it up without a report to the sender.</summary>
    /// <returns>As it was.</returns>
    public ValueTask<Result<QueueItem>> CancelAsync(long id, CancellationToken ct = default) =>
        ChangeAsync(id, "cancelled", tx =>
        {
            var entry = tx.Prepare("SELECT entry FROM queue_recipient WHERE recipient = $1").Bind(id).Scalar() ?? 0;
            var removed = tx.Prepare("DELETE FROM queue_recipient WHERE recipient = $1 AND state <> 1").Bind(id).Execute();
            _table.Count(tx, entry, -removed);
            return removed;
        }, ct);

    /// <summary>Recipients by state, for metrics.</summary>
    public ValueTask<IReadOnlyDictionary<QueueState, long>> CountAsync(CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyDictionary<QueueState, long>>(db =>
        {
            var counts = Enum.GetValues<QueueState>().ToDictionary(static state => state, static _ => 0L);
            using var rows = db.Prepare("SELECT state, COUNT(*) FROM queue_recipient GROUP BY state").Query();
            while (rows.Next()) counts[(QueueState)rows.Int64(0)] = rows.Int64(1);
            return counts;
        }, ct);

    private async ValueTask<Result<QueueItem>> ChangeAsync(long id, string deed, Func<Transaction, int> change, CancellationToken ct)
    {
        try
        {
            var item = await _db.WriteAsync(tx =>
            {
                var before = Read(tx, id) ?? throw new RefusalException(new Refusal(RefusalKind.NotFound, $"the queue has no recipient {id}"));
                if (change(tx) == 0) throw new RefusalException(new Refusal(RefusalKind.Conflict, $"an attempt for {before.Recipient} is under way"));
                tx.OnCommit(_wake);
                return Read(tx, id) ?? before;
            }, ct);
            Log.Operated(_log, item.Recipient, item.Message, deed);
            return item;
        }
        catch (RefusalException refused)
        {
            return refused.Refusal;
        }
    }

    private static QueueItem? Read(Snapshot db, long id)
    {
        using var rows = db.Prepare(ItemSql + " WHERE r.recipient = $1").Bind(id).Query();
        return rows.Next() ? Row(rows) : null;
    }

    private static QueueItem Row(Rows rows)
    {
        var state = (QueueState)rows.Int64(4);
        return new QueueItem(
            rows.Int64(0), rows.Text(1), QueueTable.ReadPath(rows.Text(2)), EmailAddress.Parse(rows.Text(3)), state, (int)rows.Int64(5),
            rows.Time(6), state == QueueState.Waiting ? rows.Time(7) : null, rows.Time(8), rows.NullableText(9), rows.Int64(10));
    }
}
