using System.Diagnostics;

namespace Posthorn.Interop;

/// <summary>For what happens between two programs and has no signal of its own: asks again until it is so.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<T> SeeAsync<T>(string what, Func<Task<T?>> look, TimeSpan? patience = null)
        where T : class
    {
        TimeSpan limit = patience ?? Patience;
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            if (await look() is { } seen) return seen;
            Assert.True(Stopwatch.GetElapsedTime(began) < limit, $"Not seen within {limit.TotalSeconds} s: {what}");
            await Task.Delay(Pause, TestContext.Current.CancellationToken);
        }
    }

    public static Task HoldsAsync(string what, Func<Task<bool>> holds) => SeeAsync(what, async () => await holds() ? what : null);
}
