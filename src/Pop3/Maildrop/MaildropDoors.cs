using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>Whether a session may have a maildrop.</summary>
internal enum MaildropEntry
{
    Open,

    /// <summary>Another session has it (RFC 1939 §4).</summary>
    InUse,

    /// <summary>Somebody came too short a time ago (RFC 2449 §6.5).</summary>
    TooSoon,
}

/// <summary>Which accounts have a POP3 session, and when the last one began. One for a process, shared by its listeners.</summary>
public sealed class MaildropDoors(TimeProvider time)
{
    private const int SweepMin = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<AccountId, Door> _doors = [];
    private int _sweepAt = SweepMin;

    internal int Remembered
    {
        get
        {
            lock (_gate) return _doors.Count;
        }
    }

    internal MaildropEntry TryEnter(AccountId account, Pop3Settings settings, out Place? place)
    {
        place = null;
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (_doors.TryGetValue(account, out var door))
            {
                if (settings.LocksMaildrop && door.Inside > 0) return MaildropEntry.InUse;
                if (time.GetElapsedTime(door.Entered, now) < settings.LoginDelay) return MaildropEntry.TooSoon;
            }
            else if (_doors.Count >= _sweepAt)
            {
                Sweep(now, settings.LoginDelay);
            }
            _doors[account] = new Door(door.Inside + 1, now);
        }
        place = new Place(this, account, settings.LoginDelay);
        return MaildropEntry.Open;
    }

    private void Leave(AccountId account, TimeSpan delay)
    {
        lock (_gate)
        {
            var door = _doors[account];
            if (door.Inside == 1 && delay == TimeSpan.Zero) _doors.Remove(account);
            else _doors[account] = door with { Inside = door.Inside - 1 };
        }
    }

    // What is remembered of those who have left is bounded by how many came within the delay.
    private void Sweep(long now, TimeSpan delay)
    {
        foreach (var (account, door) in _doors)
        {
            if (door.Inside == 0 && time.GetElapsedTime(door.Entered, now) >= delay) _doors.Remove(account);
        }
        _sweepAt = Math.Max(SweepMin, 2 * _doors.Count);
    }

    private readonly record struct Door(int Inside, long Entered);

    /// <summary>A session's place in a maildrop, until it is disposed of.</summary>
    internal sealed class Place(MaildropDoors doors, AccountId account, TimeSpan delay) : IDisposable
    {
        private MaildropDoors? _doors = doors;

        public void Dispose() => Interlocked.Exchange(ref _doors, null)?.Leave(account, delay);
    }
}
