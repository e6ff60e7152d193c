using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>How one action moves a mailbox's counters.</summary>
internal struct Tally
{
    public long Messages;
    public long Unseen;
    public long Deleted;
    public long UnseenDeleted;
    public long SizeBytes;

    public void Add(uint flags, long size) => Count(flags, size, 1);

    public void Remove(uint flags, long size) => Count(flags, size, -1);

    private void Count(uint flags, long size, int sign)
    {
        var unseen = (flags & (uint)SystemFlags.Seen) == 0;
        var deleted = (flags & (uint)SystemFlags.Deleted) != 0;
        Messages += sign;
        SizeBytes += sign * size;
        if (unseen) Unseen += sign;
        if (deleted) Deleted += sign;
        if (unseen && deleted) UnseenDeleted += sign;
    }
}

/// <summary>A mailbox row after <see cref="AccountEdit.Touch"/>.</summary>
internal readonly record struct TouchedMailbox(ModSeq Before, Uid UidNext, uint UidValidity);

/// <summary>
/// One change of one account within an action: it takes the next change number, moves counters, writes the log, and after the commit tells
/// the views and the listeners. One edit makes one change number, whatever it touches.
/// </summary>
internal sealed class AccountEdit
{
    private const string AdvanceSql = """
        UPDATE account_state SET modseq = modseq + 1, email_next = email_next + $1, messages = messages + $2, size_bytes = size_bytes + $3
        WHERE account = $4 AND removed = 0 AND ($5 = 0 OR (
            (quota_bytes IS NULL OR size_bytes + $3 <= quota_bytes) AND (quota_messages IS NULL OR messages + $2 <= quota_messages)))
        RETURNING modseq, email_next
        """;

    private const string TouchSql = """
        UPDATE mailbox SET modseq_before = modseq, modseq = $1, uid_next = uid_next + $2, messages = messages + $3, unseen = unseen + $4,
            deleted = deleted + $5, unseen_deleted = unseen_deleted + $6, size_bytes = size_bytes + $7
        WHERE account = $8 AND mailbox = $9
        RETURNING modseq_before, uid_next, uid_validity
        """;

    private const string LogSql = "INSERT INTO change (account, modseq, part, kind, mailbox, items) VALUES ($1, $2, $3, $4, $5, $6)";

    private readonly CommitNews _news;
    private int _parts;

    private AccountEdit(Transaction tx, AccountId account, ModSeq modSeq, long emailNext)
    {
        (Tx, Account, ModSeq, EmailNext) = (tx, account, modSeq, emailNext);
        _news = new CommitNews(account, modSeq);
    }

    public Transaction Tx { get; }

    public AccountId Account { get; }

    /// <summary>The number that everything in this edit gets.</summary>
    public ModSeq ModSeq { get; }

    /// <summary>The account's next email number, after those this edit has taken.</summary>
    public long EmailNext { get; }

    /// <summary>
    /// Takes a change number. Nothing is changed when it refuses, so that a caller may catch the refusal and go on in the same action.
    /// </summary>
    /// <param name="newEmails">Emails that are made; with them the quota is enforced.</param>
    /// <param name="messages">How the account's number of Emails moves.</param>
    /// <exception cref="RefusalException">No such account, or its quota would be exceeded.</exception>
    public static AccountEdit Begin(Transaction tx, AccountId account, ViewCache views, int newEmails, long messages, long sizeBytes)
    {
        using var rows = tx.Prepare(AdvanceSql)
            .Bind(newEmails).Bind(messages).Bind(sizeBytes).Bind(account.Value).Bind(newEmails).Query();
        if (!rows.Next())
        {
            rows.Dispose();
            throw new RefusalException(WhyNot(tx, account));
        }

        var edit = new AccountEdit(tx, account, new ModSeq(rows.Int64(0)), rows.Int64(1));
        rows.Next();
        if (edit.EmailNext > EmailId.Max)
        {
            throw new RefusalException(new Refusal(RefusalKind.TooMany, "This account has used up its message numbers"));
        }

        if (tx.Kind == DatabaseKind.Postgres) edit._news.OtherNodes = true;
        tx.OnCommit(() => views.Apply(edit._news));
        return edit;
    }

