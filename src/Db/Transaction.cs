using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>A consistent view of the database, valid within the function that receives it.</summary>
public abstract class Snapshot
{
    private protected Snapshot()
    {
    }

    public abstract DatabaseKind Kind { get; }

    /// <summary>
    /// The statement for this text, from the connection's cache. Parameters are $1, $2 … in the order of their first appearance.
    /// Keep texts constant: values are bound, never concatenated.
    /// </summary>
    public abstract Statement Prepare(string sql);
}

/// <summary>One action's view of the database, with the right to change it. Valid within the action.</summary>
public abstract class Transaction : Snapshot
{
    private readonly List<Action> _onCommit = [];
    private readonly List<(string Channel, string Payload)> _notices = [];
    private readonly List<(SegmentFile Segment, long End)> _durable = [];

    private protected Transaction()
    {
    }

    /// <summary>The one clock reading of this action.</summary>
    public DateTimeOffset Now { get; private protected set; }

    /// <summary>Runs after the durable commit, in commit order, before WriteAsync returns. It must neither throw nor block.</summary>
    public void OnCommit(Action action) => _onCommit.Add(action);

    /// <summary>After the commit, every node's <see cref="Database.Notified"/> gets this; at most 7,000 bytes of UTF-8.</summary>
    public void Notify(string channel, string payload) => _notices.Add((channel, payload));

    /// <summary>
    /// Nothing on SQLite, where actions run one after the other. On PostgreSQL the account's state row is locked until the commit:
    /// before the first read of the account, and several accounts in the order of their ids.
    /// </summary>
    public abstract void LockAccount(AccountId account);

    internal List<(string Channel, string Payload)> Notices => _notices;

    /// <summary>The commit waits until the segment is on disk up to this position.</summary>
    internal void CommitAfter(SegmentFile segment, long end)
    {
        segment.Pin();
        _durable.Add((segment, end));
        segment.BeginSync(end);
    }

    internal (int Callbacks, int Notices, int Durable) Mark() => (_onCommit.Count, _notices.Count, _durable.Count);

    internal void ForgetSince((int Callbacks, int Notices, int Durable) mark)
    {
        _onCommit.RemoveRange(mark.Callbacks, _onCommit.Count - mark.Callbacks);
        _notices.RemoveRange(mark.Notices, _notices.Count - mark.Notices);
        foreach (var (segment, _) in CollectionsMarshal.AsSpan(_durable)[mark.Durable..]) segment.Unpin();
        _durable.RemoveRange(mark.Durable, _durable.Count - mark.Durable);
    }

    internal void AwaitSegments()
    {
        foreach (var (segment, end) in _durable) segment.AwaitSync(end);
    }

    internal void RunCallbacks(ILogger log)
    {
        foreach (var action in _onCommit)
        {
            try
            {
                action();
            }
            catch (Exception error)
            {
                Log.CallbackThrew(log, error);
            }
        }

        _onCommit.Clear();
    }
}
