using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Actions on the list of mailboxes.</summary>
internal static class MailboxEdit
{
    private const string InsertSql = """
        INSERT INTO mailbox (account, mailbox, parent, name, role, sort_order, uid_validity, uid_next, modseq, modseq_before,
            messages, unseen, deleted, unseen_deleted, size_bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, 0, 0, 0, 0, 0, 0)
        """;

    private static readonly (string Name, MailboxRole Role)[] Initial =
    [
        (MailboxPath.InboxName, MailboxRole.Inbox),
        ("Drafts", MailboxRole.Drafts),
        ("Sent", MailboxRole.Sent),
        ("Junk", MailboxRole.Junk),
        ("Trash", MailboxRole.Trash),
        ("Archive", MailboxRole.Archive),
    ];

    /// <summary>The state row and the first mailboxes of a new account, subscribed.</summary>
    public static void CreateAccount(Transaction tx, AccountId account, long? quotaBytes, long? quotaMessages)
    {
        var uidValidity = tx.Now.ToUnixTimeSeconds();
        tx.Prepare("""
            INSERT INTO account_state (account, modseq, email_next, mailbox_next, uid_validity, messages, size_bytes,
                quota_bytes, quota_messages, log_floor, epoch, removed)
            VALUES ($1, 1, 1, $2, $3, 0, 0, $4, $5, 0, $6, 0)
            """).Bind(account.Value).Bind(Initial.Length + 1).Bind(uidValidity + Initial.Length - 1).Bind(quotaBytes).Bind(quotaMessages)
            .Bind(uidValidity).Execute();
        for (var i = 0; i < Initial.Length; i++)
        {
            var (name, role) = Initial[i];
            tx.Prepare(InsertSql).Bind(account.Value).Bind(i + 1).Bind(MailboxRows.Top).Bind(name).Bind((long)role).Bind(i + 1)
                .Bind(uidValidity + i).Bind(1).Execute();
            tx.Prepare("INSERT INTO subscription (account, path) VALUES ($1, $2)").Bind(account.Value).Bind(name).Execute();
        }
    }

    public static MailboxId Create(Transaction tx, AccountId account, MailboxPath path, MailboxRole? role, ViewCache views)
    {
        tx.LockAccount(account);
        if (MailboxRows.Find(tx, account, path) is not null) throw Exists();
        RequireFree(tx, account, role, null);
        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        var parent = MailboxRows.Top;
        for (var i = 0; i < path.Names.Count; i++)
        {
            var last = i == path.Names.Count - 1;
            parent = MailboxRows.FindChild(tx, account, parent, path.Names[i])
                ?? Insert(edit, parent, path.Names[i], last ? role : null).Value;
        }

        edit.End();
        return new MailboxId(parent);
    }

    public static void Rename(Transaction tx, AccountId account, MailboxId mailbox, MailboxPath path, ViewCache views)
    {
        tx.LockAccount(account);
        var all = MailboxRows.List(tx, account);
        var now = all.Find(m => m.Id == mailbox) ?? throw new RefusalException(AccountEdit.NoMailbox);
        if (now.Path == path.Text) return;
        if (MailboxRows.Find(tx, account, path) is not null) throw Exists();
        var below = all.Where(m => m.Path.StartsWith(now.Path + MailboxPath.Delimiter, StringComparison.Ordinal)).ToList();
        if (path.Text.StartsWith(now.Path + MailboxPath.Delimiter, StringComparison.Ordinal))
        {
            throw new RefusalException(new Refusal(RefusalKind.Invalid, "A mailbox cannot move below itself"));
        }

        var deepest = below.Select(m => m.Path.Count(c => c == MailboxPath.Delimiter)).Append(0).Max();
        var levels = path.Names.Count + Math.Max(0, deepest - now.Path.Count(c => c == MailboxPath.Delimiter));
        if (levels > StoreLimits.MailboxDepthMax)
        {
            throw new RefusalException(
                new Refusal(RefusalKind.TooMany, $"Mailboxes nest at most {StoreLimits.MailboxDepthMax} levels deep"));
        }

        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        var parent = MailboxRows.Top;
        foreach (var name in path.Names.Take(path.Names.Count - 1))
        {
            parent = MailboxRows.FindChild(tx, account, parent, name) ?? Insert(edit, parent, name, null).Value;
        }

        tx.Prepare("UPDATE mailbox SET parent = $1, name = $2 WHERE account = $3 AND mailbox = $4")
            .Bind(parent).Bind(path.Last).Bind(account.Value).Bind(mailbox.Value).Execute();
        MoveSubscriptions(tx, account, now.Path, path.Text);
        edit.Log(ChangeKind.MailboxChanged, mailbox, []);
        edit.AnnounceMailboxes(mailbox);
        edit.End();
    }

