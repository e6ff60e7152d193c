namespace Posthorn.Db;

/// <summary>One action at a time per account within this node, from LockAccount until after the callbacks of its commit.</summary>
internal sealed class AccountTurns
{
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(30);
    private readonly object _gate = new();
    private readonly HashSet<long> _taken = [];

    public void Take(long account)
    {
        var deadline = Environment.TickCount64 + (long)WaitMax.TotalMilliseconds;
        lock (_gate)
        {
            while (!_taken.Add(account))
            {
                var left = deadline - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left)))
                {
                    throw new DatabaseUnavailableException(
                        DatabaseFault.Locked, $"Account {account} is busy: accounts must be locked in the order of their ids");
                }
            }
        }
    }

    public void GiveBack(long account)
    {
        lock (_gate)
        {
            _taken.Remove(account);
            Monitor.PulseAll(_gate);
        }
    }
}
