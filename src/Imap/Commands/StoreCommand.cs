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
        var own = new OwnStore(this, mailbox, rows);
        session.OwnChanges = own.IsKnown;
        if (!Silent && !await own.EchoAsync(session, ct)) return Replies.Gone;
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

    // What this client has done itself is not announced to it again; what others have done at the same time is, silent or not
    // (RFC 9051 §6.4.6: "a FETCH response SHOULD be sent if a change to a message's flags from an external source is observed").
    private sealed class OwnStore(StoreCommand command, SelectedMailbox mailbox, RowSet rows)
    {
        private readonly Dictionary<(int Before, int After), bool> _keywords = [];
        private readonly MailboxSnapshot _numbers = mailbox.Known;
        private MailboxSnapshot? _echoed;

        public bool IsKnown(in EmailRow was, in EmailRow now)
        {
            var index = _numbers.IndexOf(was.Uid);
            if (index < 0 || !rows.Contains(index)) return false;
            if (_echoed is not null)
            {
                var at = _echoed.IndexOf(was.Uid);
                return at >= 0 && _echoed[at].Flags == now.Flags;
            }
            return now.Flags.System == Expected(was.Flags.System) && KeywordsAreExpected(was.Flags.KeywordSet, now.Flags.KeywordSet);
        }

        /// <summary>The new flags of every message that was named, changed or not.</summary>
        public async ValueTask<bool> EchoAsync(ImapSession session, CancellationToken ct)
        {
            var present = mailbox.View.Current;
            foreach (var range in rows.Ranges)
            {
                for (var first = range.First; first <= range.Last; first += ImapLimits.BatchRows)
                {
                    Echo(session, present, first, Math.Min(range.Last, first + ImapLimits.BatchRows - 1));
                    if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
                }
            }
            _echoed = present;
            return true;
        }

        private void Echo(ImapSession session, MailboxSnapshot present, int first, int last)
        {
            var w = session.Connection.Write();
            if (mailbox.View.Keywords.All.Count > mailbox.KeywordsTold) Announcer.Flags(ref w, mailbox);
            for (var index = first; index <= last; index++) FetchWriter.Flags(ref w, index + 1, mailbox.Fresh(present, index), mailbox);
            w.Commit();
        }

        private SystemFlags Expected(SystemFlags was) => command.Operation switch
        {
            FlagOperation.Add => was | command.Flags.System,
            FlagOperation.Remove => was & ~command.Flags.System,
            _ => command.Flags.System,
        };

        private bool KeywordsAreExpected(int before, int after)
        {
            if (_keywords.TryGetValue((before, after), out var known)) return known;
            var sets = mailbox.View.Keywords;
            var expected = new HashSet<string>(
                command.Operation == FlagOperation.Replace ? command.Flags.Keywords : sets.Names(before), StringComparer.OrdinalIgnoreCase);
            if (command.Operation == FlagOperation.Add) expected.UnionWith(command.Flags.Keywords);
            if (command.Operation == FlagOperation.Remove) expected.ExceptWith(command.Flags.Keywords);
            return _keywords[(before, after)] = expected.SetEquals(sets.Names(after));
        }
    }
}