    /// <summary>Takes the mailbox out of everybody's sight in one action; true when there are messages to delete behind it.</summary>
    /// <param name="onlyEmpty">Refuse when JMAP sees a message in it (RFC 8621 §2.5 mailboxHasEmail).</param>
    public static bool Doom(Transaction tx, AccountId account, MailboxId mailbox, bool onlyEmpty, ViewCache views)
    {
        tx.LockAccount(account);
        MailboxRows.Require(tx, account, mailbox);
        if (mailbox == Mailbox.Inbox) throw new RefusalException(new Refusal(RefusalKind.Forbidden, "INBOX cannot be deleted"));
        if (MailboxRows.HasChildren(tx, account, mailbox))
        {
            throw new RefusalException(Store.Mailboxes.HasChildren);
        }

        if (onlyEmpty && tx.Prepare("SELECT messages - deleted FROM mailbox WHERE account = $1 AND mailbox = $2")
            .Bind(account.Value).Bind(mailbox.Value).Scalar() > 0)
        {
            throw new RefusalException(Store.Mailboxes.HasMessages);
        }

        var messages = tx.Prepare("SELECT messages FROM mailbox WHERE account = $1 AND mailbox = $2")
            .Bind(account.Value).Bind(mailbox.Value).Scalar() > 0;
        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        tx.Prepare("UPDATE mailbox SET parent = -1, name = $1, role = NULL WHERE account = $2 AND mailbox = $3")
            .Bind(mailbox.ToString()).Bind(account.Value).Bind(mailbox.Value).Execute();
        tx.Prepare("DELETE FROM acl WHERE account = $1 AND mailbox = $2").Bind(account.Value).Bind(mailbox.Value).Execute();
        Annotations.Forget(tx, account, mailbox);
        UrlKeys.Forget(tx, account, mailbox);
        edit.Log(ChangeKind.MailboxDeleted, mailbox, []);
        edit.AnnounceMailboxes(mailbox, gone: true);
        edit.End();
        if (!messages) Bury(tx, account, mailbox);
        return messages;
    }

    /// <summary>Deletes the row of an emptied mailbox.</summary>
    public static bool Bury(Transaction tx, AccountId account, MailboxId mailbox) =>
        tx.Prepare("DELETE FROM mailbox WHERE account = $1 AND mailbox = $2 AND parent = -1 AND messages = 0")
            .Bind(account.Value).Bind(mailbox.Value).Execute() > 0;

    public static void Change(
        Transaction tx, AccountId account, MailboxId mailbox, MailboxRole? role, uint? sortOrder, ViewCache views)
    {
        tx.LockAccount(account);
        MailboxRows.Require(tx, account, mailbox);
        RequireFree(tx, account, role, mailbox);
        if ((mailbox == Mailbox.Inbox) != (role == MailboxRole.Inbox))
        {
            throw new RefusalException(new Refusal(RefusalKind.Invalid, "The role of the INBOX is its own"));
        }

        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        tx.Prepare("UPDATE mailbox SET role = $1, sort_order = COALESCE($2, sort_order) WHERE account = $3 AND mailbox = $4")
            .Bind((long?)role).Bind((long?)sortOrder).Bind(account.Value).Bind(mailbox.Value).Execute();
        edit.Log(ChangeKind.MailboxChanged, mailbox, []);
        edit.AnnounceMailboxes(mailbox);
        edit.End();
    }

    public static bool Subscribe(Transaction tx, AccountId account, MailboxPath path, bool subscribed, ViewCache views)
    {
        tx.LockAccount(account);
        if (subscribed)
        {
            var count = tx.Prepare("SELECT COUNT(*) FROM subscription WHERE account = $1").Bind(account.Value).Scalar() ?? 0;
            if (count >= StoreLimits.SubscriptionsMax)
            {
                throw new RefusalException(
                    new Refusal(RefusalKind.TooMany, $"At most {StoreLimits.SubscriptionsMax} names are subscribed"));
            }
        }

        var sql = subscribed
            ? "INSERT INTO subscription (account, path) VALUES ($1, $2) ON CONFLICT (account, path) DO NOTHING"
            : "DELETE FROM subscription WHERE account = $1 AND path = $2";
        if (tx.Prepare(sql).Bind(account.Value).Bind(path.Text).Execute() == 0) return false;
        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        var mailbox = MailboxRows.Find(tx, account, path) ?? default;
        edit.Log(ChangeKind.MailboxChanged, mailbox, []);
        edit.AnnounceMailboxes(mailbox);
        edit.End();
        return true;
    }

