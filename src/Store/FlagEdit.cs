using System.Runtime.InteropServices;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>
/// One slice of STORE: flags of up to <see cref="StoreLimits.RowsPerAction"/> memberships, and of the other memberships of the same Emails.
/// </summary>
internal sealed class FlagEdit
{
    private const string SetSql =
        "UPDATE membership SET flags = $1, modseq = $2 WHERE account = $3 AND mailbox = $4 AND uid BETWEEN $5 AND $6";

    private readonly Transaction _tx;
    private readonly AccountId _account;
    private readonly FlagOperation _operation;
    private readonly SystemFlags _system;
    private readonly IReadOnlyList<string> _keywords;
    private readonly KeywordTable _table;
    private readonly Dictionary<int, int> _sets = [];
    private readonly Dictionary<MailboxId, List<(EmailRow Row, uint Bits)>> _touched = [];

    private FlagEdit(Transaction tx, AccountId account, FlagOperation operation, SystemFlags system, IReadOnlyList<string> keywords)
    {
        (_tx, _account, _operation, _system, _keywords) = (tx, account, operation, system, keywords);
        _table = new KeywordTable(tx, account);
    }

    /// <param name="uids">Rising.</param>
    public static FlagsStored Run(
        Transaction tx,
        AccountId account,
        MailboxId mailbox,
        ReadOnlySpan<Uid> uids,
        FlagChange change,
        ViewCache views)
    {
        tx.LockAccount(account);
        MailboxRows.Require(tx, account, mailbox);
        var edit = new FlagEdit(tx, account, change.Operation, change.System, change.Keywords);
        var rows = MembershipRows.Read(tx, account, mailbox, uids);
        var conflicts = new List<Uid>();
        var shared = new List<(EmailRow Row, uint Bits)>();
        var applied = new HashSet<Uid>(rows.Count);
        var own = new List<(EmailRow Row, uint Bits)>(rows.Count);
        foreach (var row in rows)
        {
            // RFC 7162 §3.1.3
            if (change.UnchangedSince is { } since && row.ModSeq > since)
            {
                conflicts.Add(row.Uid);
                continue;
            }

            var bits = edit.Apply(row.Bits);
            if ((row.Bits & FlagBits.Shared) != 0)
            {
                applied.Add(row.Uid);
                shared.Add((row, bits));
            }

            if (bits != row.Bits) own.Add((row, bits));
        }

        if (own.Count > 0) edit._touched[mailbox] = own;
        edit.AddSiblings(mailbox, shared, applied);
        var modSeq = edit.Write(views);
        return new FlagsStored(modSeq, own.Count, conflicts, Missing(uids, rows));
    }

    /// <summary>Writes the new flags of rows that rise by uid; rows that get the same flags and stand side by side go in one statement.</summary>
    /// <param name="changed">All rows between two neighbours of this list must be left as they are: uids that are not adjacent are not
    /// joined.</param>
    private void WriteRows(MailboxId mailbox, ModSeq modSeq, List<(EmailRow Row, uint Bits)> changed) =>
        WriteRows(_tx, _account, mailbox, modSeq, changed);

    public static void WriteRows(
        Transaction tx, AccountId account, MailboxId mailbox, ModSeq modSeq, List<(EmailRow Row, uint Bits)> changed)
    {
        for (var i = 0; i < changed.Count; i++)
        {
            var (first, bits) = changed[i];
            while (i + 1 < changed.Count && changed[i + 1].Bits == bits && changed[i + 1].Row.Uid.Value == changed[i].Row.Uid.Value + 1)
            {
                i++;
            }

            tx.Prepare(SetSql).Bind((long)bits).Bind(modSeq.Value).Bind(account.Value).Bind(mailbox.Value)
                .Bind((long)first.Uid.Value).Bind((long)changed[i].Row.Uid.Value).Execute();
        }
    }

