using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>SORT and UID SORT (RFC 5256 §3, RFC 5957), with ESORT (RFC 5267 §3).</summary>
internal sealed record SortCommand(IReadOnlyList<SortCriterion> Criteria, SearchRequest Request, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var (mailbox, options) = (session.Mailbox, Request.Options);
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        if (options.Has(SearchReturn.Update) && mailbox.Contexts.IsTaken(session.Tag)) return Replies.TagReuse;
        if (options.Has(SearchReturn.Save)) mailbox.Save([]);
        if (Request.Prepare(session, mailbox) is { } refused) return refused;
        var found = await new SearchRun(session, mailbox, Request.Program).FindAsync(ct);
        found = await new SortRun(session, mailbox, Criteria).SortAsync(found, ct);
        if (options.Has(SearchReturn.Save)) mailbox.Save(options.Saved(found).Order());
        var reply = new SearchReply(session, mailbox, ByUid);
        if (options.Return != SearchReturn.None) reply.WriteExtended(options, found, Request.AsksForModSeq);
        else if (!await reply.WriteAsync("SORT", found, Request.AsksForModSeq, ct)) return Replies.Gone;
        if (options.Has(SearchReturn.Update))
            mailbox.Contexts.Begin(session, new SearchContext(session.Tag, Request.Program, Criteria, ByUid) { Fetch = options.Fetch }, found);
        return Reply.Ok("SORT completed") with { KeepsNumbers = (Request.Program.Traits & SearchTraits.Numbers) != 0 };
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        if (!(r.ExpectSpace() && SearchOptions.ExpectFrom(ref r, out var options) && SortCriterion.ExpectAll(ref r, out var criteria)
            && r.ExpectSpace() && r.ExpectAstring(64, "charset", out var charset) && r.ExpectSpace()
            && SearchRequest.ExpectProgram(ref r, options, Encoding.Latin1.GetString(charset).ToUpperInvariant(), out var request)
            && r.ExpectEnd())) return false;
        command = new SortCommand(criteria, request, byUid);
        return true;
    }
}
