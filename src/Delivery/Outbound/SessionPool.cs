namespace Posthorn.Delivery;

/// <summary>Sessions that have done their work and wait a moment for more mail to the same host.</summary>
internal sealed class SessionPool(TimeProvider time) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Idle> _idle = []; // the longest waiting first
    private readonly HashSet<Task> _closing = [];
    private bool _disposed;

    /// <summary>The session that has waited shortest; null when there is none.</summary>
    /// <param name="tlsKey">What it must have been opened with.</param>
    public SmtpSession? Take(string host, NextHop hop, string tlsKey)
    {
        var key = SmtpSession.KeyOf(host, hop, tlsKey);
        lock (_gate)
        {
            while (_idle.FindLastIndex(idle => idle.Session.Key == key) is >= 0 and var at)
            {
                var (session, timer) = _idle[at];
                _idle.RemoveAt(at);
                timer.Dispose();
                if (session.IsUsable) return session;
                Close(session);
            }
            return null;
        }
    }

    /// <summary>Takes a session over from its user: keeps it for a while, or closes it.</summary>
    public void Return(SmtpSession session)
    {
        lock (_gate)
        {
            if (_disposed || !session.IsUsable)
            {
                Close(session);
                return;
            }
            if (_idle.Count == OutboundLimits.IdleSessionsMax) Expire(_idle[0].Session);
            var timer = time.CreateTimer(_ => Expire(session), null, OutboundLimits.IdleSessionTimeout, Timeout.InfiniteTimeSpan);
            _idle.Add(new(session, timer));
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task[] closing;
        lock (_gate)
        {
            _disposed = true;
            while (_idle.Count > 0) Expire(_idle[0].Session);
            closing = [.. _closing];
        }
        await Task.WhenAll(closing);
    }

    private void Expire(SmtpSession session)
    {
        lock (_gate)
        {
            var at = _idle.FindIndex(idle => idle.Session == session);
            if (at < 0) return; // taken in the same moment
            _idle[at].Timer.Dispose();
            _idle.RemoveAt(at);
            Close(session);
        }
    }

    // Nobody waits for a QUIT but our own end.
    private void Close(SmtpSession session)
    {
        var closing = CloseAsync(session);
        _closing.Add(closing);
        closing.ContinueWith(
            done =>
            {
                lock (_gate) _closing.Remove(done);
            },
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }

    private static async Task CloseAsync(SmtpSession session)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        await session.DisposeAsync();
    }

    private readonly record struct Idle(SmtpSession Session, ITimer Timer);
}
