using System.Data;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Posthorn.Db;

/// <summary>PostgreSQL 15 or later: each action its own transaction, on one of a bounded set of threads.</summary>
internal sealed class PostgresDatabase : Database
{
    private readonly NpgsqlDataSource _source;
    private readonly NpgsqlDataSource _readSource;
    private readonly PostgresWorkers _workers;
    private readonly PostgresWorkers _readers;
    private readonly PostgresNotices _notices;
    private bool _disposed;

    private PostgresDatabase(
        DatabaseSettings settings, TimeProvider time, ILogger log, NpgsqlDataSource source, NpgsqlDataSource readSource, string? accountLock)
        : base(settings, time)
    {
        (_source, _readSource) = (source, readSource);
        var turns = new AccountTurns();
        _workers = new PostgresWorkers(source, turns, settings, accountLock, readOnly: false, time, log, DeliverAll);
        _readers = new PostgresWorkers(readSource, turns, settings, accountLock, readOnly: true, time, log, DeliverAll);
        _notices = new PostgresNotices(source, settings.Name, log, Deliver, ReportLostNotifications);
    }

    public override DatabaseKind Kind => DatabaseKind.Postgres;

    public static async Task<Database> OpenAsync(
        DatabaseSettings settings, IReadOnlyList<Schema> schemas, TimeProvider time, ILogger log, CancellationToken ct)
    {
        var source = Build(settings, readOnly: false);
        var readSource = Build(settings, readOnly: true);
        try
        {
            var steps = await MigrateAsync(source, settings, schemas, time, ct);
            Log.Opened(log, settings.Name, DatabaseKind.Postgres, steps);
            var accountLock = schemas.SingleOrDefault(s => s.AccountLock is not null)?.AccountLock;
            return new PostgresDatabase(settings, time, log, source, readSource, accountLock);
        }
        catch
        {
            await source.DisposeAsync();
            await readSource.DisposeAsync();
            throw;
        }
    }

    public override ValueTask<T> WriteAsync<T>(Func<Transaction, T> action, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested) return ValueTask.FromCanceled<T>(ct);
        var work = Work<T>.Write(action, ct);
        var promise = work.Promise;
        _workers.Enqueue(work);
        return promise;
    }

    public override ValueTask<T> ReadAsync<T>(Func<Snapshot, T> query, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested) return ValueTask.FromCanceled<T>(ct);
        var work = Work<T>.Query(query, ct);
        var promise = work.Promise;
        _readers.Enqueue(work);
        return promise;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        _workers.Dispose();
        _readers.Dispose();
        _notices.Dispose();
        await _source.DisposeAsync();
        await _readSource.DisposeAsync();
    }

    private static NpgsqlDataSource Build(DatabaseSettings settings, bool readOnly)
    {
        var url = PostgresUrl.Parse(settings.Url, settings.Name, readOnly);
        var builder = new NpgsqlSlimDataSourceBuilder(url.ConnectionString);
        builder.EnableTransportSecurity();
        return builder.Build();
    }

    private static async Task<int> MigrateAsync(
        NpgsqlDataSource source, DatabaseSettings settings, IReadOnlyList<Schema> schemas, TimeProvider time, CancellationToken ct)
    {
        NpgsqlConnection raw;
        try
        {
            raw = await source.OpenConnectionAsync(ct);
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, "connect");
        }

        using var connection = new PostgresConnection(raw);
        var transaction = connection.Begin(IsolationLevel.ReadCommitted);
        await using (transaction)
        {
            // Two nodes that start together: the second waits here and then finds the work done.
            connection.Run(PostgresDialect.MigrationLock);
            connection.Run($"CREATE SCHEMA IF NOT EXISTS \"{settings.Name}\"");
            connection.Run(PostgresDialect.MigrationTable);
            var steps = Migrations.Apply(
                new PostgresSnapshot(connection), schemas, "The database", time.GetUtcNow(), sql => connection.Run(PostgresDialect.Translate(sql)));
            await transaction.CommitAsync(ct);
            return steps;
        }
    }

    private void DeliverAll(List<(string Channel, string Payload)> notices)
    {
        // Subscribers of this node hear at once; the others through the server.
        foreach (var (channel, payload) in notices) Deliver(channel, payload);
        _notices.Enqueue(notices);
    }
}
