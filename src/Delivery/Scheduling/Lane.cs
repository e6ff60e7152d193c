namespace Posthorn.Delivery;

/// <summary>What an attempt says about the way that it took, beside what it says about its recipients.</summary>
internal enum LaneHealth
{
    /// <summary>Nothing: the trouble was ours.</summary>
    Unknown,

    /// <summary>Somebody answered for the message.</summary>
    Alive,

    /// <summary>Somebody answered, and wanted to be left alone: 421, or MAIL deferred.</summary>
    Busy,

    /// <summary>Nobody was reached.</summary>
    Unreachable,
}

/// <summary>A recipient whose attempt is due.</summary>
internal readonly record struct DueRecipient(long Id, long Entry);

/// <summary>
/// One way out: a destination, a relay, or the mailboxes here. Everything that must not be delayed by another way's trouble has a lane of its own:
/// a window on the recipients that are due, the attempts that it may run, and the time until which it is left alone.
/// </summary>
/// <remarks>Belongs to the runner's loop; nobody else reads or writes it.</remarks>
internal sealed class Lane(string name, int concurrencyMax)
{
    /// <summary>No domain is called so.</summary>
    public const string LocalName = "@";

    private double _allowed = Math.Min(SchedulingLimits.ConcurrencyStart, concurrencyMax);
    private List<DueRecipient> _window = [];
    private int _taken;

    public string Name => name;

    public bool IsLocal => name == LocalName;

    /// <summary>Attempts under way.</summary>
    public int Running { get; set; }

    public bool HasRoom => Running < (int)_allowed;

    /// <summary>When its rows are read again; null when nothing more is known to become due.</summary>
    public DateTimeOffset? LookAt { get; private set; }

    /// <summary>When the runner's timer brings it back.</summary>
    public DateTimeOffset? TimerAt { get; set; }

    /// <summary>Stands in one of the runner's lines.</summary>
    public bool IsInLine { get; set; }

    /// <summary>Somebody has answered there since nobody did.</summary>
    public bool IsProven { get; private set; }

    /// <summary>How often in a row nobody was reached.</summary>
    public int Failures { get; private set; }

    public DateTimeOffset ClosedUntil { get; private set; }

    /// <summary>Why it is closed.</summary>
    public string LastReply { get; private set; } = "";

    public int Rows => _window.Count - _taken;

    public bool IsClosed(DateTimeOffset now) => ClosedUntil > now;

    /// <summary>Its rows are to be read at this time at the latest.</summary>
    public void Look(DateTimeOffset at)
    {
        if (LookAt is null || at < LookAt) LookAt = at;
    }

    /// <param name="rows">In the order of their time.</param>
    /// <param name="more">When to read on; null when nothing more is there.</param>
    public void Load(List<DueRecipient> rows, DateTimeOffset? more) => (_window, _taken, LookAt) = (rows, 0, more);

    /// <summary>The next attempt: recipients of one message, which stand beside each other since they became due together.</summary>
    public (long Entry, long[] Recipients) Take()
    {
        var entry = _window[_taken].Entry;
        var end = _taken + 1;
        while (end < _window.Count && _window[end].Entry == entry && end - _taken < DeliveryLimits.RecipientsPerAttemptMax) end++;
        var ids = new long[end - _taken];
        for (var i = 0; i < ids.Length; i++) ids[i] = _window[_taken + i].Id;
        _taken = end;
        if (Rows == 0) (_window, _taken) = ([], 0);
        return (entry, ids);
    }

    /// <summary>Lets go of the rows that were read: they are read again.</summary>
    public void Drop(DateTimeOffset again)
    {
        (_window, _taken) = ([], 0);
        Look(again);
    }

    /// <summary>Remembered from another life of the server.</summary>
    public void Restore(ClosedDestination closed) =>
        (Failures, ClosedUntil, LastReply, _allowed) = (closed.Failures, closed.ClosedUntil, closed.LastReply, 1);

    /// <summary>An operator wants an attempt now.</summary>
    public void Reopen() => ClosedUntil = DateTimeOffset.MinValue;

    /// <summary>
    /// Learns from the end of an attempt. More attempts at a time as long as somebody answers; half as many when somebody is busy; none for a while
    /// when nobody is there, longer each time, and then one to find out.
    /// </summary>
    /// <returns>Whether it was closed or opened, which outlives this process.</returns>
    public bool Learn(LaneHealth health, string reply, DateTimeOffset now)
    {
        switch (health)
        {
            case LaneHealth.Alive:
                var wasClosed = Failures > 0;
                (IsProven, Failures, ClosedUntil) = (true, 0, DateTimeOffset.MinValue);
                _allowed = Math.Min(concurrencyMax, wasClosed ? SchedulingLimits.ConcurrencyStart : _allowed + 1 / _allowed);
                return wasClosed;
            case LaneHealth.Busy:
                _allowed = Math.Max(1, _allowed / 2);
                return false;
            case LaneHealth.Unreachable:
                // Attempts that were under way when the first of them failed say nothing new.
                if (IsClosed(now)) return false;
                (IsProven, LastReply, _allowed) = (false, reply, 1);
                ClosedUntil = now + RetrySchedule.ClosedFor(++Failures);
                Drop(now);
                return true;
            default:
                return false;
        }
    }
}
