using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>FETCH and UID FETCH (RFC 9051 §6.4.5), of changed messages only (RFC 7162 §3.1.4).</summary>
internal sealed record FetchCommand(SequenceSet Set, FetchRequest Request, FetchModifiers Modifiers, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        if (!mailbox.TryFind(Set, ByUid, out var rows)) return Replies.NoSuchMessage;
        if (Modifiers.Vanished && !session.Has(Extensions.QResync)) return Replies.NeedsQResync;
        var request = Request with { Items = Request.Items | Implied(session) };
        if ((request.Items & FetchItems.ModSeq) != 0) session.Enable(Extensions.CondStore);
        if (Modifiers.ChangedSince is { } since)
        {
            if (Modifiers.Vanished && !await Resynchronizer.VanishedAsync(session, since, Set, ct)) return Replies.Gone;
            rows = mailbox.ChangedSince(rows, since);
        }
        if (Modifiers.Partial is { } partial) rows = rows.Slice(partial.Of(rows.Count));
        if (Request.SetsSeen && !mailbox.ReadOnly) await SetSeenAsync(session, rows, ct);
        var run = new FetchRun(session, request);
        var reply = await run.WriteAsync(rows, ct);
        return reply ?? Reply.Ok("FETCH completed");
    }

    // UIDFETCH has the UID before its list.
    private FetchItems Implied(ImapSession session) =>
        (ByUid && !session.Has(Extensions.UidOnly) ? FetchItems.Uid : FetchItems.None)
        | (Modifiers.ChangedSince is null ? FetchItems.None : FetchItems.ModSeq);

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && SequenceSet.ExpectFrom(ref r, out var set) && r.ExpectSpace()
              && FetchGrammar.ExpectRequest(ref r, out var request)
              && FetchModifiers.ExpectFrom(ref r, byUid, out var modifiers) && r.ExpectEnd())) return false;
        command = new FetchCommand(set, request, modifiers, byUid);
        return true;
    }

    // RFC 9051 §6.4.5: "The \Seen flag is implicitly set; if this causes the flags to change, they SHOULD be included as part of the
    // FETCH responses": the announcement behind this command does that.
    private static async ValueTask SetSeenAsync(ImapSession session, RowSet rows, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        var present = mailbox.View.Current;
        var unseen = new List<Uid>();
        foreach (var index in rows.Indexes)
        {
            var row = mailbox.Fresh(present, index);
            if (!row.IsSeen) unseen.Add(row.Uid);
        }
        if (unseen.Count == 0) return;
        await session.Server.Store.Emails.StoreFlagsAsync(
            session.Account, mailbox.Id, unseen, FlagOperation.Add, SystemFlags.Seen, [], null, ct);
    }
}
