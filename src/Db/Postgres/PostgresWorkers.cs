using System.Data;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Posthorn.Db;

/// <summary>
/// A bounded set of threads, each with its own connection. They are started as the work asks for them; each takes the next
/// action that waits, runs it in its transaction, and runs it again when the server asks for that or when the connection broke
/// before the commit.
/// </summary>
internal sealed class PostgresWorkers : IDisposable
{
    private const int ConflictsMax = 20;

    private readonly object _gate = new();
    private readonly Queue<Work> _waiting = new();
    private readonly List<Thread> _threads = [];
    private readonly ManualResetEventSlim _stopped = new();
    private readonly NpgsqlDataSource _source;
    private readonly AccountTurns _turns;
    private readonly DatabaseSettings _settings;
    private readonly string? _accountLock;
    private readonly bool _readOnly;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Action<List<(string Channel, string Payload)>> _deliver;
    private int _idle;
    private bool _stopping;

    public PostgresWorkers(
        NpgsqlDataSource source,
        AccountTurns turns,
        DatabaseSettings settings,
        string? accountLock,
        bool readOnly,
        TimeProvider time,
        ILogger log,
        Action<List<(string Channel, string Payload)>> deliver)
    {
        (_source, _turns, _settings, _accountLock) = (source, turns, settings, accountLock);
        (_readOnly, _time, _log, _deliver) = (readOnly, time, log, deliver);
    }

    public void Enqueue(Work work)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, typeof(Database));
            _waiting.Enqueue(work);
            if (_idle >= _waiting.Count || _threads.Count >= _settings.ConnectionsMax)
            {
                Monitor.Pulse(_gate);
                return;
            }

            var thread = new Thread(Loop) { Name = $"db-{(_readOnly ? "reader" : "worker")} {_threads.Count + 1}", IsBackground = true };
            _threads.Add(thread);
            thread.Start();
        }
    }

    public void Dispose()
    {
        List<Thread> threads;
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
            threads = [.. _threads];
        }

        _stopped.Set();
        foreach (var thread in threads) thread.Join();
        _stopped.Dispose();
    }

    private Work? Take()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_waiting.TryDequeue(out var work)) return work;
                if (_stopping) return null;
                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }
        }
    }

    private void Loop()
    {
        PostgresConnection? connection = null;
        while (Take() is { } work)
        {
            work.Failure = null;
            if (work.Cancellation.IsCancellationRequested) work.Failure = new OperationCanceledException(work.Cancellation);
            else Finish(work, ref connection);
            work.Complete();
        }

        connection?.Dispose();
    }

    /// <summary>Runs the work to its end: done, or failed for good.</summary>
    private void Finish(Work work, ref PostgresConnection? connection)
    {
        var lost = 0L;
        for (var conflicts = 0; ;)
        {
            try
            {
                connection ??= Connect();
                Run(work, connection);
                return;
            }
            catch (ConflictException error)
            {
                // Back off by more each time and never in step with the one that was in the way.
                if (++conflicts > ConflictsMax) work.Failure = error;
                else _stopped.Wait(Random.Shared.Next(1, 4 * conflicts + 2));
            }
            catch (DatabaseUnavailableException error) when (error.Fault == DatabaseFault.ConnectionLost)
            {
                // Nothing was committed, so it may run again as soon as the server is back.
                connection?.Dispose();
                connection = null;
                if (lost == 0) lost = _time.GetTimestamp();
                if (_time.GetElapsedTime(lost) > _settings.ReconnectTimeout || _stopped.Wait(100)) work.Failure = error;
            }
            catch (Exception error)
            {
                work.Failure = error;
            }

            if (connection is { IsOpen: false })
            {
                connection.Dispose();
                connection = null;
            }

            if (work.Failure is not null) return;
        }
    }

    private PostgresConnection Connect()
    {
        try
        {
            return new PostgresConnection(_source.OpenConnection());
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, "connect");
        }
    }

    private void Run(Work work, PostgresConnection connection)
    {
        using var transaction = Begin(connection);
        if (_readOnly)
        {
            Within(connection, () => work.Read(new PostgresSnapshot(connection)));
            Commit(transaction, connection);
            return;
        }

        var tx = new PostgresTransaction(connection, _turns, _accountLock);
        try
        {
            tx.Begin(_time.GetUtcNow());
            Within(connection, () => work.Run(tx));
            tx.AwaitSegments();
            CrashPoints.Pass(CrashPoints.BeforeCommit);
            if (tx.Touched) Commit(transaction, connection);
            CrashPoints.Pass(CrashPoints.AfterCommit);
            tx.RunCallbacks(_log);
            if (tx.Notices.Count > 0) _deliver(tx.Notices);
        }
        catch
        {
            // Rolled back before the turn passes on, so that the next action never waits for a lock in the server.
            RollBack(transaction);
            throw;
        }
        finally
        {
            tx.ForgetSince((0, 0, 0));
            tx.GiveBackTurns();
        }
    }

    private NpgsqlTransaction Begin(PostgresConnection connection)
    {
        try
        {
            return connection.Begin(_readOnly ? IsolationLevel.RepeatableRead : IsolationLevel.ReadCommitted);
        }
        catch (Exception error) when (PostgresError.IsFromServer(error) || error is InvalidOperationException)
        {
            throw new DatabaseUnavailableException(DatabaseFault.ConnectionLost, "PostgreSQL is not reachable: " + error.Message, error);
        }
    }

    private static void Within(PostgresConnection connection, Action body)
    {
        try
        {
            body();
        }
        finally
        {
            connection.ResetStatements();
        }
    }

    private static void Commit(NpgsqlTransaction transaction, PostgresConnection connection)
    {
        try
        {
            transaction.Commit();
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            var known = PostgresError.From(error, "COMMIT");

            // An answer from the server is certain; silence is not.
            if (error is PostgresException && connection.IsOpen) throw known;
            throw new DatabaseUnavailableException(
                DatabaseFault.OutcomeUnknown, "The connection to PostgreSQL broke during COMMIT: the action may or may not have been done", error);
        }
    }

    private static void RollBack(NpgsqlTransaction transaction)
    {
        try
        {
            transaction.Rollback();
        }
        catch (Exception error) when (PostgresError.IsFromServer(error) || error is InvalidOperationException)
        {
            // A broken connection has rolled back by itself.
        }
    }
}
