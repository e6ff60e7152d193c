using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;

namespace Posthorn.Db;

/// <summary>
/// An action that waits for its turn, and the promise its caller awaits. The continuation runs on the thread pool, never on the
/// thread that completes it.
/// </summary>
internal abstract class Work
{
    /// <summary>Set when the action failed: its savepoint is rolled back, the rest of the batch goes on.</summary>
    public Exception? Failure { get; set; }

    public CancellationToken Cancellation { get; protected set; }

    public abstract void Run(Transaction tx);

    public abstract void Read(Snapshot snapshot);

    /// <summary>Hands the result or the failure to the caller. The object must not be touched afterwards.</summary>
    public abstract void Complete();
}

/// <summary>Pooled, so that an action costs no promise of its own.</summary>
internal sealed class Work<T> : Work, IValueTaskSource<T>
{
    private const int PooledMax = 256;
    private static readonly ConcurrentQueue<Work<T>> Pool = new();

    private ManualResetValueTaskSourceCore<T> _promise = new() { RunContinuationsAsynchronously = true };
    private Func<Transaction, T>? _action;
    private Func<Snapshot, T>? _query;
    private T? _result;

    private Work()
    {
    }

    public ValueTask<T> Promise => new(this, _promise.Version);

    public static Work<T> Write(Func<Transaction, T> action, CancellationToken ct)
    {
        var work = Pool.TryDequeue(out var pooled) ? pooled : new Work<T>();
        (work._action, work.Cancellation) = (action, ct);
        return work;
    }

    public static Work<T> Query(Func<Snapshot, T> query, CancellationToken ct)
    {
        var work = Pool.TryDequeue(out var pooled) ? pooled : new Work<T>();
        (work._query, work.Cancellation) = (query, ct);
        return work;
    }

    public override void Run(Transaction tx) => _result = _action!(tx);

    public override void Read(Snapshot snapshot) => _result = _query!(snapshot);

    public override void Complete()
    {
        if (Failure is { } failure) _promise.SetException(failure);
        else _promise.SetResult(_result!);
    }

    T IValueTaskSource<T>.GetResult(short token)
    {
        try
        {
            return _promise.GetResult(token);
        }
        finally
        {
            _promise.Reset();
            (_action, _query, _result, Failure, Cancellation) = (null, null, default, null, default);
            if (Pool.Count < PooledMax) Pool.Enqueue(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _promise.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _promise.OnCompleted(continuation, state, token, flags);
}
