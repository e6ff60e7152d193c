using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>STORE and UID STORE (RFC 9051 §6.4.6), of unchanged messages only (RFC 7162 §3.1.3).</summary>
/// <param name="UnchangedSince">Messages with a larger change number are left alone and named.</param>
internal sealed record StoreCommand(
    SequenceSet Set, ModSeq? UnchangedSince, FlagOperation Operation, FlagList Flags, bool Silent, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        if (!mailbox.TryFind(Set, ByUid, out var rows)) return Replies.NoSuchMessage;
        if (UnchangedSince is not null) session.Enable(Extensions.CondStore);
        if (mailbox.ReadOnly) return Replies.ReadOnly;
        if (rows.Count == 0) return Reply.Ok("STORE completed");
        var storing = session.Server.Store.Emails.StoreFlagsAsync(
            session.Account, mailbox.Id, mailbox.Uids(rows), Operation, Flags.System, Flags.Keywords, UnchangedSince, ct);
        var done = rows.Count > ImapLimits.BatchRows ? await session.Progress.WhileAsync(storing, ct) : await storing;
        if (!done.TryGet(out var stored)) return Replies.From(done.Refusal!);
        rows = Without(mailbox, rows, stored.Conflicts);
        if (Silent) Assume(mailbox, rows);
        var echoes = !Silent || session.Has(Extensions.CondStore);
        if (echoes && !await EchoAsync(session, rows, ct)) return Replies.Gone;
        // RFC 2180 §4.2.2: a client that named an expunged message by its number and waits for its flags is told why they do not come.
        var reply = Silent || ByUid || stored.Missing.Count == 0 ? Reply.Ok("STORE completed") : Replies.ExpungeIssued;
        return stored.Conflicts.Count == 0 ? reply : reply with { Code = "MODIFIED " + Numbers(mailbox, stored.Conflicts) };
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && SequenceSet.ExpectFrom(ref r, out var set) && r.ExpectSpace())) return false;
        ModSeq? unchangedSince = null;
        if (r.TryByte((byte)'('))
        {
            if (!(r.ExpectKeyword("UNCHANGEDSINCE"u8) && r.ExpectSpace() && r.ExpectModSeq(0, out var since)
                && r.ExpectByte((byte)')', "\")\"") && r.ExpectSpace())) return false;
            unchangedSince = since;
        }
        var operation = r.TryByte((byte)'+') ? FlagOperation.Add : r.TryByte((byte)'-') ? FlagOperation.Remove : FlagOperation.Replace;
        if (!r.ExpectKeyword("FLAGS"u8)) return false;
        var silent = r.TryKeyword(".SILENT"u8);
        if (!r.ExpectSpace()) return false;
        var mark = r;
        var flags = FlagList.Empty;
        var isList = r.TryByte((byte)'(');
        r.Restore(mark);
        if (!(isList ? FlagList.ExpectList(ref r, out flags) : FlagList.ExpectFlags(ref r, out flags)) || !r.ExpectEnd()) return false;
        command = new StoreCommand(set, unchangedSince, operation, flags, silent, byUid);
        return true;
    }

    private static RowSet Without(SelectedMailbox mailbox, RowSet rows, IReadOnlyList<Uid> conflicts)
    {
        if (conflicts.Count == 0) return rows;
        var left = conflicts.Select(uid => mailbox.Known.IndexOf(uid)).ToHashSet();
        return RowSet.Of(rows.Indexes.Where(index => !left.Contains(index)));
    }

    // RFC 7162 §3.1.3: message numbers behind STORE, UIDs behind UID STORE.
    private string Numbers(SelectedMailbox mailbox, IReadOnlyList<Uid> conflicts)
    {
        var set = new UidSetText();
        foreach (var uid in conflicts) set.Add(ByUid ? uid : new Uid((uint)mailbox.Known.IndexOf(uid) + 1));
        return set.ToString();
    }

    /// <summary>The new flags of every message that was named, changed or not; behind a silent STORE the new change numbers.</summary>
    private async ValueTask<bool> EchoAsync(ImapSession session, RowSet rows, CancellationToken ct)
    {
        var present = session.Mailbox.View.Current;
        foreach (var range in rows.Ranges)
        {
            for (var first = range.First; first <= range.Last; first += ImapLimits.BatchRows)
            {
                Echo(session, present, first, Math.Min(range.Last, first + ImapLimits.BatchRows - 1));
                if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
            }
        }
        return true;
    }

    private void Echo(ImapSession session, MailboxSnapshot present, int first, int last)
    {
        var mailbox = session.Mailbox;
        var tellsModSeq = session.Has(Extensions.CondStore);
        var w = session.Connection.Write();
        if (mailbox.View.Keywords.All.Count > mailbox.KeywordsTold) Announcer.Flags(ref w, mailbox);
        for (var index = first; index <= last; index++)
        {
            if (!Silent)
            {
                if (mailbox.TryTell(present, index, tellsModSeq, out var told)) FetchWriter.Flags(ref w, index + 1, told, session);
            }
            else if (mailbox.TryFresh(present, index, out var row))
            {
                mailbox.Note(index, mailbox.TellsOf(index).Flags, row.ModSeq);
                FetchWriter.ModSeq(ref w, index + 1, row, session);
            }
        }
        w.Commit();
    }

    // After a silent STORE the client works the new flags out by itself. Where others have changed something at the same time it is wrong, and
    // will be told (RFC 9051 §6.4.6: "a FETCH response SHOULD be sent if a change to a message's flags from an external source is observed").
    private void Assume(SelectedMailbox mailbox, RowSet rows)
    {
        var present = mailbox.View.Current;
        var keywords = new Dictionary<(int Before, int After), bool>();
        foreach (var index in rows.Indexes)
        {
            var (was, now) = (mailbox.TellsOf(index), mailbox.Fresh(present, index).Flags);
            var expected = now.System == Expected(was.Flags.System) && AreExpected(was.Flags.KeywordSet, now.KeywordSet);
            mailbox.Note(index, expected ? now : SelectedMailbox.UnknownFlags, was.ModSeq);
        }

        bool AreExpected(int before, int after)
        {
            if (before == SelectedMailbox.UnknownFlags.KeywordSet) return false;
            if (keywords.TryGetValue((before, after), out var known)) return known;
            return keywords[(before, after)] = KeywordsAreExpected(mailbox.View.Keywords, before, after);
        }
    }

    private SystemFlags Expected(SystemFlags was) => Operation switch
    {
        FlagOperation.Add => was | Flags.System,
        FlagOperation.Remove => was & ~Flags.System,
        _ => Flags.System,
    };

    private bool KeywordsAreExpected(KeywordSets sets, int before, int after)
    {
        var expected = new HashSet<string>(
            Operation == FlagOperation.Replace ? Flags.Keywords : sets.Names(before), StringComparer.OrdinalIgnoreCase);
        if (Operation == FlagOperation.Add) expected.UnionWith(Flags.Keywords);
        if (Operation == FlagOperation.Remove) expected.ExceptWith(Flags.Keywords);
        return expected.SetEquals(sets.Names(after));
    }
}
