using System.Globalization;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>What reading everything back has found.</summary>
/// <param name="Findings">One sentence each; empty when all is well.</param>
public sealed record VerifyReport(long Accounts, long Mailboxes, long Emails, IReadOnlyList<string> Findings);

/// <summary>
/// Compares what is stored twice: counters with rows, memberships with Emails and with each other, threads with their keys, links with blobs.
/// </summary>
internal sealed class Verifier(Database db)
{
    private const int FindingsMax = 1_000;

    private readonly List<string> _findings = [];
    private long _accounts;
    private long _mailboxes;
    private long _emails;

    public async Task<VerifyReport> RunAsync(CancellationToken ct)
    {
        var accounts = await db.ReadAsync(
            snapshot =>
            {
                var found = new List<AccountId>();
                using var rows = snapshot.Prepare("SELECT account FROM account_state WHERE removed = 0 ORDER BY account").Query();
                while (rows.Next()) found.Add(new AccountId(rows.Int64(0)));
                return found;
            },
            ct);
        foreach (var account in accounts)
        {
            if (_findings.Count >= FindingsMax) break;
            await db.ReadAsync(snapshot => Check(snapshot, account), ct);
        }

        return new VerifyReport(_accounts, _mailboxes, _emails, _findings);
    }

    private bool Check(Snapshot snapshot, AccountId account)
    {
        _accounts++;
        var state = State(snapshot, account);
        if (state is null) return false; // removed meanwhile
        var memberships = CheckMailboxes(snapshot, account, state);
        CheckEmails(snapshot, account, state, memberships);
        CheckChanges(snapshot, account, state);
        return true;
    }

    private Dictionary<long, EmailSeen> CheckMailboxes(Snapshot snapshot, AccountId account, AccountRow state)
    {
        var seen = new Dictionary<long, EmailSeen>();
        var sets = KeywordTable.Load(snapshot, account).Select(s => s.Key).Append(0).ToHashSet();
        foreach (var mailbox in Rows(snapshot, account))
        {
            _mailboxes++;
            var tally = default(Tally);
            long lastUid = 0, lastModSeq = 0;
            using var rows = snapshot.Prepare("""
                SELECT uid, email, thread, modseq, flags, size_bytes, received_at FROM membership
                WHERE account = $1 AND mailbox = $2 ORDER BY uid
                """).Bind(account.Value).Bind(mailbox.Id).Query();
            while (rows.Next())
            {
                var (uid, email, flags) = (rows.Int64(0), rows.Int64(1), (uint)rows.Int64(4));
                tally.Add(flags, rows.Int64(5));
                lastUid = uid;
                lastModSeq = Math.Max(lastModSeq, rows.Int64(3));
                if (!sets.Contains((int)(flags >> FlagBits.KeywordShift)))
                {
                    Find(account, $"uid {uid} of mailbox {mailbox.Id} has a keyword set that does not exist");
                }

                var copy = new EmailSeen(rows.Int64(2), rows.Int64(5), rows.Int64(6), flags & FlagBits.OfEmail, (flags & FlagBits.Shared) != 0, 1);
                if (!seen.TryGetValue(email, out var first)) seen[email] = copy;
                else seen[email] = Compare(account, email, first, copy);
            }

            if (lastUid >= mailbox.UidNext) Find(account, $"mailbox {mailbox.Id} holds uid {lastUid} and would give {mailbox.UidNext} next");
            if (lastModSeq > mailbox.ModSeq)
            {
                Find(account, $"mailbox {mailbox.Id} is at change {mailbox.ModSeq} and holds a message changed at {lastModSeq}");
            }

            CheckCounters(account, state, mailbox, tally);
        }

        return seen;
    }

    private void CheckCounters(AccountId account, AccountRow state, MailboxRow mailbox, in Tally tally)
    {
        if (mailbox.ModSeq > state.ModSeq) Find(account, $"mailbox {mailbox.Id} is at change {mailbox.ModSeq}, the account at {state.ModSeq}");
        if (mailbox.UidValidity > state.UidValidity)
        {
            Find(account, $"mailbox {mailbox.Id} has UIDVALIDITY {mailbox.UidValidity}, the account's last is {state.UidValidity}");
        }

        Expect(account, mailbox.Id, "messages", tally.Messages, mailbox.Tally.Messages);
        Expect(account, mailbox.Id, "unseen messages", tally.Unseen, mailbox.Tally.Unseen);
        Expect(account, mailbox.Id, "deleted messages", tally.Deleted, mailbox.Tally.Deleted);
        Expect(account, mailbox.Id, "unseen deleted messages", tally.UnseenDeleted, mailbox.Tally.UnseenDeleted);
        Expect(account, mailbox.Id, "octets", tally.SizeBytes, mailbox.Tally.SizeBytes);
    }

    private EmailSeen Compare(AccountId account, long email, EmailSeen first, EmailSeen copy)
    {
        if (first.Flags != copy.Flags) Find(account, $"email {email} has different flags in its memberships");
        if (first.Thread != copy.Thread || first.SizeBytes != copy.SizeBytes || first.ReceivedAt != copy.ReceivedAt)
        {
            Find(account, $"email {email} has different copies of its thread, size or date in its memberships");
        }

        if (!first.Shared || !copy.Shared) Find(account, $"email {email} has several memberships that do not know of each other");
        return first with { Count = first.Count + 1 };
    }

