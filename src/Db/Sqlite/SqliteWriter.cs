using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>
/// The one thread that writes. It takes every action that waits, runs each behind its savepoint in one transaction, waits for
/// the segments those actions rely on (whose sync has been under way since the first of them asked), commits once, and answers
/// all. Between batches it copies the write-ahead log into the database when that has grown past its limit.
/// </summary>
internal sealed class SqliteWriter : IDisposable
{
    private const int BatchMax = 512;
    private const int PageSizeBytes = 4096;

    private readonly object _gate = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteTransaction _tx;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Action<List<(string Channel, string Payload)>> _deliver;
    private readonly Thread _thread;
    private readonly int _checkpointPages;
    private readonly Statement _begin;
    private readonly Statement _commit;
    private readonly Statement _rollback;
    private readonly Statement _savepoint;
    private readonly Statement _release;
    private readonly Statement _rollbackTo;
    private Queue<Work> _waiting = new();
    private Queue<Work> _batch = new();
    private int _checkpointAt;
    private bool _sleeping;
    private bool _stopping;

    public SqliteWriter(
        SqliteConnection connection,
        DatabaseSettings settings,
        TimeProvider time,
        ILogger log,
        Action<List<(string Channel, string Payload)>> deliver)
    {
        (_connection, _tx, _time, _log, _deliver) = (connection, new SqliteTransaction(connection), time, log, deliver);
        _checkpointPages = _checkpointAt = Math.Max(64, settings.CheckpointSizeBytes / PageSizeBytes);
        _begin = connection.Prepare("BEGIN IMMEDIATE");
        _commit = connection.Prepare("COMMIT");
        _rollback = connection.Prepare("ROLLBACK");
        _savepoint = connection.Prepare("SAVEPOINT action");
        _release = connection.Prepare("RELEASE action");
        _rollbackTo = connection.Prepare("ROLLBACK TO action");
        _thread = new Thread(Loop) { Name = "db-writer " + settings.Name, IsBackground = true };
        _thread.Start();
    }

    public void Enqueue(Work work)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, typeof(Database));
            _waiting.Enqueue(work);
            if (_sleeping) Monitor.Pulse(_gate);
        }
    }

    /// <summary>What waits is still committed; then the thread ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        _thread.Join();
    }

    private void Loop()
    {
        var actions = new List<Work>(BatchMax);
        while (Take())
        {
            while (_batch.Count > 0)
            {
                actions.Clear();
                while (actions.Count < BatchMax && _batch.TryDequeue(out var work)) actions.Add(work);
                Commit(actions);
                if (_connection.WalPages >= _checkpointAt) Checkpoint();
            }
        }
    }

    private bool Take()
    {
        lock (_gate)
        {
            while (_waiting.Count == 0)
            {
                if (_stopping) return false;
                _sleeping = true;
                Monitor.Wait(_gate);
                _sleeping = false;
            }

            (_waiting, _batch) = (_batch, _waiting);
            return true;
        }
    }

    private void Commit(List<Work> actions)
    {
        try
        {
            _begin.Execute();
            if (actions.Count == 1) RunAlone(actions[0]);
            else foreach (var work in actions) RunBehindSavepoint(work);
            if (!_connection.Idle)
            {
                _tx.AwaitSegments();
                CrashPoints.Pass(CrashPoints.BeforeCommit);
                _commit.Execute();
                CrashPoints.Pass(CrashPoints.AfterCommit);
            }
        }
        catch (Exception error)
        {
            // No action of this batch is on disk: the callers hear the same reason, whatever their own part was.
            Log.CommitFailed(_log, actions.Count, error.Message);
            RollBackAll();
            foreach (var work in actions) work.Failure ??= error;
        }

        AfterCommit();
        foreach (var work in actions) work.Complete();
    }

    private void RunAlone(Work work)
    {
        if (!Run(work)) RollBackAll();
    }

    private void RunBehindSavepoint(Work work)
    {
        _savepoint.Execute();
        var mark = _tx.Mark();
        if (!Run(work))
        {
            // Out of space or of memory, SQLite may have given up the whole transaction: then the whole batch has failed.
            if (_connection.Idle) throw work.Failure!;
            _tx.ForgetSince(mark);
            _rollbackTo.Execute();
        }

        _release.Execute();
    }

    private bool Run(Work work)
    {
        if (work.Cancellation.IsCancellationRequested)
        {
            work.Failure = new OperationCanceledException(work.Cancellation);
            return false;
        }

        try
        {
            _tx.Begin(_time.GetUtcNow());
            work.Run(_tx);
        }
        catch (Exception error)
        {
            work.Failure = error;
        }

        if (_connection.Running > 0 || work.Failure is not null) _connection.ResetStatements();
        return work.Failure is null;
    }

    private void RollBackAll()
    {
        _tx.ForgetSince((0, 0, 0));
        _connection.ResetStatements();
        if (_connection.Idle) return;
        try
        {
            _rollback.Execute();
        }
        catch (DatabaseException error)
        {
            Log.CommitFailed(_log, 0, error.Message);
        }
    }

    private void AfterCommit()
    {
        try
        {
            _tx.RunCallbacks(_log);
            if (_tx.Notices.Count > 0) _deliver(_tx.Notices);
        }
        catch (Exception error)
        {
            Log.CallbackThrew(_log, error);
        }

        _tx.ForgetSince((0, 0, 0));
    }

    /// <summary>
    /// PASSIVE waits for nobody. When readers hold old snapshots, part of the log stays; the next try comes a quarter of the
    /// limit later, and past four limits RESTART waits briefly for the readers to leave. The log file keeps its size: writing
    /// over old pages syncs twice as fast as appending.
    /// </summary>
    private void Checkpoint()
    {
        var pages = _connection.WalPages;
        var mode = pages > _checkpointPages * 4 ? Sqlite3.CheckpointRestart : Sqlite3.CheckpointPassive;
        CrashPoints.Pass(CrashPoints.MidCheckpoint);
        var code = _connection.Checkpoint(mode, out var frames, out var copied);
        if (code is not (Sqlite3.Ok or Sqlite3.Busy)) Log.CheckpointFailed(_log, SqliteError.From(_connection, code, "checkpoint").Message);
        _checkpointAt = code == Sqlite3.Ok && frames == copied ? _checkpointPages : pages + _checkpointPages / 4;
    }
}
