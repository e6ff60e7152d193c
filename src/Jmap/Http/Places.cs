using System.Collections.Concurrent;

namespace Posthorn.Jmap;

/// <summary>How much each account has under way: requests, or uploads.</summary>
internal sealed class Places(int max)
{
    private readonly ConcurrentDictionary<long, int> _taken = new();

    /// <summary>False when the account has as many under way as it may.</summary>
    public bool TryEnter(long account)
    {
        while (true)
        {
            var taken = _taken.GetOrAdd(account, 0);
            if (taken >= max) return false;
            if (_taken.TryUpdate(account, taken + 1, taken)) return true;
        }
    }

    public void Leave(long account)
    {
        while (true)
        {
            var taken = _taken[account];
            if (taken == 1 ? _taken.TryRemove(new KeyValuePair<long, int>(account, 1)) : _taken.TryUpdate(account, taken - 1, taken)) return;
        }
    }
}
