using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>One way of naming mailboxes (RFC 5465 §6, RFC 7377 §2.2).</summary>
internal enum MailboxSource : byte
{
    Selected,
    Inboxes,
    Personal,
    Subscribed,
    Subtree,
    SubtreeOne,
    Mailboxes,
}

/// <summary>A source with the names it needs; none for most.</summary>
internal sealed record SearchSource(MailboxSource Kind, IReadOnlyList<MailboxName> Names);

/// <summary>ESEARCH (RFC 7377 §2): one search in many mailboxes, answered in UIDs for each that has something.</summary>
/// <param name="Sources">Empty for the selected mailbox.</param>
internal sealed record EsearchCommand(IReadOnlyList<SearchSource> Sources, SearchRequest Request) : Command
{
    public static bool TryParse(ref GrammarReader r, [NotNullWhen(true)] out Command? command)
    {
        command = null;
        var sources = new List<SearchSource>();
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
            mailbox.Contexts.Begin(session, new SearchContext(session.Tag, Request.Program, null, ByUid: true), found);
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
        return [.. all.Where(mailbox => Sources.Count == 0 ? IsSelected(mailbox) : Sources.Any(source => Names(source, mailbox)))];

        bool IsSelected(Mailbox mailbox) => session.Selected?.Id == mailbox.Id;

        bool Names(SearchSource source, Mailbox mailbox) => source.Kind switch
        {
            MailboxSource.Selected => IsSelected(mailbox),
            MailboxSource.Inboxes => mailbox.Id == Mailbox.Inbox,
            MailboxSource.Personal => true,
            MailboxSource.Subscribed => mailbox.Subscribed,
            MailboxSource.Mailboxes => source.Names.Any(name => name.Path == mailbox.Path),
            _ => source.Names.Any(name => name.Path == mailbox.Path || IsBelow(mailbox.Path, name.Path, source.Kind == MailboxSource.SubtreeOne)),
        };
    }

    private static bool IsBelow(string path, string top, bool oneLevel) =>
        path.Length > top.Length + 1 && path[top.Length] == MailboxName.Delimiter && path.StartsWith(top, StringComparison.Ordinal)
        && (!oneLevel || path.IndexOf(MailboxName.Delimiter, top.Length + 1) < 0);

    // "IN (" was read; filter-mailboxes *(SP filter-mailboxes) ")"
    private static bool ExpectSources(ref GrammarReader r, List<SearchSource> sources)
    {
        do
        {
            if (sources.Count == ImapLimits.ListPatternsMax) return r.Missing($"at most {ImapLimits.ListPatternsMax} sources");
            var mark = r;
            if (!r.ExpectAtom(32, "mailboxes to search", out var word)) return false;
            if (Read(word) is not { } kind)
            {
                r.Restore(mark);
                return r.Missing("mailboxes to search");
            }
            var names = new List<MailboxName>();
            if (kind >= MailboxSource.Subtree && !(r.ExpectSpace() && ExpectNames(ref r, names))) return false;
            sources.Add(new SearchSource(kind, names));
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    // mailbox / "(" mailbox *(SP mailbox) ")"
    private static bool ExpectNames(ref GrammarReader r, List<MailboxName> names)
    {
        var several = r.TryByte((byte)'(');
        do
        {
            if (names.Count == ImapLimits.SearchMailboxesMax) return r.Missing($"at most {ImapLimits.SearchMailboxesMax} mailboxes");
            if (!r.ExpectMailbox(out var name)) return false;
            names.Add(name);
        }
        while (several && r.TrySpace());
        return !several || r.ExpectByte((byte)')', "\")\"");
    }

    private static MailboxSource? Read(string word) => word.ToUpperInvariant() switch
    {
        "SELECTED" => MailboxSource.Selected,
        "INBOXES" => MailboxSource.Inboxes,
        "PERSONAL" => MailboxSource.Personal,
        "SUBSCRIBED" => MailboxSource.Subscribed,
        "SUBTREE" => MailboxSource.Subtree,
        "SUBTREE-ONE" => MailboxSource.SubtreeOne,
        "MAILBOXES" => MailboxSource.Mailboxes,
        _ => null,
    };
}
