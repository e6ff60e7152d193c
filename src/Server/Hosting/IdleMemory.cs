namespace Posthorn.Server;

/// <summary>
/// Gives memory back to the machine when a burst of work is over. By itself the collector would wait for the next burst, and keep what this one
/// needed.
/// </summary>
internal sealed class IdleMemory
{
    /// <summary>How often it is looked whether there is work.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    // Less than this allocated since the last look is no work: timers, a health check, IDLE connections.
    private const long QuietOctets = 256 * 1024;

    // What was allocated since memory was given back last; less is not worth a collection.
    private const long WorthwhileOctets = 4 * 1024 * 1024;

    private long _seen;
    private long _givenBack;

    public Task LookAsync(CancellationToken ct)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        var isQuiet = allocated - _seen < QuietOctets;
        _seen = allocated;
        if (!isQuiet || allocated - _givenBack < WorthwhileOctets) return Task.CompletedTask;
        _givenBack = allocated;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return Task.CompletedTask;
    }
}
