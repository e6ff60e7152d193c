using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>
/// Rows of the mailbox table, as actions read them. A parent of 0 is the top; -1 marks a mailbox that is being emptied after its deletion.
/// </summary>
internal static class MailboxRows
{
    public const long Top = 0;

    public const long Doomed = -1;

    private const string Columns = """
        mailbox, parent, name, role, sort_order, uid_validity, uid_next, modseq, messages, unseen, deleted, unseen_deleted, size_bytes
        """;

    private const string ListSql = $"SELECT {Columns} FROM mailbox WHERE account = $1 AND parent >= 0 ORDER BY mailbox";

    private const string GetSql = $"SELECT {Columns} FROM mailbox WHERE account = $1 AND mailbox = $2 AND parent >= 0";

    private const string FindSql = "SELECT mailbox FROM mailbox WHERE account = $1 AND parent = $2 AND name = $3";

    /// <exception cref="RefusalException">There is no such mailbox.</exception>
    public static void Require(Snapshot db, AccountId account, MailboxId mailbox)
    {
        var found = db.Prepare("SELECT 1 FROM mailbox WHERE account = $1 AND mailbox = $2 AND parent >= 0")
            .Bind(account.Value).Bind(mailbox.Value).Scalar();
        if (found is null) throw new RefusalException(AccountEdit.NoMailbox);
    }

    /// <summary>The numbers of those that are not being emptied after their deletion.</summary>
    public static HashSet<long> Alive(Snapshot db, AccountId account)
    {
        var alive = new HashSet<long>();
        using var rows = db.Prepare("SELECT mailbox FROM mailbox WHERE account = $1 AND parent >= 0").Bind(account.Value).Query();
        while (rows.Next()) alive.Add(rows.Int64(0));
        return alive;
    }

    public static MailboxId? Find(Snapshot db, AccountId account, MailboxPath path)
    {
        var at = Top;
        foreach (var name in path.Names)
        {
            if (FindChild(db, account, at, name) is not { } child) return null;
            at = child;
        }

        return new MailboxId(at);
    }

    public static long? FindChild(Snapshot db, AccountId account, long parent, string name) =>
        db.Prepare(FindSql).Bind(account.Value).Bind(parent).Bind(name).Scalar();

    public static bool HasChildren(Snapshot db, AccountId account, MailboxId mailbox) =>
        db.Prepare("SELECT 1 FROM mailbox WHERE account = $1 AND parent = $2 LIMIT 1").Bind(account.Value).Bind(mailbox.Value).Scalar() is not null;

    public static MailboxId? FindRole(Snapshot db, AccountId account, MailboxRole role) =>
        db.Prepare("SELECT mailbox FROM mailbox WHERE account = $1 AND role = $2 AND parent >= 0 LIMIT 1")
            .Bind(account.Value).Bind((long)role).Scalar() is { } id ? new MailboxId(id) : null;

    public static Mailbox? Get(Snapshot db, AccountId account, MailboxId mailbox)
    {
        Mailbox found;
        using (var rows = db.Prepare(GetSql).Bind(account.Value).Bind(mailbox.Value).Query())
        {
            if (!rows.Next()) return null;
            found = Read(rows);
        }

        var path = found.Name;
        for (var parent = found.Parent; parent is { } above;)
        {
            using var rows = db.Prepare("SELECT parent, name FROM mailbox WHERE account = $1 AND mailbox = $2")
                .Bind(account.Value).Bind(above.Value).Query();
            if (!rows.Next()) break;
            path = rows.Text(1) + MailboxPath.Delimiter + path;
            parent = rows.Int64(0) == Top ? null : new MailboxId(rows.Int64(0));
        }

        var subscribed = db.Prepare("SELECT 1 FROM subscription WHERE account = $1 AND path = $2").Bind(account.Value).Bind(path).Scalar();
        return found with { Path = path, Subscribed = subscribed is not null, HasChildren = HasChildren(db, account, mailbox) };
    }

    /// <summary>All mailboxes of the account, sorted by path, INBOX first.</summary>
    public static List<Mailbox> List(Snapshot db, AccountId account)
    {
        var drafts = new Dictionary<long, (long Parent, Mailbox Mailbox)>();
        using (var rows = db.Prepare(ListSql).Bind(account.Value).Query())
        {
            while (rows.Next())
            {
                var mailbox = Read(rows);
                drafts[mailbox.Id.Value] = (rows.Int64(1), mailbox);
            }
        }

        var subscribed = Subscriptions(db, account);
        var parents = drafts.Values.Select(d => d.Parent).ToHashSet();
        var found = new List<Mailbox>(drafts.Count);
        foreach (var (_, mailbox) in drafts.Values)
        {
            var path = PathOf(drafts, mailbox);
            found.Add(mailbox with { Path = path, Subscribed = subscribed.Contains(path), HasChildren = parents.Contains(mailbox.Id.Value) });
        }

        found.Sort(static (a, b) =>
            a.Id == Mailbox.Inbox ? (b.Id == Mailbox.Inbox ? 0 : -1) : b.Id == Mailbox.Inbox ? 1 : string.CompareOrdinal(a.Path, b.Path));
        return found;
    }

    public static HashSet<string> Subscriptions(Snapshot db, AccountId account)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        using var rows = db.Prepare("SELECT path FROM subscription WHERE account = $1").Bind(account.Value).Query();
        while (rows.Next()) paths.Add(rows.Text(0));
        return paths;
    }

    private static Mailbox Read(in Rows rows) => new(
        new MailboxId(rows.Int64(0)),
        rows.Int64(1) == Top ? null : new MailboxId(rows.Int64(1)),
        "",
        rows.Text(2),
        (MailboxRole?)rows.NullableInt64(3),
        false,
        (uint)rows.Int64(4),
        (uint)rows.Int64(5),
        new Uid((uint)rows.Int64(6)),
        new ModSeq(rows.Int64(7)),
        rows.Int64(8),
        rows.Int64(9),
        rows.Int64(10),
        rows.Int64(11),
        rows.Int64(12));

    private static string PathOf(Dictionary<long, (long Parent, Mailbox Mailbox)> all, Mailbox mailbox)
    {
        var path = mailbox.Name;
        var parent = all[mailbox.Id.Value].Parent;
        while (parent != Top && all.TryGetValue(parent, out var above))
        {
            path = above.Mailbox.Name + MailboxPath.Delimiter + path;
            parent = above.Parent;
        }

        return path;
    }
}
