using System.Text;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>A search whose result the client follows (RFC 5267 §4.3).</summary>
/// <param name="Criteria">Of a SORT; null for a SEARCH, whose results stand in the order of the mailbox.</param>
internal sealed record SearchContext(string Tag, SearchKey Program, IReadOnlyList<SortCriterion>? Criteria, bool ByUid)
{
    /// <summary>What is told of a new message that is part of it (RFC 5465 §7); null for nothing.</summary>
    public FetchRequest? Fetch { get; init; }

    /// <summary>The UIDs of the result, in its order.</summary>
    public List<uint> Results { get; init; } = [];
}

/// <summary>The searches of a selected mailbox that are followed. They end with it.</summary>
internal sealed class SearchContexts
{
    private readonly List<SearchContext> _contexts = [];

    public bool IsEmpty => _contexts.Count == 0;

    public bool IsTaken(string tag) => _contexts.Exists(context => context.Tag == tag);

    /// <summary>Follows a search from now on, or says that there are too many (RFC 5267 §4.3.1).</summary>
    public void Begin(ImapSession session, SearchContext context, List<int> found)
    {
        if (_contexts.Count < ImapLimits.SearchContextsMax)
        {
            context.Results.AddRange(found.Select(row => session.Mailbox.Known[row].Uid.Value));
            _contexts.Add(context);
            return;
        }
        var w = session.Connection.Write();
        w.Raw("* NO [NOUPDATE "u8);
        w.String(Encoding.ASCII.GetBytes(context.Tag));
        w.Raw("] too many searches are followed already\r\n"u8);
        w.Commit();
    }

    public void Cancel(string tag) => _contexts.RemoveAll(context => context.Tag == tag);

    /// <summary>Before EXPUNGE is told: results that go with it, by the numbers that still hold (RFC 5267 §4.3.4).</summary>
    public void TellRemoved(ImapSession session, MailboxSnapshot before, MailboxDiff diff)
    {
        if (diff.Expunged.Count == 0) return;
        var gone = diff.Expunged.Select(index => before[index].Uid.Value).ToHashSet();
        foreach (var context in _contexts) Remove(session, before, context, gone);
    }

    /// <summary>After EXISTS and FETCH were told: what a change or an arrival means to the results.</summary>
    public async ValueTask TellChangedAsync(ImapSession session, MailboxDiff diff, CancellationToken ct)
    {
        var mailbox = session.Mailbox;
        var rows = diff.Changed.Concat(Enumerable.Range(diff.FirstNew, mailbox.Count - diff.FirstNew)).ToList();
        if (rows.Count == 0) return;
        foreach (var context in _contexts)
        {
            var matching = await new SearchRun(session, mailbox, context.Program).FindAsync(RowSet.Of(rows), ct);
            var fits = matching.ToHashSet();
            var had = context.Results.ToHashSet();
            Remove(session, mailbox.Known, context, [.. rows.Where(row => !fits.Contains(row)).Select(UidOf).Where(had.Contains)]);
            List<int> added = [.. matching.Where(row => !had.Contains(UidOf(row)))];
            List<int> newcomers = [.. added.Where(row => row >= diff.FirstNew)];
            if (context.Fetch is { } fetch && newcomers.Count > 0) await new FetchRun(session, fetch).WriteAsync(RowSet.Of(newcomers), ct);
            await AddAsync(session, context, added, ct);
        }

        uint UidOf(int row) => mailbox.Known[row].Uid.Value;
    }

    private static void Remove(ImapSession session, MailboxSnapshot numbers, SearchContext context, HashSet<uint> gone)
    {
        if (!context.Results.Exists(gone.Contains)) return;
        var pairs = new List<string>();
        if (context.Criteria is null)
        {
            var set = new UidSetText();
            foreach (var uid in context.Results.Where(gone.Contains)) set.Add(NumberOf(numbers, context, uid));
            pairs.Add($"0 {set}");
        }
        else
        {
            // From the end, so that no place moves before it is named.
            for (var i = context.Results.Count - 1; i >= 0; i--)
            {
                if (gone.Contains(context.Results[i])) pairs.Add($"{i + 1} {NumberOf(numbers, context, context.Results[i])}");
            }
        }
        context.Results.RemoveAll(gone.Contains);
        Write(session, context, "REMOVEFROM", pairs);
    }

    private static async ValueTask AddAsync(ImapSession session, SearchContext context, List<int> rows, CancellationToken ct)
    {
        if (rows.Count == 0) return;
        var (mailbox, pairs) = (session.Mailbox, new List<string>());
        if (context.Criteria is null)
        {
            var set = new UidSetText();
            foreach (var row in rows) set.Add(NumberOf(mailbox.Known, context, mailbox.Known[row].Uid.Value));
            pairs.Add($"0 {set}");
            context.Results.AddRange(rows.Select(row => mailbox.Known[row].Uid.Value));
            context.Results.Sort();
        }
        else
        {
            var sort = new SortRun(session, mailbox, context.Criteria);
            foreach (var row in rows)
            {
                var sorted = context.Results.ConvertAll(uid => mailbox.Known.IndexOf(new Uid(uid)));
                var place = await sort.FindPlaceAsync(sorted, row, ct);
                var uid = mailbox.Known[row].Uid.Value;
                context.Results.Insert(place, uid);
                pairs.Add($"{place + 1} {NumberOf(mailbox.Known, context, uid)}");
            }
        }
        Write(session, context, "ADDTO", pairs);
    }

    private static Uid NumberOf(MailboxSnapshot numbers, SearchContext context, uint uid) =>
        new(context.ByUid ? uid : (uint)numbers.IndexOf(new Uid(uid)) + 1);

    private static void Write(ImapSession session, SearchContext context, string item, List<string> pairs)
    {
        var w = session.Connection.Write();
        w.Raw("* ESEARCH (TAG "u8);
        w.String(Encoding.ASCII.GetBytes(context.Tag));
        w.Raw(context.ByUid ? ") UID "u8 : ") "u8);
        w.Text($"{item} ({string.Join(' ', pairs)})");
        w.CrLf();
        w.Commit();
    }
}
