using System.Globalization;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>
/// Who is logged in at this moment over a mail protocol, so that what is revoked ends at once: a device with its app password, a whole account
/// when it is disabled, removed, or gets another password. The other nodes hear of it too.
/// </summary>
public sealed class LiveLogins : IDisposable
{
    private const string Channel = "log-ins";
    private const int RememberedMax = 1024;

    private readonly Database _db;
    private readonly Lock _lock = new();
    private readonly Dictionary<AccountId, List<Entry>> _entries = [];
    private readonly Queue<(long Mark, AccountId Account, string? Device)> _ended = new();
    private long _mark;

    internal LiveLogins(Database db)
    {
        _db = db;
        db.Notified += OnNotified;
    }

    /// <summary>Log-ins that are under way.</summary>
    public int Count { get; private set; }

    /// <summary>What a log-in notes before it looks at anything: whatever is revoked after that ends it.</summary>
    internal long Mark => Volatile.Read(ref _mark);

    /// <summary>What a peer reads whose log-in has ended.</summary>
    public const string Ended = "your log-in has ended";

    /// <summary>Somebody is logged in until the result is disposed.</summary>
    /// <param name="end">Ends the connection; called once at most, and it must not wait. It may be called before this returns.</param>
    public IDisposable Enter(Identity identity, Action end)
    {
        var entry = new Entry(this, identity, end);
        lock (_lock)
        {
            if (!_entries.TryGetValue(identity.Account, out var all)) _entries.Add(identity.Account, all = []);
            all.Add(entry);
            Count++;
            if (!_ended.Any(one => one.Mark > identity.Mark && one.Account == identity.Account && entry.Is(one.Device))) return entry;
        }
        entry.End();
        return entry;
    }

    public void Dispose() => _db.Notified -= OnNotified;

    /// <summary>To be called in the action that takes rights away.</summary>
    /// <param name="device">The id of an app password; empty for the account's own password, null for whatever it was.</param>
    internal void EndAfter(Transaction tx, AccountId account, string? device)
    {
        tx.OnCommit(() => End(account, device));
        tx.Notify(Channel, string.Create(CultureInfo.InvariantCulture, $"{account.Value} {device ?? "*"}"));
    }

    private void OnNotified(object? sender, Notification notice)
    {
        if (notice.Channel != Channel || notice.Payload.Split(' ') is not [var number, var device]) return;
        if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var account)) return;
        End(new AccountId(account), device == "*" ? null : device);
    }

    private void End(AccountId account, string? device)
    {
        Entry[] ending;
        lock (_lock)
        {
            _ended.Enqueue((++_mark, account, device));
            if (_ended.Count > RememberedMax) _ended.Dequeue();
            ending = _entries.TryGetValue(account, out var all) ? [.. all.Where(entry => entry.Is(device))] : [];
        }
        foreach (var entry in ending) entry.End();
    }

    private void Leave(Entry entry)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(entry.Account, out var all) || !all.Remove(entry)) return;
            Count--;
            if (all.Count == 0) _entries.Remove(entry.Account);
        }
    }

    private sealed class Entry(LiveLogins owner, Identity identity, Action end) : IDisposable
    {
        private Action? _end = end;

        public AccountId Account => identity.Account;

        public bool Is(string? device) => device is null || device == (identity.Device ?? "");

        public void End() => Interlocked.Exchange(ref _end, null)?.Invoke();

        public void Dispose() => owner.Leave(this);
    }
}
