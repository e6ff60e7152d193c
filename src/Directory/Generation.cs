using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>
/// Rises with every committed change of the directory, on every node. Whoever remembers something notes the generation BEFORE
/// reading it, and what was noted in an older one is not used: a read that overlaps a commit can then never be kept too long.
/// </summary>
internal sealed class Generation : IDisposable
{
    private const string Channel = "directory";

    private readonly Database _db;
    private long _value;

    public Generation(Database db)
    {
        _db = db;
        db.Notified += OnNotified;
        db.NotificationsLost += OnNotificationsLost;
    }

    public long Value => Volatile.Read(ref _value);

    /// <summary>To be called in every action that changes what the directory answers.</summary>
    public void RiseAfter(Transaction tx)
    {
        tx.OnCommit(Rise);
        tx.Notify(Channel, "");
    }

    public void Dispose()
    {
        _db.Notified -= OnNotified;
        _db.NotificationsLost -= OnNotificationsLost;
    }

    private void OnNotified(object? sender, Notification notification)
    {
        if (notification.Channel == Channel) Rise();
    }

    private void OnNotificationsLost(object? sender, EventArgs nothing) => Rise();

    private void Rise() => Interlocked.Increment(ref _value);
}
