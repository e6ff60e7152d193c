using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>ESEARCH (RFC 7377 §2): one search in many mailboxes, answered in UIDs for each that has something.</summary>
/// <param name="Sources">Empty for the selected mailbox.</param>
internal sealed record EsearchCommand(IReadOnlyList<MailboxSelection> Sources, SearchRequest Request) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var sources = new List<MailboxSelection>();
        string? charset = null;
        if (!r.ExpectSpace()) return false;
        if (r.TryKeyword("IN ("u8) && !(ExpectSources(ref r, sources) && r.ExpectSpace())) return false;
        if (!SearchOptions.ExpectFrom(ref r, out var options)) return false;
        if (r.TryKeyword("CHARSET "u8))
        {
            if (!(r.ExpectAstring(64, "charset", out var name) && r.ExpectSpace())) return false;
            charset = Encoding.Latin1.GetString(name).ToUpperInvariant();
        }
        if (options.Return == SearchReturn.None) options = SearchOptions.All;
        if (!(SearchRequest.ExpectProgram(ref r, options, charset, out var request) && r.ExpectEnd())) return false;
        command = new EsearchCommand(sources, request);
        return true;
    }

    public override async ValueTask<Reply> RunAsync(ImapSession session, CancellationToken ct)
    {
        if (Refuse(session) is { } refused) return refused;
        var isSaved = Request.Options.Has(SearchReturn.Save);
        if (isSaved) session.Mailbox.Save([]);
        var mailboxes = await FindAsync(session, ct);
        if (mailboxes.Count > ImapLimits.SearchMailboxesMax) return Reply.No($"at most {ImapLimits.SearchMailboxesMax} mailboxes", "LIMIT");
        for (var i = 0; i < mailboxes.Count; i++)
        {
            if (await SearchAsync(session, mailboxes[i], ct) is { } reply) return reply;
            if (!await session.Progress.TellAsync(i, mailboxes.Count, ct) || !await session.Connection.FlushWhenFullAsync(ct)) return Replies.Gone;
        }
        return Reply.Ok("ESEARCH completed");
    }

    // RFC 7377 §2.2: which states and which options go with which sources.
    private Reply? Refuse(ImapSession session)
    {
        var inSelected = Sources.Count == 0 || Sources.Any(source => source.Kind == MailboxSource.Selected);
        if (inSelected && session.Selected is null) return Reply.Bad("no mailbox is selected");
        var onlySelected = Sources.All(source => source.Kind == MailboxSource.Selected);
        if (Request.Options.Has(SearchReturn.Save) && !onlySelected) return Reply.Bad("only a search of the selected mailbox can be saved");
        if (!Request.Options.Has(SearchReturn.Update)) return null;
        if (session.Selected is null || !onlySelected) return Reply.Bad("only a search of the selected mailbox can be followed");
        return session.Selected.Contexts.IsTaken(session.Tag) ? Replies.TagReuse : null;
    }

    private async ValueTask<Reply?> SearchAsync(ImapSession session, Mailbox found, CancellationToken ct)
    {
        if (session.Selected is { } selected && selected.Id == found.Id) return await SearchAsync(session, selected, ct);
        // Gone since it was listed: nothing is found there.
        if (await session.Server.Store.Mailboxes.OpenAsync(session.Account, found.Id, ct) is not { } view) return null;
        using var mailbox = new SelectedMailbox(view, found.Path, readOnly: true);
        return await SearchAsync(session, mailbox, ct);
    }

    private async ValueTask<Reply?> SearchAsync(ImapSession session, SelectedMailbox mailbox, CancellationToken ct)
    {
        if (Request.Prepare(session, mailbox, anyNumber: true) is { } refused) return refused;
        var options = Request.Options;
        var found = await new SearchRun(session, mailbox, Request.Program).FindAsync(ct);
        if (options.Has(SearchReturn.Save)) mailbox.Save(options.Saved(found).Order());
        if (options.Has(SearchReturn.Update))
            mailbox.Contexts.Begin(session, new SearchContext(session.Tag, Request.Program, null, ByUid: true) { Fetch = options.Fetch }, found);
        if (found.Count == 0) return null;
        new SearchReply(session, mailbox, byUid: true).WriteExtended(options, found, Request.AsksForModSeq, Correlators(session, mailbox));
        return null;
    }

    // RFC 7377 §2.1
    private static byte[] Correlators(ImapSession session, SelectedMailbox mailbox)
    {
        var text = new ArrayBufferWriter<byte>();
        var w = new WireWriter(text);
        w.Raw(" MAILBOX "u8);
        w.Mailbox(mailbox.Path, session.Has(Extensions.Utf8Names));
        w.Raw(" UIDVALIDITY "u8);
        w.Number(mailbox.Known.UidValidity);
        w.Commit();
        return text.WrittenSpan.ToArray();
    }

    private async ValueTask<List<Mailbox>> FindAsync(ImapSession session, CancellationToken ct)
    {
        var all = await session.Server.Store.Mailboxes.ListAsync(session.Account, ct);
        var selected = session.Selected?.Id;
        return [.. all.Where(mailbox => Sources.Count == 0 ? mailbox.Id == selected : Sources.Any(source => source.Names(mailbox, selected)))];
    }

    // "IN (" was read; filter-mailboxes *(SP filter-mailboxes) ")"
    private static bool ExpectSources(ref GrammarReader r, List<MailboxSelection> sources)
    {
        do
        {
            if (sources.Count == ImapLimits.ListPatternsMax) return r.Missing($"at most {ImapLimits.ListPatternsMax} sources");
            if (!MailboxSelection.ExpectFrom(ref r, out var source)) return false;
            sources.Add(source);
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }
}
