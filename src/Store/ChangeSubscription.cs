using System.Threading.Tasks.Sources;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>
/// A listener to an account's changes. It remembers that something has happened, not what: whoever wakes compares snapshots or reads the log.
/// A wait allocates nothing, so a thousand idle sessions cost nothing but themselves. One waiter at a time.
/// </summary>
public sealed class ChangeSubscription : IValueTaskSource, IDisposable
{
    private readonly Lock _gate = new();
    private readonly ChangeStream _stream;
    private readonly MailboxId? _mailbox;
    private ManualResetValueTaskSourceCore<bool> _waiter = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _cancellation;
    private bool _waiting;
    private bool _signalled;

    internal ChangeSubscription(ChangeStream stream, AccountId account, MailboxId? mailbox) =>
        (_stream, Account, _mailbox) = (stream, account, mailbox);

    public AccountId Account { get; }

    /// <summary>Returns at once when something has happened since the last wait returned.</summary>
    public ValueTask WaitAsync(CancellationToken ct)
    {
        short version;
        lock (_gate)
        {
            if (_waiting) throw new InvalidOperationException("Somebody waits on this subscription already");
            if (_signalled)
            {
                _signalled = false;
                return ValueTask.CompletedTask;
            }

            if (ct.IsCancellationRequested) return ValueTask.FromCanceled(ct);
            _waiter.Reset();
            version = _waiter.Version;
            _waiting = true;
        }

        // A token that fires here runs Cancel on this thread: the gate is free.
        _cancellation = ct.UnsafeRegister(static (self, token) => ((ChangeSubscription)self!).Cancel(token), this);
        return new ValueTask(this, version);
    }

    /// <summary>Whether something has happened since the last wait returned; asking takes it, as a wait would.</summary>
    public bool TakeSignal()
    {
        lock (_gate)
        {
            var signalled = _signalled;
            _signalled = false;
            return signalled;
        }
    }

    public void Dispose()
    {
        _stream.Remove(this);
        Signal();
    }

    void IValueTaskSource.GetResult(short token)
    {
        _cancellation.Dispose();
        _waiter.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _waiter.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    internal bool Cares(bool mailboxesChanged, IReadOnlyList<MailboxDelta> deltas)
    {
        if (mailboxesChanged || _mailbox is null) return true;
        foreach (var delta in deltas)
        {
            if (delta.Mailbox == _mailbox) return true;
        }

        return false;
    }

    /// <summary>Wakes whoever waits, or lets the next wait return at once.</summary>
    public void Signal()
    {
        lock (_gate)
        {
            if (!_waiting)
            {
                _signalled = true;
                return;
            }

            _waiting = false;
            _waiter.SetResult(true);
        }
    }

    private void Cancel(CancellationToken token)
    {
        lock (_gate)
        {
            if (!_waiting) return;
            _waiting = false;
            _waiter.SetException(new OperationCanceledException(token));
        }
    }
}
