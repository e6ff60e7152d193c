using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Reads the log as changes of objects (RFC 8620 §5.2): net effects, exact from any position that the log reaches back to.</summary>
internal sealed class ChangeReading(Snapshot db, AccountId account, ObjectKind kind, int objectsMax)
{
    /// <summary>Emails of which the mailboxes of their Threads are looked up; of more, every mailbox counts as changed.</summary>
    private const int ThreadLookupsMax = 2_000;

    private const int RowsPerRead = 500;

    private readonly Dictionary<long, ObjectHistory> _objects = [];
    private readonly List<long> _order = [];

    /// <summary>For Threads and the counts of mailboxes: the Emails touched, with their Threads where the log tells them.</summary>
    private readonly Dictionary<long, long> _threadOf = [];

    /// <returns>Null when it cannot be told.</returns>
    public static ObjectChanges? Read(Snapshot db, AccountId account, ObjectKind kind, ChangePosition since, int objectsMax)
    {
        if (AccountState.Read(db, account) is not { } now) return null;
        if (since.Epoch != now.Epoch || since.ModSeq > now.ModSeq || since.Skip < 0) return null;
        if (since.ModSeq.Value < ChangeStream.Floor(db, account)) return null;
        return new ChangeReading(db, account, kind, objectsMax).Run(since, now);
    }

    private ObjectChanges? Run(ChangePosition since, AccountState now)
    {
        var (at, skip, hasMore) = (since.ModSeq, since.Skip, false);
        while (!hasMore)
        {
            var page = ChangeStream.Read(db, account, at, RowsPerRead);
            foreach (var action in page.Changes.GroupBy(static c => c.ModSeq))
            {
                var events = Events(action);
                var told = Take(events, skip);
                if (told < events.Count)
                {
                    (hasMore, skip) = (true, told);
                    break;
                }

                (at, skip) = (action.Key, 0);
            }

            if (!page.HasMore) break;
        }

        var upTo = hasMore ? new ChangePosition(now.Epoch, at, skip) : new ChangePosition(now.Epoch, now.ModSeq);
        return kind switch
        {
            ObjectKind.Email => Emails(upTo, hasMore),
            ObjectKind.Thread => Threads(upTo, hasMore),
            _ => Mailboxes(upTo, hasMore),
        };
    }

    /// <summary>Takes the events of an action's objects behind the first ones, as many as there is room for.</summary>
    /// <returns>How many of its objects are told now.</returns>
    private int Take(List<(long Id, List<(ObjectEvent What, long Thread)> Events)> events, int skip)
    {
        var told = skip;
        foreach (var (id, list) in events.Skip(skip))
        {
            if (!_objects.TryGetValue(id, out var history))
            {
                if (_objects.Count >= objectsMax) return told;
                _objects[id] = history = new ObjectHistory();
                _order.Add(id);
            }

            foreach (var (what, thread) in list)
            {
                history.Take(what);
                if (thread != 0) _threadOf[id] = thread;
            }

            told++;
        }

        return told;
    }

    private List<(long Id, List<(ObjectEvent What, long Thread)> Events)> Events(IEnumerable<Change> action)
    {
        var places = new Dictionary<long, int>();
        var events = new List<(long Id, List<(ObjectEvent What, long Thread)> Events)>();
        foreach (var change in action)
        {
            if (kind == ObjectKind.Mailbox)
            {
                var happened = MailboxEvent(change.Kind);
                if (happened is not null && change.Mailbox.Value != 0) Add(change.Mailbox.Value, happened.Value, 0);
                if (happened is null or ObjectEvent.Counted) TouchThreads(change);
                continue;
            }

            foreach (var item in change.Emails)
            {
                if (EmailEvent(change.Kind, item) is { } what) Add(item.Email.Value, what, ThreadIn(change.Kind, item));
            }
        }

        return events;

        void Add(long id, ObjectEvent what, long thread)
        {
            if (!places.TryGetValue(id, out var place))
            {
                places[id] = place = events.Count;
                events.Add((id, []));
            }

            events[place].Events.Add((what, thread));
        }
    }

    private ObjectEvent? EmailEvent(ChangeKind change, ChangedEmail item) => change switch
    {
        ChangeKind.Arrived or ChangeKind.Shown => ObjectEvent.Created,
        ChangeKind.Hidden => ObjectEvent.Destroyed,
        ChangeKind.Destroyed => item.Uid.Value == 0 ? ObjectEvent.DestroyedUnseen : ObjectEvent.Destroyed,
        ChangeKind.Added or ChangeKind.Flags or ChangeKind.Expunged => kind == ObjectKind.Thread ? null : ObjectEvent.Updated,
        _ => null,
    };

    private static long ThreadIn(ChangeKind change, ChangedEmail item) =>
        change is ChangeKind.Hidden or ChangeKind.Shown or ChangeKind.Destroyed ? item.Uid.Value : 0;

