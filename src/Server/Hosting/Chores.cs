using Microsoft.Extensions.Logging;

namespace Posthorn.Server;

/// <summary>The work that is done now and then, behind everything else. A chore that fails is logged and done again when its time comes.</summary>
internal sealed class Chores(TimeProvider time, ILogger log) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];

    /// <param name="work">Stops at its next step when it is cancelled.</param>
    public void Add(string name, TimeSpan every, Func<CancellationToken, Task> work) => _loops.Add(RunAsync(name, every, work));

    /// <summary>Work that is done once, or keeps its own intervals until it is cancelled.</summary>
    public void Follow(string name, Func<CancellationToken, Task> work) => _loops.Add(FollowAsync(name, work));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        _stop.Dispose();
    }

    private async Task FollowAsync(string name, Func<CancellationToken, Task> work)
    {
        await Task.Yield();
        try
        {
            await work(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            Log.WorkEnded(log, e, name);
        }
    }

    private async Task RunAsync(string name, TimeSpan every, Func<CancellationToken, Task> work)
    {
        using var timer = new PeriodicTimer(every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    await work(_stop.Token);
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    Log.ChoreFailed(log, e, name, every);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }
}
