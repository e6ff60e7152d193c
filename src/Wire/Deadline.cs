namespace Posthorn.Wire;

/// <summary>A time limit that is set and lifted for every wait and almost never reached.</summary>
/// <remarks>
/// The timer behind it is not moved with each command: it runs on, finds at its end that the wait it was started for is
/// over, and goes to sleep or on to the current one. So a command costs a clock reading, and an idle connection one timer.
/// </remarks>
internal sealed class Deadline(TimeProvider time, Action expire) : IDisposable
{
    private readonly Lock _gate = new();
    private ITimer? _timer;
    private long _due;
    private long _wakesAt;
    private bool _armed;
    private bool _scheduled;
    private bool _expired;
    private bool _disposed;

    public void Arm(TimeSpan timeout)
    {
        if (timeout == Timeout.InfiniteTimeSpan) return;
        lock (_gate)
        {
            if (_disposed) return;
            _due = time.GetTimestamp() + (long)(timeout.TotalSeconds * time.TimestampFrequency);
            _armed = true;
            _expired = false;
            if (!_scheduled || _wakesAt > _due) Schedule(timeout);
        }
    }

    /// <summary>Lifts the limit; true when it was reached before.</summary>
    public bool Disarm()
    {
        lock (_gate)
        {
            _armed = false;
            return _expired;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _armed = false;
            _timer?.Dispose();
        }
    }

    private void Schedule(TimeSpan delay)
    {
        _scheduled = true;
        _wakesAt = _due;
        // Timers count milliseconds: one more, so that the clock has passed the mark when they fire.
        delay += TimeSpan.FromMilliseconds(1);
        if (_timer is null) _timer = time.CreateTimer(static deadline => ((Deadline)deadline!).Fire(), this, delay, Timeout.InfiniteTimeSpan);
        else _timer.Change(delay, Timeout.InfiniteTimeSpan);
    }

    private void Fire()
    {
        lock (_gate)
        {
            _scheduled = false;
            if (!_armed || _disposed) return;
            var now = time.GetTimestamp();
            if (now < _due)
            {
                Schedule(time.GetElapsedTime(now, _due));
                return;
            }
            _armed = false;
            _expired = true;
        }
        expire();
    }
}