    private static ObjectEvent? MailboxEvent(ChangeKind change) => change switch
    {
        ChangeKind.MailboxCreated => ObjectEvent.Created,
        ChangeKind.MailboxDeleted => ObjectEvent.Destroyed,
        ChangeKind.MailboxChanged or ChangeKind.AclChanged => ObjectEvent.Updated,
        ChangeKind.Arrived or ChangeKind.Added or ChangeKind.Flags or ChangeKind.Expunged => ObjectEvent.Counted,
        _ => null,
    };

    private void TouchThreads(Change change)
    {
        foreach (var item in change.Emails)
        {
            if (_threadOf.Count > ThreadLookupsMax) return;
            if (ThreadIn(change.Kind, item) is var thread and not 0) _threadOf[item.Email.Value] = thread;
            else _threadOf.TryAdd(item.Email.Value, 0);
        }
    }

    private ObjectChanges Emails(ChangePosition upTo, bool hasMore)
    {
        // Changes of an Email that was hidden all along are nobody's business.
        var quiet = _order.FindAll(id => _objects[id].IsOnlyUpdated);
        if (quiet.Count > 0 && HasHidden())
        {
            var seen = EmailPlaces.Read(db, account, [.. quiet.Select(static id => new EmailId(id))]);
            foreach (var id in quiet)
            {
                if (!seen.ContainsKey(new EmailId(id))) _objects.Remove(id);
            }
        }

        return Net(upTo, hasMore, onlyCounts: false);
    }

    private bool HasHidden() =>
        db.Prepare("SELECT 1 FROM mailbox WHERE account = $1 AND (deleted > 0 OR parent = -1) LIMIT 1").Bind(account.Value).Scalar() is not null;

    // RFC 8621 §3: a Thread is there as long as an Email of it is.
    private ObjectChanges Threads(ChangePosition upTo, bool hasMore)
    {
        var gone = new HashSet<long>();
        var touched = new List<long>();
        var known = new HashSet<long>();
        foreach (var email in _order)
        {
            if (ThreadOf(email) is not { } thread) continue; // gone meanwhile: a later change tells
            if (known.Add(thread)) touched.Add(thread);
            if (_objects[email] is { Existed: true, Exists: false }) gone.Add(thread);
        }

        List<long> created = [], updated = [], destroyed = [];
        foreach (var thread in touched)
        {
            var emails = Store.Emails.SeenInThread(db, account, new ThreadId(thread));
            var existed = gone.Contains(thread) || emails.Any(e => !_objects.TryGetValue(e.Value, out var history) || history.Existed);
            if (emails.Count > 0) (existed ? updated : created).Add(thread);
            else if (existed) destroyed.Add(thread);
        }

        return new ObjectChanges(created, updated, destroyed, upTo, hasMore, false);
    }

    private ObjectChanges? Mailboxes(ChangePosition upTo, bool hasMore)
    {
        var alive = MailboxRows.Alive(db, account);
        foreach (var mailbox in MailboxesOfThreads(alive))
        {
            if (!_objects.TryGetValue(mailbox, out var history))
            {
                _objects[mailbox] = history = new ObjectHistory();
                _order.Add(mailbox);
            }

            history.Take(ObjectEvent.Counted);
        }

        if (_objects.Count > objectsMax) return null; // what follows from other mailboxes cannot be told in parts
        foreach (var id in _order)
        {
            if (_objects[id].IsOnlyUpdated && !alive.Contains(id)) _objects.Remove(id); // being emptied: its end was told
        }

        var onlyCounts = _objects.Values.All(static o => !o.HasOtherThanCounts || !o.Exists || !o.Existed);
        return Net(upTo, hasMore, onlyCounts);
    }

    // RFC 8621 §2: unreadThreads of a mailbox moves with an Email of the same Thread in another one.
    private HashSet<long> MailboxesOfThreads(HashSet<long> alive)
    {
        if (_threadOf.Count > ThreadLookupsMax) return alive;
        var threads = new HashSet<long>();
        foreach (var email in _threadOf.Keys)
        {
            if (ThreadOf(email) is { } thread) threads.Add(thread);
        }

        var mailboxes = new HashSet<long>();
        foreach (var thread in threads)
        {
            var places = EmailPlaces.Read(db, account, [.. Store.Emails.SeenInThread(db, account, new ThreadId(thread))]);
            foreach (var place in places.Values) mailboxes.UnionWith(place.Mailboxes.Select(static m => m.Value));
        }

        return mailboxes;
    }

    private long? ThreadOf(long email)
    {
        if (_threadOf.TryGetValue(email, out var thread) && thread != 0) return thread;
        var key = db.Prepare("SELECT thread FROM email WHERE id = $1").Bind(EmailTable.Key(account, new EmailId(email))).Scalar();
        return key & uint.MaxValue;
    }

    private ObjectChanges Net(ChangePosition upTo, bool hasMore, bool onlyCounts)
    {
        List<long> created = [], updated = [], destroyed = [];
        foreach (var id in _order)
        {
            if (!_objects.TryGetValue(id, out var history)) continue;
            if (history.Exists) (history.Existed ? updated : created).Add(id);
            else if (history.Existed) destroyed.Add(id);
        }

        return new ObjectChanges(created, updated, destroyed, upTo, hasMore, onlyCounts);
    }
}
