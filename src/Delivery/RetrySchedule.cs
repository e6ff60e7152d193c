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
    public static TimeSpan After(int attempts)
    {
        var delay = Delays[Math.Clamp(attempts, 1, Delays.Length) - 1];
        return delay + delay * RandomNumberGenerator.GetInt32(JitterPercentMax * 10 + 1) / 1000;
    }
}
