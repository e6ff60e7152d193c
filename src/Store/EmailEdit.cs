using System.Runtime.InteropServices;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>
/// Many Emails change their keywords and mailboxes in one action and under one change number. What JMAP does not see, memberships with \Deleted,
/// keeps its place and gets the new keywords.
/// </summary>
internal sealed class EmailEdit
{
    private readonly Transaction _tx;
    private readonly AccountId _account;
    private readonly KeywordTable _keywords;
    private readonly HashSet<long> _alive;
    private readonly SortedDictionary<long, Changes> _mailboxes = [];
    private readonly List<EmailId> _shared = [];

    private EmailEdit(Transaction tx, AccountId account)
    {
        (_tx, _account, _keywords) = (tx, account, new KeywordTable(tx, account));
        _alive = MailboxRows.Alive(tx, account);
    }

    /// <param name="updates">Each of another Email; some two thousand memberships together.</param>
    /// <returns>For each update null, or why it was refused; the others are done.</returns>
    public static Refusal?[] Run(Transaction tx, AccountId account, IReadOnlyList<EmailUpdate> updates, ViewCache views)
    {
        tx.LockAccount(account);
        var edit = new EmailEdit(tx, account);
        var refusals = new Refusal?[updates.Count];
        for (var i = 0; i < refusals.Length; i++) refusals[i] = edit.Plan(updates[i]);
        if (edit._mailboxes.Count > 0) edit.Write(views);
        return refusals;
    }

    private Refusal? Plan(EmailUpdate update)
    {
        var rows = MembershipRows.OfEmail(_tx, _account, update.Email).FindAll(place => _alive.Contains(place.Mailbox.Value));
        var seen = rows.FindAll(static place => !place.Row.IsDeleted);
        if (seen.Count == 0) return EmailRefusals.NotFound;
        if (update.AddedMailboxes.Any(mailbox => !_alive.Contains(mailbox.Value))) return EmailRefusals.NoSuchMailbox;
        var target = Target(update, seen);
        if (target.Count == 0) return EmailRefusals.NoMailbox;
        if (Bits(update, seen[0].Row.Bits) is not { } bits) return EmailRefusals.TooManyKeywords;
        var isLeft = false;
        foreach (var (mailbox, row) in rows)
        {
            if (!row.IsDeleted && !target.Contains(mailbox.Value))
            {
                Of(mailbox.Value).Removed.Add(row);
                continue;
            }

            isLeft = true;
            var wanted = (bits & FlagBits.OfEmail) | (row.Bits & ~FlagBits.OfEmail);
            if (wanted != row.Bits) Of(mailbox.Value).Flagged.Add((row, wanted));
        }

        foreach (var place in seen) target.Remove(place.Mailbox.Value);
        if (target.Count == 0) return null;
        var isShared = isLeft || target.Count > 1;
        if (isShared) _shared.Add(update.Email);
        var own = isShared ? seen[0].Row.Bits | FlagBits.Shared : seen[0].Row.Bits;
        foreach (var mailbox in target) Of(mailbox).Added.Add((seen[0].Row, (bits & FlagBits.OfEmail) | (own & FlagBits.Own)));
        return null;
    }

    private static SortedSet<long> Target(EmailUpdate update, List<(MailboxId Mailbox, EmailRow Row)> seen)
    {
        var target = new SortedSet<long>();
        if (!update.ReplacesMailboxes) target.UnionWith(seen.Select(static place => place.Mailbox.Value));
        target.ExceptWith(update.RemovedMailboxes.Select(static m => m.Value));
        target.UnionWith(update.AddedMailboxes.Select(static m => m.Value));
        return target;
    }

    /// <summary>Null when there would be too many keywords.</summary>
    private uint? Bits(EmailUpdate update, uint bits)
    {
        var system = (SystemFlags)(bits & FlagBits.System);
        system = (update.ReplacesKeywords ? SystemFlags.None : system & ~update.RemovedFlags) | update.AddedFlags;
        var set = (int)(bits >> FlagBits.KeywordShift);
        if (update.ChangesKeywords)
        {
            var names = (update.ReplacesKeywords ? [] : _keywords.Names(set).Except(update.RemovedKeywords, StringComparer.OrdinalIgnoreCase))
                .Concat(update.AddedKeywords).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
            if (names.Count > StoreLimits.KeywordsPerEmailMax) return null;
            set = _keywords.Intern(names);
        }

        return FlagBits.Encode(system, set);
    }

    private Changes Of(long mailbox)
    {
        if (!_mailboxes.TryGetValue(mailbox, out var changes)) _mailboxes[mailbox] = changes = new Changes();
        return changes;
    }

    private void Write(ViewCache views)
    {
        var edit = AccountEdit.Begin(_tx, _account, views, 0, 0, 0);
        foreach (var (set, names) in _keywords.Made) edit.Announce(set, names);
        foreach (var (mailbox, changes) in _mailboxes) Write(edit, new MailboxId(mailbox), changes);
        foreach (var email in _shared)
        {
            _tx.Prepare("UPDATE membership SET flags = flags | 128 WHERE account = $1 AND email = $2")
                .Bind(_account.Value).Bind(email.Value).Execute();
        }

        edit.End();
    }

