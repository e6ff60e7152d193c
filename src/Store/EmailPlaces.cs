using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>An Email's metadata as JMAP shows it (RFC 8621 §4.1.1): memberships with \Deleted do not count.</summary>
/// <param name="Mailboxes">Each once, rising; at least one.</param>
/// <param name="Keywords">As they are spelled in the account; without the system flags.</param>
public sealed record EmailPlaces(IReadOnlyList<MailboxId> Mailboxes, SystemFlags Flags, IReadOnlyList<string> Keywords)
{
    /// <summary>Numbers that are missing in a range are skipped over as long as the range stays that much denser than single look-ups.</summary>
    private const int GapMax = 4;

    private const string RangeSql =
        "SELECT email, mailbox, flags FROM membership WHERE account = $1 AND email BETWEEN $2 AND $3 ORDER BY email, mailbox";

    /// <summary>The places of those Emails that JMAP sees.</summary>
    internal static Dictionary<EmailId, EmailPlaces> Read(Snapshot db, AccountId account, ReadOnlySpan<EmailId> emails)
    {
        var numbers = new long[emails.Length];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = emails[i].Value;
        Array.Sort(numbers);
        var alive = MailboxRows.Alive(db, account);
        var drafts = new List<(long Email, MailboxId Mailbox, uint Bits)>(emails.Length);
        for (var start = 0; start < numbers.Length;)
        {
            var end = start;
            while (end + 1 < numbers.Length && numbers[end + 1] - numbers[end] <= GapMax) end++;
            using var rows = db.Prepare(RangeSql).Bind(account.Value).Bind(numbers[start]).Bind(numbers[end]).Query();
            while (rows.Next())
            {
                var (email, mailbox, bits) = (rows.Int64(0), rows.Int64(1), (uint)rows.Int64(2));
                if ((bits & (uint)SystemFlags.Deleted) != 0 || !alive.Contains(mailbox)) continue;
                if (Array.BinarySearch(numbers, email) >= 0) drafts.Add((email, new MailboxId(mailbox), bits));
            }

            start = end + 1;
        }

        return Join(db, account, drafts);
    }

    private static Dictionary<EmailId, EmailPlaces> Join(Snapshot db, AccountId account, List<(long Email, MailboxId Mailbox, uint Bits)> drafts)
    {
        var names = new Dictionary<int, string[]>();
        var found = new Dictionary<EmailId, EmailPlaces>(drafts.Count);
        for (var i = 0; i < drafts.Count;)
        {
            var (email, _, bits) = drafts[i];
            var mailboxes = new List<MailboxId>(1);
            for (; i < drafts.Count && drafts[i].Email == email; i++)
            {
                if (mailboxes.Count == 0 || mailboxes[^1] != drafts[i].Mailbox) mailboxes.Add(drafts[i].Mailbox);
            }

            var flags = FlagBits.Decode(bits);
            if (!names.TryGetValue(flags.KeywordSet, out var keywords))
            {
                names[flags.KeywordSet] = keywords = KeywordTable.NamesOf(db, account, flags.KeywordSet);
            }

            found[new EmailId(email)] = new EmailPlaces(mailboxes, flags.System, keywords);
        }

        return found;
    }
}

/// <param name="index">Which of the Emails asked for.</param>
public delegate void EmailVisitor(int index, in EmailDetail detail, EmailPlaces places);