    public static bool Grant(
        Transaction tx, AccountId account, MailboxId mailbox, AccountId grantee, string rights, ViewCache views)
    {
        tx.LockAccount(account);
        MailboxRows.Require(tx, account, mailbox);
        var statement = rights.Length == 0
            ? tx.Prepare("DELETE FROM acl WHERE account = $1 AND mailbox = $2 AND grantee = $3")
                .Bind(account.Value).Bind(mailbox.Value).Bind(grantee.Value)
            : tx.Prepare("""
                INSERT INTO acl (account, mailbox, grantee, rights) VALUES ($1, $2, $3, $4)
                ON CONFLICT (account, mailbox, grantee) DO UPDATE SET rights = excluded.rights
                """).Bind(account.Value).Bind(mailbox.Value).Bind(grantee.Value).Bind(rights);
        if (statement.Execute() == 0) return false;
        var edit = AccountEdit.Begin(tx, account, views, 0, 0, 0);
        edit.Log(ChangeKind.AclChanged, mailbox, []);
        edit.AnnounceMailboxes(mailbox);
        edit.End();
        return true;
    }

    private static MailboxId Insert(AccountEdit edit, long parent, string name, MailboxRole? role)
    {
        var (tx, account) = (edit.Tx, edit.Account.Value);
        var count = tx.Prepare("SELECT COUNT(*) FROM mailbox WHERE account = $1").Bind(account).Scalar() ?? 0;
        if (count >= StoreLimits.MailboxesMax)
        {
            throw new RefusalException(
                new Refusal(RefusalKind.TooMany, $"An account has at most {StoreLimits.MailboxesMax} mailboxes"));
        }

        // RFC 9051 §2.3.1.1: never a UIDVALIDITY twice. Following the clock, it rises even when the database is an old copy of itself.
        long number, uidValidity;
        using (var rows = tx.Prepare("""
            UPDATE account_state SET mailbox_next = mailbox_next + 1,
                uid_validity = CASE WHEN uid_validity >= $1 THEN uid_validity + 1 ELSE $1 END
            WHERE account = $2 RETURNING mailbox_next, uid_validity
            """).Bind(tx.Now.ToUnixTimeSeconds()).Bind(account).Query())
        {
            if (!rows.Next()) throw new RefusalException(AccountEdit.NoMailbox);
            (number, uidValidity) = (rows.Int64(0) - 1, rows.Int64(1));
            rows.Next();
        }

        tx.Prepare(InsertSql).Bind(account).Bind(number).Bind(parent).Bind(name).Bind((long?)role).Bind(0)
            .Bind(uidValidity).Bind(edit.ModSeq.Value).Execute();
        var mailbox = new MailboxId(number);
        edit.Log(ChangeKind.MailboxCreated, mailbox, []);
        edit.AnnounceMailboxes(mailbox);
        return mailbox;
    }

    private static void MoveSubscriptions(Transaction tx, AccountId account, string from, string to)
    {
        foreach (var path in MailboxRows.Subscriptions(tx, account))
        {
            if (path != from && !path.StartsWith(from + MailboxPath.Delimiter, StringComparison.Ordinal)) continue;
            tx.Prepare("DELETE FROM subscription WHERE account = $1 AND path = $2").Bind(account.Value).Bind(path).Execute();
            tx.Prepare("INSERT INTO subscription (account, path) VALUES ($1, $2) ON CONFLICT (account, path) DO NOTHING")
                .Bind(account.Value).Bind(to + path[from.Length..]).Execute();
        }
    }

    private static void RequireFree(Transaction tx, AccountId account, MailboxRole? role, MailboxId? self)
    {
        if (role is not { } wanted || MailboxRows.FindRole(tx, account, wanted) is not { } holder || holder == self) return;
        throw new RefusalException(new Refusal(RefusalKind.Conflict, "Another mailbox has this role"));
    }

    private static RefusalException Exists() =>
        new(new Refusal(RefusalKind.AlreadyExists, "There is a mailbox of this name already"));
}
