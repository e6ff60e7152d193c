using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>STORE and UID STORE (RFC 9051 §6.4.6).</summary>
internal sealed record StoreCommand(SequenceSet Set, FlagOperation Operation, FlagList Flags, bool Silent, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (!mailbox.TryFind(Set, ByUid, out var rows)) return Replies.NoSuchMessage;
        if (mailbox.ReadOnly) return Replies.ReadOnly;
        if (rows.Count == 0) return Reply.Ok("STORE completed");
        var stored = await session.Server.Store.Emails.StoreFlagsAsync(
            session.Account, mailbox.Id, mailbox.Uids(rows), Operation, Flags.System, Flags.Keywords, null, ct);
        if (stored.Refusal is { } refusal) return Replies.From(refusal);
        if (Silent) Assume(mailbox, rows);
        else if (!await EchoAsync(session, rows, ct)) return Replies.Gone;
        return Reply.Ok("STORE completed");
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && SequenceSet.ExpectFrom(ref r, out var set) && r.ExpectSpace())) return false;
        var operation = r.TryByte((byte)'+') ? FlagOperation.Add : r.TryByte((byte)'-') ? FlagOperation.Remove : FlagOperation.Replace;
        if (!r.ExpectKeyword("FLAGS"u8)) return false;
        var silent = r.TryKeyword(".SILENT"u8);
        if (!r.ExpectSpace()) return false;
        var mark = r;
        var flags = FlagList.Empty;
        var isList = r.TryByte((byte)'(');
        r.Restore(mark);
        if (!(isList ? FlagList.ExpectList(ref r, out flags) : FlagList.ExpectFlags(ref r, out flags)) || !r.ExpectEnd()) return false;
        command = new StoreCommand(set, operation, flags, silent, byUid);
        return true;
    }

    /// <summary>The new flags of every message that was named, changed or not.</summary>
    private static async ValueTask<bool> EchoAsync(ImapSession session, RowSet rows, CancellationToken ct)
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

    private static void Echo(ImapSession session, MailboxSnapshot present, int first, int last)
    {
        var mailbox = session.Mailbox;
        var w = session.Connection.Write();
        if (mailbox.View.Keywords.All.Count > mailbox.KeywordsTold) Announcer.Flags(ref w, mailbox);
        for (var index = first; index <= last; index++) FetchWriter.Flags(ref w, index + 1, mailbox.Tell(present, index), mailbox);
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
            var (was, now) = (mailbox.Told(index), mailbox.Fresh(present, index).Flags);
            var expected = now.System == Expected(was.System) && AreExpected(was.KeywordSet, now.KeywordSet);
            mailbox.Note(index, expected ? now : SelectedMailbox.UnknownFlags);
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