    private static List<Uid> Missing(ReadOnlySpan<Uid> uids, List<EmailRow> rows)
    {
        var missing = new List<Uid>();
        var next = 0;
        foreach (var uid in uids)
        {
            while (next < rows.Count && rows[next].Uid.Value < uid.Value) next++;
            if (next == rows.Count || rows[next].Uid != uid) missing.Add(uid);
        }

        return missing;
    }

    private uint Apply(uint bits)
    {
        var system = bits & FlagBits.System;
        var wanted = (uint)_system & FlagBits.System;
        system = _operation switch
        {
            FlagOperation.Add => system | wanted,
            FlagOperation.Remove => system & ~wanted,
            _ => wanted,
        };
        return system | (bits & FlagBits.Own) | ((uint)Set((int)(bits >> FlagBits.KeywordShift)) << FlagBits.KeywordShift);
    }

    private int Set(int old)
    {
        if (_operation != FlagOperation.Replace && _keywords.Count == 0) return old;
        if (_sets.TryGetValue(old, out var set)) return set;
        IEnumerable<string> names = _operation switch
        {
            FlagOperation.Add => _table.Names(old).Concat(_keywords),
            FlagOperation.Remove => _table.Names(old).Except(_keywords, StringComparer.OrdinalIgnoreCase),
            _ => _keywords,
        };
        var list = names.ToList();
        if (Keyword.Check(list.Distinct(StringComparer.OrdinalIgnoreCase).ToList()) is { } refusal) throw new RefusalException(refusal);
        return _sets[old] = _table.Intern(list);
    }

    /// <summary>Flags other than \Deleted are the Email's: its other memberships get them too.</summary>
    private void AddSiblings(MailboxId mailbox, List<(EmailRow Row, uint Bits)> shared, HashSet<Uid> applied)
    {
        var seen = new HashSet<(MailboxId, Uid)>();
        var others = false;
        foreach (var (row, bits) in shared)
        {
            foreach (var (place, sibling) in MembershipRows.OfEmail(_tx, _account, row.Email))
            {
                if (place == mailbox && applied.Contains(sibling.Uid)) continue;
                var wanted = (bits & FlagBits.OfEmail) | (sibling.Bits & ~FlagBits.OfEmail);
                if (wanted == sibling.Bits || !seen.Add((place, sibling.Uid))) continue;
                ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(_touched, place, out _);
                (list ??= []).Add((sibling, wanted));
                others = true;
            }
        }

        if (!others) return;
        foreach (var list in _touched.Values) list.Sort(static (a, b) => a.Row.Uid.CompareTo(b.Row.Uid));
    }

    private ModSeq Write(ViewCache views)
    {
        if (_touched.Count == 0) return default;
        var visibility = Visibility.Of(_tx, _account, _touched);
        var edit = AccountEdit.Begin(_tx, _account, views, 0, 0, 0);
        visibility.Log(edit); // first: it says whether JMAP saw the Email before
        foreach (var (set, names) in _table.Made) edit.Announce(set, names);
        foreach (var (mailbox, changed) in _touched)
        {
            var tally = default(Tally);
            var rows = new EmailRow[changed.Count];
            var log = new ChangedEmail[changed.Count];
            for (var i = 0; i < changed.Count; i++)
            {
                var (row, bits) = changed[i];
                tally.Remove(row.Bits, row.SizeBytes);
                tally.Add(bits, row.SizeBytes);
                rows[i] = row.With(edit.ModSeq.Value, bits);
                log[i] = new ChangedEmail(row.Uid, row.Email);
            }

            WriteRows(mailbox, edit.ModSeq, changed);
            var touched = edit.Touch(mailbox, 0, tally);
            edit.Log(ChangeKind.Flags, mailbox, log);
            edit.Announce(new MailboxDelta(mailbox, touched.Before, edit.ModSeq, touched.UidNext) { Changed = rows });
        }

        edit.End();
        return edit.ModSeq;
    }
}

/// <summary>What a STORE asks for.</summary>
internal sealed record FlagChange(FlagOperation Operation, SystemFlags System, IReadOnlyList<string> Keywords, ModSeq? UnchangedSince);
