using System.Text;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>New Emails come into a mailbox: the one place where rows of email are made.</summary>
internal static class Arrival
{
    private const string InsertEmailSql = """
        INSERT INTO email (id, thread, blob, size_bytes, received_at, sent_at, has_attachment, thread_keys, base_subject,
            envelope, structure, preview, prefix, thread_link)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """;

    public const string InsertMembershipSql = """
        INSERT INTO membership (account, mailbox, uid, email, thread, modseq, flags, size_bytes, received_at, saved_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """;

    /// <summary>Refuses before anything is changed.</summary>
    public static Refusal? Check(NewEmail email)
    {
        if (email.TracePrefix.Length > StoreLimits.TracePrefixOctetsMax)
        {
            return new Refusal(RefusalKind.TooLarge, $"Trace headers have at most {StoreLimits.TracePrefixOctetsMax} octets");
        }

        return Keyword.Check(email.Keywords);
    }

    public static List<Delivered> Run(
        Transaction tx, AccountId account, MailboxId mailbox, IReadOnlyList<NewEmail> emails, BlobStore blobs, ViewCache views)
    {
        // The INBOX cannot be deleted; another mailbox may have been, and must be missed before anything is written.
        if (mailbox != Mailbox.Inbox) MailboxRows.Require(tx, account, mailbox);
        var size = 0L;
        foreach (var email in emails) size += email.SizeBytes;
        var edit = AccountEdit.Begin(tx, account, views, emails.Count, emails.Count, size);
        var keywords = new KeywordTable(tx, account);
        var tally = default(Tally);
        var bits = new uint[emails.Count];
        for (var i = 0; i < emails.Count; i++)
        {
            bits[i] = FlagBits.Encode(emails[i].Flags, keywords.Intern(emails[i].Keywords))
                | (emails[i].Summary.HasAttachment ? FlagBits.Attachment : 0);
            tally.Add(bits[i], emails[i].SizeBytes);
        }

        var touched = edit.Touch(mailbox, emails.Count, tally);
        var delivered = new List<Delivered>(emails.Count);
        var rows = new EmailRow[emails.Count];
        var changed = new ChangedEmail[emails.Count];
        for (var i = 0; i < emails.Count; i++)
        {
            var id = new EmailId(edit.EmailNext - emails.Count + i);
            var uid = new Uid((uint)(touched.UidNext.Value - emails.Count + i));
            rows[i] = Insert(edit, mailbox, emails[i], id, uid, bits[i], blobs);
            changed[i] = new ChangedEmail(uid, id);
            delivered.Add(new Delivered(id, rows[i].Thread, mailbox, touched.UidValidity, uid, edit.ModSeq, emails[i].SizeBytes));
        }

        edit.Log(ChangeKind.Arrived, mailbox, changed);
        Visibility.LogHidden(edit, rows.Where(static r => r.IsDeleted));
        foreach (var (set, names) in keywords.Made) edit.Announce(set, names);
        edit.Announce(new MailboxDelta(mailbox, touched.Before, edit.ModSeq, touched.UidNext) { Added = rows });
        edit.End();
        return delivered;
    }

    public static void Insert(AccountEdit edit, MailboxId mailbox, in EmailRow row, DateTimeOffset savedAt) =>
        edit.Tx.Prepare(InsertMembershipSql)
            .Bind(edit.Account.Value).Bind(mailbox.Value).Bind((long)row.Uid.Value).Bind(row.Email.Value).Bind(row.Thread.Value)
            .Bind(row.ModSeq.Value).Bind((long)row.Bits).Bind(row.SizeBytes).Bind(row.ReceivedAt).Bind(savedAt).Execute();

    private static EmailRow Insert(
        AccountEdit edit, MailboxId mailbox, NewEmail email, EmailId id, Uid uid, uint bits, BlobStore blobs)
    {
        var (tx, account) = (edit.Tx, edit.Account);
        var thread = Threading.Join(tx, account, id, email.ThreadKeys);
        blobs.Link(tx, account, email.Blob, EmailTable.Owner(id));
        Span<byte> blob = stackalloc byte[BlobId.Length];
        email.Blob.Id.CopyTo(blob);
        var summary = email.Summary;
        tx.Prepare(InsertEmailSql)
            .Bind(EmailTable.Key(account, id)).Bind(EmailTable.Key(account, thread)).Bind(blob).Bind(email.SizeBytes).Bind(email.ReceivedAt)
            .Bind(summary.SentAt?.ToUnixTimeMilliseconds()).Bind(summary.HasAttachment).Bind(Threading.Pack(email.ThreadKeys))
            .Bind(Encoding.UTF8.GetBytes(summary.BaseSubject)).Bind(summary.Envelope).Bind(summary.Structure)
            .Bind(Encoding.UTF8.GetBytes(summary.Preview)).Bind(email.TracePrefix.Span).Bind(email.ThreadLink).Execute();
        var row = new EmailRow(
            uid.Value, id.Value, thread.Value, edit.ModSeq.Value, bits, email.SizeBytes,
            email.ReceivedAt.ToUnixTimeMilliseconds(), tx.Now.ToUnixTimeMilliseconds());
        Insert(edit, mailbox, row, tx.Now);
        return row;
    }
}

/// <summary>How the email table is addressed: one number for account and email, which is also the search document's.</summary>
internal static class EmailTable
{
    /// <summary>Who holds a blob: an Email, by <see cref="Key(AccountId, EmailId)"/>'s lower half.</summary>
    public const byte OwnerKind = 1;

    public static long Key(AccountId account, EmailId email) => account.Value << 32 | email.Value;

    public static long Key(AccountId account, ThreadId thread) => account.Value << 32 | thread.Value;

    public static long FirstKey(AccountId account) => account.Value << 32;

    public static long LastKey(AccountId account) => account.Value << 32 | uint.MaxValue;

    public static EmailId EmailOf(long key) => new(key & uint.MaxValue);

    public static BlobOwner Owner(EmailId email) => new(OwnerKind, email.Value);
}
