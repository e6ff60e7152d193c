using Microsoft.Extensions.Time.Testing;

namespace Posthorn.Smtp.Tests;

internal static class FakeTime
{
    private const int SecondsMax = 100_000;

    /// <summary>Lets the clock run, a second at a time with work in between, until something has happened; how long that took.</summary>
    public static async Task<TimeSpan> RunUntilAsync(this FakeTimeProvider time, Task done)
    {
        var start = time.GetUtcNow();
        for (var second = 0; second < SecondsMax && !done.IsCompleted; second++)
        {
            for (var i = 0; i < 100 && !done.IsCompleted; i++) await Task.Yield();
            time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.True(done.IsCompleted);
        return time.GetUtcNow() - start;
    }
}

/// <summary>Remembers how long was waited for what.</summary>
internal sealed class WatchedTime : FakeTimeProvider
{
    public System.Collections.Concurrent.ConcurrentQueue<TimeSpan> Waits { get; } = new();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Waits.Enqueue(dueTime);
        return base.CreateTimer(callback, state, dueTime, period);
    }
}
