using System.Security.Cryptography;

namespace Posthorn.Delivery;

/// <summary>
/// When a recipient is tried again: soon at first, since most trouble is short (a greylist opens after five minutes), then less often
/// (RFC 5321 §4.5.4.1 asks for at least half an hour in the long run).
/// </summary>
internal static class RetrySchedule
{
    /// <summary>The time after the first, second, … attempt; the last one repeats. docs/queue.md shows this table.</summary>
    public static readonly TimeSpan[] Delays =
    [
        TimeSpan.FromMinutes(5),
        TimeSpan.FromMinutes(10),
        TimeSpan.FromMinutes(20),
        TimeSpan.FromMinutes(40),
        TimeSpan.FromHours(1),
        TimeSpan.FromHours(2),
        TimeSpan.FromHours(4),
    ];

    /// <summary>A delay is longer by up to this part of itself, so that what failed together does not come back together.</summary>
    public const int JitterPercentMax = 20;

    /// <param name="attempts">How many have been made, this one included.</param>
    /// <param name="chance">From <see cref="Chance"/>: the same for recipients of a message that failed together, so that they stay so.</param>
    /// <param name="priority">RFC 6710: the urgent is tried up to twice as often, what can wait half as often.</param>
    /// <param name="own">A route's own table; null or empty for the usual one.</param>
    public static TimeSpan After(int attempts, int priority, int chance, IReadOnlyList<TimeSpan>? own = null)
    {
        var delays = own is { Count: > 0 } ? own : Delays;
        var delay = delays[Math.Clamp(attempts, 1, delays.Count) - 1];
        return Longer(priority > 0 ? delay / (1 + priority / 9.0) : delay * (1 - priority / 9.0), chance);
    }

    /// <summary>How long a destination is left alone that was not reached so often in a row: shorter than its message waits.</summary>
    public static TimeSpan ClosedFor(int failures)
    {
        var delay = SchedulingLimits.ClosedMin * Math.Pow(2, Math.Min(failures, 10) - 1);
        return Longer(delay < SchedulingLimits.ClosedMax ? delay : SchedulingLimits.ClosedMax, Chance());
    }

    /// <summary>Thousandths by which a delay is longer.</summary>
    public static int Chance() => RandomNumberGenerator.GetInt32(JitterPercentMax * 10 + 1);

    private static TimeSpan Longer(TimeSpan delay, int chance) => delay + delay * chance / 1000;
}
