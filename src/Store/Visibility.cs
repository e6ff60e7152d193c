using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>
/// Which Emails an edit hides from JMAP, and which it shows again: an Email is seen as long as one of its memberships has no \Deleted
/// (RFC 8621 §4.1.1). The log tells it, so that /changes is exact without a look at what was.
/// </summary>
internal readonly struct Visibility
{
    private readonly List<ChangedEmail> _hidden;
    private readonly List<ChangedEmail> _shown;

    private Visibility(List<ChangedEmail> hidden, List<ChangedEmail> shown) => (_hidden, _shown) = (hidden, shown);

    /// <summary>Before anything is written.</summary>
    /// <param name="touched">By mailbox, the rows as they are and the bits that they get.</param>
    public static Visibility Of(Transaction tx, AccountId account, Dictionary<MailboxId, List<(EmailRow Row, uint Bits)>> touched)
    {
        List<ChangedEmail> hidden = [], shown = [];
        HashSet<EmailId>? shared = null;
        foreach (var list in touched.Values)
        {
            foreach (var (row, bits) in list)
            {
                if (((row.Bits ^ bits) & (uint)SystemFlags.Deleted) == 0) continue;
                if ((row.Bits & FlagBits.Shared) == 0) (row.IsDeleted ? shown : hidden).Add(Item(row));
                else (shared ??= []).Add(row.Email);
            }
        }

        foreach (var email in shared ?? [])
        {
            bool before = false, after = false;
            var last = default(EmailRow);
            foreach (var (place, row) in MembershipRows.OfEmail(tx, account, email))
            {
                last = row;
                before |= !row.IsDeleted;
                after |= (NewBits(touched, place, row) & (uint)SystemFlags.Deleted) == 0;
            }

            if (before != after) (after ? shown : hidden).Add(Item(last));
        }

        return new Visibility(hidden, shown);
    }

    public void Log(AccountEdit edit)
    {
        if (_hidden.Count > 0) edit.Log(ChangeKind.Hidden, default, _hidden);
        if (_shown.Count > 0) edit.Log(ChangeKind.Shown, default, _shown);
    }

    public static void LogHidden(AccountEdit edit, IEnumerable<EmailRow> rows)
    {
        List<ChangedEmail> hidden = [.. rows.Select(static r => Item(r))];
        if (hidden.Count > 0) edit.Log(ChangeKind.Hidden, default, hidden);
    }

    private static ChangedEmail Item(in EmailRow row) => new(new Uid((uint)row.Thread.Value), row.Email);

    private static uint NewBits(Dictionary<MailboxId, List<(EmailRow Row, uint Bits)>> touched, MailboxId place, in EmailRow row)
    {
        if (!touched.TryGetValue(place, out var list)) return row.Bits;
        foreach (var (other, bits) in list)
        {
            if (other.Uid == row.Uid) return bits;
        }

        return row.Bits;
    }
}
