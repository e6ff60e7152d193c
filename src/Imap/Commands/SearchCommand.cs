using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>What stands before a search program: RETURN and CHARSET (RFC 4466 §2.6.1, RFC 9051 §6.4.4).</summary>
/// <param name="Charset">As it was named; null when none was.</param>
internal sealed record SearchRequest(SearchKey Program, SearchOptions Options, string? Charset)
{
    /// <summary>UTF-8 and its part US-ASCII are what every string is read as.</summary>
    public static bool IsKnown(string? charset) => charset is null or "UTF-8" or "US-ASCII";

    /// <summary>[charset SP] search-program, the charset read already.</summary>
    public static bool ExpectProgram(ref GrammarReader r, SearchOptions options, string? charset, out SearchRequest request)
    {
        var grammar = new SearchGrammar(decode: IsKnown(charset));
        var ok = grammar.ExpectProgram(ref r, out var program);
        request = new SearchRequest(program, options, charset);
        return ok;
    }

    /// <summary>Why the program cannot run, if so; afterwards it knows the mailbox.</summary>
    /// <param name="anyNumber">Message numbers beyond the mailbox name nothing (RFC 7377 §2).</param>
    public Reply? Prepare(ImapSession session, SelectedMailbox mailbox, bool anyNumber = false)
    {
        if (!IsKnown(Charset)) return Reply.No("this charset is not known here", "BADCHARSET (US-ASCII UTF-8)");
        if (session.Has(Extensions.UidOnly) && (Program.Traits & SearchTraits.Numbers) != 0) return Replies.UidRequired;
        if (!Program.TryBind(new SearchBinding(mailbox, session.Connection.Time.GetUtcNow(), anyNumber))) return Replies.NoSuchMessage;
        if (AsksForModSeq) session.Enable(Extensions.CondStore);
        return null;
    }

    public bool AsksForModSeq => (Program.Traits & SearchTraits.ModSeq) != 0;
}

/// <summary>SEARCH and UID SEARCH (RFC 3501 §6.4.4), with ESEARCH (RFC 4731), SEARCHRES (RFC 5182) and PARTIAL (RFC 9394).</summary>
internal sealed record SearchCommand(SearchRequest Request, bool ByUid) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: false, out command);

    public static bool TryParseUid(ref GrammarReader r, [NotNullWhen(true)] out Command? command) => TryParse(ref r, byUid: true, out command);

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        var (mailbox, options) = (session.Mailbox, Request.Options);
        if (session.Has(Extensions.UidOnly) && !ByUid) return Replies.UidRequired;
        // RFC 6855 §3: everything is UTF-8 then, and saying so is a fault.
        if (session.Has(Extensions.Utf8) && Request.Charset is not null) return Reply.Bad("no CHARSET once UTF8=ACCEPT is enabled");
        if (options.Has(SearchReturn.Update) && mailbox.Contexts.IsTaken(session.Tag)) return Replies.TagReuse;
        if (options.Has(SearchReturn.Save)) mailbox.Save([]); // RFC 5182 §2.1: what a NO leaves behind
        if (Request.Prepare(session, mailbox) is { } refused) return refused;
        var found = await new SearchRun(session, mailbox, Request.Program).FindAsync(ct);
        if (options.Has(SearchReturn.Save)) mailbox.Save(options.Saved(found).Order());
        var reply = new SearchReply(session, mailbox, ByUid);
        // RFC 9051 §6.4.4: to a client of IMAP4rev2 every search is an extended one.
        if (options.Return == SearchReturn.None && session.Has(Extensions.Rev2)) options = SearchOptions.All;
        if (options.Return != SearchReturn.None) reply.WriteExtended(options, found, Request.AsksForModSeq);
        else if (!await reply.WriteAsync("SEARCH", found, Request.AsksForModSeq, ct)) return Replies.Gone;
        if (options.Has(SearchReturn.Update))
            mailbox.Contexts.Begin(session, new SearchContext(session.Tag, Request.Program, null, ByUid) { Fetch = options.Fetch }, found);
        // RFC 7162 §3.2.10.2: numbers in the program must hold while it is answered.
        return Reply.Ok("SEARCH completed") with { KeepsNumbers = (Request.Program.Traits & SearchTraits.Numbers) != 0 };
    }

    private static bool TryParse(ref GrammarReader r, bool byUid, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        string? charset = null;
        if (!(r.ExpectSpace() && SearchOptions.ExpectFrom(ref r, out var options))) return false;
        if (r.TryKeyword("CHARSET "u8))
        {
            if (!(r.ExpectAstring(64, "charset", out var name) && r.ExpectSpace())) return false;
            charset = Encoding.Latin1.GetString(name).ToUpperInvariant();
        }
        if (!(SearchRequest.ExpectProgram(ref r, options, charset, out var request) && r.ExpectEnd())) return false;
        command = new SearchCommand(request, byUid);
        return true;
    }
}
