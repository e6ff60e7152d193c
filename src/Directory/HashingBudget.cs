using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>Lets password hashes run only while their memory fits into a budget; the rest wait in the order they came.</summary>
internal sealed class HashingBudget : IDisposable
{
    /// <summary>More than this many waiting log-ins means an attack: the next is told to come back.</summary>
    private const int WaitingMax = 512;

    private const int UnitKiB = 1024;

    private readonly int _units;
    private readonly SemaphoreSlim _free;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private int _waiting;

    public HashingBudget(int memoryKiBMax)
    {
        _units = Math.Max(1, memoryKiBMax / UnitKiB);
        _free = new SemaphoreSlim(_units, _units);
    }

    /// <summary>Runs a computation that needs the memory of <paramref name="cost"/>; one that needs more than all of it runs alone.</summary>
    /// <exception cref="RefusalException">Too many wait already.</exception>
    public async ValueTask<T> RunAsync<T>(Argon2Cost cost, Func<T> hashing, CancellationToken ct)
    {
        if (Interlocked.Increment(ref _waiting) > WaitingMax)
        {
            Interlocked.Decrement(ref _waiting);
            throw new RefusalException(new Refusal(RefusalKind.TemporarilyUnavailable, "too many log-ins at once"));
        }
        var needed = Math.Clamp((cost.MemoryKiB + UnitKiB - 1) / UnitKiB, 1, _units);
        var held = 0;
        try
        {
            // One caller at a time collects its units, so two large ones cannot each hold half and wait for ever.
            await _turn.WaitAsync(ct);
            try
            {
                while (held < needed)
                {
                    await _free.WaitAsync(ct);
                    held++;
                }
            }
            finally
            {
                _turn.Release();
            }
            return hashing();
        }
        finally
        {
            if (held > 0) _free.Release(held);
            Interlocked.Decrement(ref _waiting);
        }
    }

    public void Dispose()
    {
        _free.Dispose();
        _turn.Dispose();
    }
}