    private void Write(AccountEdit edit, MailboxId mailbox, Changes changes)
    {
        changes.Sort();
        var touched = edit.Touch(mailbox, changes.Added.Count, changes.Tally());
        if (changes.Removed.Count > 0)
        {
            foreach (var (first, last) in MembershipRows.Runs(changes.RemovedUids))
            {
                _tx.Prepare("DELETE FROM membership WHERE account = $1 AND mailbox = $2 AND uid BETWEEN $3 AND $4")
                    .Bind(_account.Value).Bind(mailbox.Value).Bind((long)first.Value).Bind((long)last.Value).Execute();
            }

            edit.Log(ChangeKind.Expunged, mailbox, changes.Removed.ConvertAll(static r => new ChangedEmail(r.Uid, r.Email)));
        }

        if (changes.Flagged.Count > 0)
        {
            FlagEdit.WriteRows(_tx, _account, mailbox, edit.ModSeq, changes.Flagged);
            edit.Log(ChangeKind.Flags, mailbox, changes.Flagged.ConvertAll(static f => new ChangedEmail(f.Row.Uid, f.Row.Email)));
        }

        var added = new EmailRow[changes.Added.Count];
        for (var i = 0; i < added.Length; i++)
        {
            var (row, bits) = changes.Added[i];
            added[i] = new EmailRow(
                touched.UidNext.Value - added.Length + i, row.Email.Value, row.Thread.Value, edit.ModSeq.Value, bits, row.SizeBytes,
                row.ReceivedAt.ToUnixTimeMilliseconds(), _tx.Now.ToUnixTimeMilliseconds());
            Arrival.Insert(edit, mailbox, added[i], _tx.Now);
        }

        if (added.Length > 0) edit.Log(ChangeKind.Added, mailbox, [.. added.Select(static r => new ChangedEmail(r.Uid, r.Email))]);
        edit.Announce(new MailboxDelta(mailbox, touched.Before, edit.ModSeq, touched.UidNext)
        {
            Added = added,
            Changed = changes.Flagged.ConvertAll(f => f.Row.With(edit.ModSeq.Value, f.Bits)),
            Removed = changes.RemovedUids,
        });
    }

    /// <summary>What happens in one mailbox.</summary>
    private sealed class Changes
    {
        public List<EmailRow> Removed { get; } = [];

        public List<(EmailRow Row, uint Bits)> Flagged { get; } = [];

        public List<(EmailRow Row, uint Bits)> Added { get; } = [];

        public Uid[] RemovedUids { get; private set; } = [];

        public void Sort()
        {
            Removed.Sort(static (a, b) => a.Uid.CompareTo(b.Uid));
            Flagged.Sort(static (a, b) => a.Row.Uid.CompareTo(b.Row.Uid));
            RemovedUids = [.. Removed.Select(static r => r.Uid)];
        }

        public Tally Tally()
        {
            var tally = default(Tally);
            foreach (ref readonly var row in CollectionsMarshal.AsSpan(Removed)) tally.Remove(row.Bits, row.SizeBytes);
            foreach (var (row, bits) in Flagged)
            {
                tally.Remove(row.Bits, row.SizeBytes);
                tally.Add(bits, row.SizeBytes);
            }

            foreach (var (row, bits) in Added) tally.Add(bits, row.SizeBytes);
            return tally;
        }
    }
}

/// <summary>Whole Emails go, whatever mailboxes they lie in (RFC 8621 §4.6 destroy).</summary>
internal static class EmailDestruction
{
    /// <returns>For each Email null, or why it was refused.</returns>
    public static Refusal?[] Run(Transaction tx, AccountId account, ReadOnlySpan<EmailId> emails, BlobStore blobs, ViewCache views)
    {
        tx.LockAccount(account);
        var alive = MailboxRows.Alive(tx, account);
        var refusals = new Refusal?[emails.Length];
        var uids = new SortedDictionary<long, SortedSet<Uid>>();
        for (var i = 0; i < emails.Length; i++)
        {
            var places = MembershipRows.OfEmail(tx, account, emails[i]);
            if (!places.Exists(place => !place.Row.IsDeleted && alive.Contains(place.Mailbox.Value)))
            {
                refusals[i] = EmailRefusals.NotFound;
                continue;
            }

            foreach (var (mailbox, row) in places)
            {
                if (!uids.TryGetValue(mailbox.Value, out var list)) uids[mailbox.Value] = list = [];
                list.Add(row.Uid);
            }
        }

        foreach (var (mailbox, list) in uids)
        {
            foreach (var slice in list.Chunk(StoreLimits.ExpungesPerAction))
            {
                Expunge.Run(tx, account, new MailboxId(mailbox), slice, onlyDeleted: false, blobs, views);
            }
        }

        return refusals;
    }
}
