using Posthorn.Core;

namespace Posthorn.Store.Tests;

/// <summary>What a store should hold, kept in the simplest way: the oracle of the random test.</summary>
internal sealed class StoreModel
{
    private long _nextEmail = 1;

    public Dictionary<long, ModelMailbox> Mailboxes { get; } = [];

    public Dictionary<long, ModelEmail> Emails { get; } = [];

    public long Append(long mailbox, SystemFlags flags, IEnumerable<string> keywords, long size)
    {
        var id = _nextEmail++;
        Emails[id] = new ModelEmail(size) { Flags = flags & ~SystemFlags.Deleted, Keywords = [.. keywords] };
        Mailboxes[mailbox].Add(id, flags.HasFlag(SystemFlags.Deleted));
        return id;
    }

    public List<(uint From, uint To)> Copy(long from, IEnumerable<uint> uids, long to, bool move)
    {
        var pairs = new List<(uint, uint)>();
        var (source, target) = (Mailboxes[from], Mailboxes[to]);
        foreach (var uid in uids.Where(source.Rows.ContainsKey).Order().ToList())
        {
            var row = source.Rows[uid];
            if (move) source.Remove(uid);
            pairs.Add((uid, target.Add(row.Email, row.Deleted)));
        }

        return pairs;
    }

    public void Store(long mailbox, IEnumerable<uint> uids, FlagOperation operation, SystemFlags system, IReadOnlyList<string> keywords)
    {
        foreach (var uid in uids)
        {
            if (!Mailboxes[mailbox].Rows.TryGetValue(uid, out var row)) continue;
            var email = Emails[row.Email];
            var now = email.Flags | (row.Deleted ? SystemFlags.Deleted : 0);
            now = operation switch
            {
                FlagOperation.Add => now | system,
                FlagOperation.Remove => now & ~system,
                _ => system,
            };
            row.Deleted = now.HasFlag(SystemFlags.Deleted);
            email.Flags = now & ~SystemFlags.Deleted;
            if (operation == FlagOperation.Replace) email.Keywords.Clear();
            foreach (var keyword in keywords)
            {
                if (operation == FlagOperation.Remove) email.Keywords.Remove(keyword);
                else email.Keywords.Add(keyword);
            }
        }
    }

    public List<uint> Expunge(long mailbox, IReadOnlyCollection<uint>? only)
    {
        var gone = Mailboxes[mailbox].Rows.Where(r => r.Value.Deleted && (only is null || only.Contains(r.Key))).Select(r => r.Key).ToList();
        foreach (var uid in gone) Mailboxes[mailbox].Remove(uid);
        Sweep();
        return gone;
    }

    public void Delete(long mailbox)
    {
        Mailboxes.Remove(mailbox);
        Sweep();
    }

    private void Sweep()
    {
        var alive = Mailboxes.Values.SelectMany(m => m.Rows.Values).Select(r => r.Email).ToHashSet();
        foreach (var email in Emails.Keys.Where(e => !alive.Contains(e)).ToList()) Emails.Remove(email);
    }

    public sealed class ModelEmail(long size)
    {
        public long Size { get; } = size;

        public SystemFlags Flags { get; set; }

        public SortedSet<string> Keywords { get; init; } = new(StringComparer.OrdinalIgnoreCase);
    }

    public sealed class ModelRow(long email, bool deleted)
    {
        public long Email { get; } = email;

        public bool Deleted { get; set; } = deleted;
    }

    public sealed class ModelMailbox
    {
        public SortedDictionary<uint, ModelRow> Rows { get; } = [];

        public List<uint> Tombstones { get; } = [];

        public uint UidNext { get; private set; } = 1;

        public uint Add(long email, bool deleted)
        {
            Rows[UidNext] = new ModelRow(email, deleted);
            return UidNext++;
        }

        public void Remove(uint uid)
        {
            Rows.Remove(uid);
            Tombstones.Add(uid);
        }
    }
}
