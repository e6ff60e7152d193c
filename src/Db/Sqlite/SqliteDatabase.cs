using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Posthorn.Db;

/// <summary>The embedded database: one writer thread, a pool of readers, a lock on the file for as long as it is open.</summary>
internal sealed class SqliteDatabase : Database
{
    private const int ReadersMax = 32;

    private readonly ConcurrentStack<SqliteSnapshot> _readers = new();
    private readonly SemaphoreSlim _readerSlots = new(ReadersMax);
    private readonly SqliteConnection _connection;
    private readonly SqliteWriter _writer;
    private readonly SafeFileHandle _lock;
    private readonly SizeMeter _size;
    private readonly ILogger _log;
    private bool _disposed;

    private SqliteDatabase(DatabaseSettings settings, TimeProvider time, ILogger log, SqliteConnection connection, SafeFileHandle fileLock)
        : base(settings, time)
    {
        (_connection, _lock, _log) = (connection, fileLock, log);
        _size = new SizeMeter(settings.Name, settings.Directory, settings.Name + ".db*");
        _writer = new SqliteWriter(connection, settings, time, log, DeliverAll);
    }

    public override DatabaseKind Kind => DatabaseKind.Sqlite;

    public static SqliteDatabase Open(DatabaseSettings settings, IReadOnlyList<Schema> schemas, TimeProvider time, ILogger log)
    {
        var fileLock = Lock(settings);
        SqliteConnection? connection = null;
        try
        {
            connection = SqliteConnection.Open(settings.FilePath, log);
            Configure(connection, settings);
            connection.Run("BEGIN IMMEDIATE");
            connection.Run(SqliteDialect.MigrationTable);
            var steps = Migrations.Apply(
                new SqliteSnapshot(connection), schemas, settings.FilePath, time.GetUtcNow(), sql => connection.Run(SqliteDialect.Translate(sql)));
            connection.Run("COMMIT");
            connection.WatchWal();
            Log.Opened(log, settings.Name, DatabaseKind.Sqlite, steps);
            return new SqliteDatabase(settings, time, log, connection, fileLock);
        }
        catch
        {
            connection?.Dispose();
            fileLock.Dispose();
            throw;
        }
    }

    public override ValueTask<T> WriteAsync<T>(Func<Transaction, T> action, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested) return ValueTask.FromCanceled<T>(ct);
        var work = Work<T>.Write(action, ct);
        var promise = work.Promise;
        _writer.Enqueue(work);
        return promise;
    }

    public override ValueTask<T> ReadAsync<T>(Func<Snapshot, T> query, CancellationToken ct = default)
    {
        if (ct.IsCancellationRequested) return ValueTask.FromCanceled<T>(ct);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_readerSlots.Wait(0, CancellationToken.None)) return ReadLaterAsync(query, ct);
        try
        {
            return new ValueTask<T>(Read(query));
        }
        catch (Exception error)
        {
            return ValueTask.FromException<T>(error);
        }
        finally
        {
            _readerSlots.Release();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        _size.Dispose();
        _writer.Dispose();
        for (var i = 0; i < ReadersMax; i++) await _readerSlots.WaitAsync();
        while (_readers.TryPop(out var reader)) reader.Connection.Dispose();

        // The last connection to close copies the whole log into the database and removes it: a clean stop leaves one file.
        _connection.Dispose();
        _lock.Dispose();
        _readerSlots.Dispose();
    }

    private static SafeFileHandle Lock(DatabaseSettings settings)
    {
        System.IO.Directory.CreateDirectory(settings.Directory);
        var path = settings.FilePath + ".lock";
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new DatabaseUnavailableException(
                DatabaseFault.Locked, $"{settings.FilePath} is used by another process (it holds {path})", error);
        }
    }

    private static void Configure(SqliteConnection connection, DatabaseSettings settings)
    {
        connection.Run("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL");
        connection.Run($"PRAGMA synchronous = {(settings.Durable ? "FULL" : "NORMAL")}");
        connection.Run($"PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{settings.CacheSizeBytes / 1024}");
        connection.Run($"PRAGMA journal_size_limit = {settings.CheckpointSizeBytes * 2L}");

        // Savepoints keep the old pages in memory; a temporary file each would cost more than the action.
        connection.Run("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    }

    private async ValueTask<T> ReadLaterAsync<T>(Func<Snapshot, T> query, CancellationToken ct)
    {
        await _readerSlots.WaitAsync(ct);
        try
        {
            return Read(query);
        }
        finally
        {
            _readerSlots.Release();
        }
    }

    private T Read<T>(Func<Snapshot, T> query)
    {
        if (!_readers.TryPop(out var reader)) reader = OpenReader();
        var connection = reader.Connection;
        try
        {
            connection.Prepare("BEGIN").Execute();
            return query(reader);
        }
        catch
        {
            connection.ResetStatements();
            throw;
        }
        finally
        {
            if (connection.Running > 0) connection.ResetStatements();
            if (!connection.Idle) connection.Prepare("COMMIT").Execute();
            _readers.Push(reader);
        }
    }

    private SqliteSnapshot OpenReader()
    {
        var connection = SqliteConnection.Open(Settings.FilePath, _log);
        connection.Run($"PRAGMA query_only = ON; PRAGMA cache_size = -{Settings.CacheSizeBytes / 8192}; PRAGMA temp_store = MEMORY");
        return new SqliteSnapshot(connection);
    }

    private void DeliverAll(List<(string Channel, string Payload)> notices)
    {
        foreach (var (channel, payload) in notices) Deliver(channel, payload);
    }
}