    private void CheckEmails(Snapshot snapshot, AccountId account, AccountRow state, Dictionary<long, EmailSeen> memberships)
    {
        long count = 0, size = 0, last = 0;
        var keys = new Dictionary<long, long>();
        using (var rows = snapshot.Prepare("""
            SELECT id, thread, blob, size_bytes, received_at, thread_keys, LENGTH(prefix) FROM email WHERE id BETWEEN $1 AND $2 ORDER BY id
            """).Bind(EmailTable.FirstKey(account)).Bind(EmailTable.LastKey(account)).Query())
        {
            while (rows.Next())
            {
                _emails++;
                count++;
                size += rows.Int64(3);
                last = EmailTable.EmailOf(rows.Int64(0)).Value;
                var thread = rows.Int64(1) & uint.MaxValue;
                if (!memberships.Remove(last, out var seen)) Find(account, $"email {last} lies in no mailbox");
                else if ((seen.Thread, seen.SizeBytes, seen.ReceivedAt) != (thread, rows.Int64(3), rows.Int64(4)))
                {
                    Find(account, $"email {last} and its memberships differ");
                }

                if (thread > last) Find(account, $"email {last} is in a later thread {thread}");
                for (var packed = rows.Blob(5); packed.Length >= 8; packed = packed[8..])
                {
                    var key = BitConverter.ToInt64(packed);
                    keys[key] = keys.GetValueOrDefault(key) + 1;
                }

                CheckBlob(snapshot, account, last, new BlobId(rows.Blob(2)), rows.Int64(3) - rows.Int64(6));
            }
        }

        foreach (var email in memberships.Keys) Find(account, $"a mailbox holds email {email}, which does not exist");
        if (last >= state.EmailNext) Find(account, $"email {last} exists and the next number would be {state.EmailNext}");
        if (count != state.Messages) Find(account, $"the quota counts {state.Messages} messages, there are {count}");
        if (size != state.SizeBytes) Find(account, $"the quota counts {state.SizeBytes} octets, there are {size}");
        CheckThreadKeys(snapshot, account, keys);
    }

    private void CheckBlob(Snapshot snapshot, AccountId account, long email, BlobId blob, long length)
    {
        if (!BlobStore.IsLinked(snapshot, account, blob)) Find(account, $"email {email} has no link to its blob {blob}");
        Span<byte> hash = stackalloc byte[BlobId.Length];
        blob.CopyTo(hash);
        var stored = snapshot.Prepare("SELECT length FROM blob WHERE hash = $1").Bind(hash).Scalar();
        if (stored is null) Find(account, $"email {email} names blob {blob}, which does not exist");
        else if (stored != length) Find(account, $"email {email} takes its blob for {length} octets, it has {stored}");
    }

    private void CheckThreadKeys(Snapshot snapshot, AccountId account, Dictionary<long, long> keys)
    {
        using var rows = snapshot.Prepare("SELECT hash, emails FROM thread_key WHERE account = $1").Bind(account.Value).Query();
        while (rows.Next())
        {
            keys.Remove(rows.Int64(0), out var carried);
            if (carried != rows.Int64(1)) Find(account, $"thread key {rows.Int64(0):x} counts {rows.Int64(1)} emails, {carried} carry it");
        }

        if (keys.Count > 0) Find(account, $"{keys.Count} thread keys of emails are not stored");
    }

    private void CheckChanges(Snapshot snapshot, AccountId account, AccountRow state)
    {
        var last = snapshot.Prepare("SELECT MAX(modseq) FROM change WHERE account = $1").Bind(account.Value).Scalar() ?? 0;
        if (last > state.ModSeq) Find(account, $"the change log is at {last}, the account at {state.ModSeq}");
    }

    private static AccountRow? State(Snapshot snapshot, AccountId account)
    {
        using var rows = snapshot.Prepare("SELECT modseq, email_next, uid_validity, messages, size_bytes FROM account_state WHERE account = $1")
            .Bind(account.Value).Query();
        return rows.Next() ? new AccountRow(rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3), rows.Int64(4)) : null;
    }

    private static List<MailboxRow> Rows(Snapshot snapshot, AccountId account)
    {
        var found = new List<MailboxRow>();
        using var rows = snapshot.Prepare("""
            SELECT mailbox, uid_validity, uid_next, modseq, messages, unseen, deleted, unseen_deleted, size_bytes FROM mailbox WHERE account = $1
            """).Bind(account.Value).Query();
        while (rows.Next())
        {
            var tally = new Tally
            {
                Messages = rows.Int64(4),
                Unseen = rows.Int64(5),
                Deleted = rows.Int64(6),
                UnseenDeleted = rows.Int64(7),
                SizeBytes = rows.Int64(8),
            };
            found.Add(new MailboxRow(rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3), tally));
        }

        return found;
    }

    private void Expect(AccountId account, long mailbox, string what, long counted, long stored)
    {
        if (counted != stored) Find(account, $"mailbox {mailbox} counts {stored} {what}, there are {counted}");
    }

    private void Find(AccountId account, FormattableString finding)
    {
        if (_findings.Count < FindingsMax) _findings.Add($"account {account}: {finding.ToString(CultureInfo.InvariantCulture)}");
    }

    private sealed record AccountRow(long ModSeq, long EmailNext, long UidValidity, long Messages, long SizeBytes);

    private sealed record MailboxRow(long Id, long UidValidity, long UidNext, long ModSeq, Tally Tally);

    private readonly record struct EmailSeen(long Thread, long SizeBytes, long ReceivedAt, uint Flags, bool Shared, int Count);
}