    /// <summary>Moves a mailbox's counters and its change number. Once for each mailbox of an edit.</summary>
    /// <exception cref="RefusalException">There is no such mailbox: the whole action must go.</exception>
    public TouchedMailbox Touch(MailboxId mailbox, int newUids, in Tally tally)
    {
        using var rows = Tx.Prepare(TouchSql)
            .Bind(ModSeq.Value).Bind(newUids).Bind(tally.Messages).Bind(tally.Unseen).Bind(tally.Deleted).Bind(tally.UnseenDeleted)
            .Bind(tally.SizeBytes).Bind(Account.Value).Bind(mailbox.Value).Query();
        if (!rows.Next()) throw new RefusalException(NoMailbox);
        var uidNext = rows.Int64(1);
        if (uidNext > uint.MaxValue) throw new RefusalException(new Refusal(RefusalKind.TooMany, "This mailbox has used up its uids"));
        var touched = new TouchedMailbox(new ModSeq(rows.Int64(0)), new Uid((uint)uidNext), (uint)rows.Int64(2));
        rows.Next();
        return touched;
    }

    public void Log(ChangeKind kind, MailboxId mailbox, IReadOnlyList<ChangedEmail> emails) =>
        Tx.Prepare(LogSql).Bind(Account.Value).Bind(ModSeq.Value).Bind(++_parts).Bind((long)kind).Bind(mailbox.Value)
            .Bind(ChangeItems.Pack(emails)).Execute();

    /// <summary>After the commit the views take this.</summary>
    public void Announce(MailboxDelta delta) => _news.Deltas.Add(delta);

    public void Announce(int keywordSet, string names) => _news.KeywordSets.Add(new(keywordSet, names));

    /// <summary>After the commit the list of mailboxes is another one.</summary>
    public void AnnounceMailboxes(MailboxId mailbox, bool gone = false)
    {
        _news.MailboxesChanged = true;
        if (gone) _news.Gone.Add(mailbox);
    }

    /// <summary>Tells other nodes. The last call of an edit, when everything is announced.</summary>
    public void End()
    {
        if (_news.OtherNodes) Tx.Notify(ViewCache.Channel, _news.ToPayload());
    }

    public static Refusal NoMailbox { get; } = new(RefusalKind.NotFound, "There is no such mailbox");

    private static Refusal WhyNot(Transaction tx, AccountId account)
    {
        var removed = tx.Prepare("SELECT removed FROM account_state WHERE account = $1").Bind(account.Value).Scalar();
        return removed switch
        {
            null => new Refusal(RefusalKind.NotFound, "This account has no mailboxes"),
            0 => new Refusal(RefusalKind.OverQuota, "The account's quota does not allow it"),
            _ => new Refusal(RefusalKind.Disabled, "This account is being removed"),
        };
    }
}

/// <summary>What a committed edit means to the views and listeners of this process.</summary>
internal sealed class CommitNews(AccountId account, ModSeq modSeq)
{
    public AccountId Account { get; } = account;

    public ModSeq ModSeq { get; } = modSeq;

    public List<MailboxDelta> Deltas { get; } = [];

    public List<KeyValuePair<int, string>> KeywordSets { get; } = [];

    public List<MailboxId> Gone { get; } = [];

    public bool MailboxesChanged { get; set; }

    public bool OtherNodes { get; set; }

    /// <summary>Account, change number, whether the list of mailboxes changed: other nodes read the rest from the log.</summary>
    public string ToPayload() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"{Account.Value} {ModSeq.Value} {(MailboxesChanged ? 1 : 0)}");
}
