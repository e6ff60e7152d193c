using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

// The room of everything durable. It owns the database (SQLite or PostgreSQL), the blobs and the sealed secrets, and knows no mail.
//
// What holds here:
//  * An action is a synchronous function over a Transaction. It has no effect but through the transaction and OnCommit, so it may be
//    run again (PostgreSQL, serialization failure) or thrown away (its savepoint rolled back) at any time before the commit.
//  * WriteAsync returns after the commit is on disk, never before. The segments that hold the blobs an action links are synced
//    before the commit that names them.
//  * On SQLite one thread writes. It drains the waiting actions into one transaction, commits once, then answers all of them.
//    Readers have connections of their own and never wait for it. Nobody's continuation runs on that thread.
//  * A failure that is certain to have written nothing is an exception of the action. A failed sync is not: what the disk holds is then
//    unknown, so FatalStorage ends the process before anything is acknowledged.
//
// Locks: the writer's queue, each segment's append lock, each syncer's lock; none is held while another is taken, none while an action runs.
// What this room must never do: await inside a transaction, hand out a span that outlives its row, trust the tail of a file, log a secret.

/// <summary>One database: the main one, or the search index beside it. See docs/storage.md.</summary>
public abstract class Database : IAsyncDisposable
{
    private protected Database(DatabaseSettings settings, TimeProvider time) => (Settings, Time) = (settings, time);

    /// <summary>
    /// Raised on every node for each committed <see cref="Transaction.Notify"/>, in commit order of the sending node; must not
    /// throw or block.
    /// </summary>
    public event EventHandler<Notification>? Notified;

    /// <summary>
    /// Raised after a PostgreSQL listener has reconnected: notifications may have been lost, so subscribers read their change
    /// logs.
    /// </summary>
    public event EventHandler? NotificationsLost;

    public abstract DatabaseKind Kind { get; }

    internal DatabaseSettings Settings { get; }

    internal TimeProvider Time { get; }

    /// <summary>Opens the database and brings it to the newest step of every schema.</summary>
    /// <param name="schemas">In the order of their dependence: a room's steps may refer to tables of the rooms before it.</param>
    /// <exception cref="DatabaseUnavailableException">Used by another process, unreadable, of a newer version, or not reachable.</exception>
    public static async Task<Database> OpenAsync(
        DatabaseSettings settings,
        IReadOnlyList<Schema> schemas,
        TimeProvider time,
        ILoggerFactory logs,
        CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var log = logs.CreateLogger("Posthorn.Db");
        return settings.Kind == DatabaseKind.Sqlite
            ? SqliteDatabase.Open(settings, schemas, time, log)
            : await PostgresDatabase.OpenAsync(settings, schemas, time, log, ct);
    }

    /// <summary>Runs the action in a transaction and returns after the commit is durable.</summary>
    /// <exception cref="DatabaseUnavailableException">Nothing was written, or with <see cref="DatabaseFault.OutcomeUnknown"/>
    /// it is not known.</exception>
    public abstract ValueTask<T> WriteAsync<T>(Func<Transaction, T> action, CancellationToken ct = default);

    /// <summary>Runs the query over one consistent snapshot.</summary>
    public abstract ValueTask<T> ReadAsync<T>(Func<Snapshot, T> query, CancellationToken ct = default);

    public abstract ValueTask DisposeAsync();

    private protected void Deliver(string channel, string payload) => Notified?.Invoke(this, new Notification(channel, payload));

    private protected void ReportLostNotifications() => NotificationsLost?.Invoke(this, EventArgs.Empty);
}

/// <summary>What <see cref="Transaction.Notify"/> sent, on any node.</summary>
public sealed class Notification(string channel, string payload) : EventArgs
{
    public string Channel { get; } = channel;

    public string Payload { get; } = payload;
}
