namespace Posthorn.Delivery;

/// <summary>How much of a queue of any length the scheduler holds in memory, and how it shares what it has. See docs/queue.md.</summary>
internal static class SchedulingLimits
{
    /// <summary>Destinations that are known at a time; the others are found when some of these have nothing more to do.</summary>
    public const int LanesMax = 20_000;

    /// <summary>Lanes that one look into the table finds.</summary>
    public const int LanesPerReadMax = 2000;

    /// <summary>Due recipients that are held in memory, until every lane has no more than <see cref="WindowPerLaneMin"/>.</summary>
    public const int WindowMax = 50_000;

    /// <summary>Due recipients of one lane that are held in memory.</summary>
    public const int WindowPerLaneMax = 200;

    /// <summary>The same when all of them hold <see cref="WindowMax"/>.</summary>
    public const int WindowPerLaneMin = 10;

    /// <summary>Lanes that one look into the table reads the due recipients of.</summary>
    public const int LanesPerLoadMax = 64;

    /// <summary>Recipients that one action claims.</summary>
    public const int ClaimsPerCommitMax = 1000;

    /// <summary>Attempts at a time to a destination that nothing is known of.</summary>
    public const int ConcurrencyStart = 5;

    /// <summary>How often the whole table is looked over: for leases that ended, for what other nodes left, for what waits at closed lanes.</summary>
    public static readonly TimeSpan RoundInterval = TimeSpan.FromMinutes(1);

    /// <summary>The first time that a destination which was not reached is left alone; it doubles each time.</summary>
    public static readonly TimeSpan ClosedMin = TimeSpan.FromMinutes(1);

    /// <summary>The longest.</summary>
    public static readonly TimeSpan ClosedMax = TimeSpan.FromHours(1);

    /// <summary>How long it is remembered after that.</summary>
    public static readonly TimeSpan ClosedMemory = TimeSpan.FromDays(1);
}
