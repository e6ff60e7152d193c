using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>
/// Runs an Email/query in its final order and stops when enough is known. Rows decide most; what they cannot decide is looked up in
/// stored columns, and only then in the message.
/// </summary>
internal sealed class EmailQueryRun(MethodCall call, AccountId account, AccountIndex index, EmailFilter filter, EmailComparator order, bool collapses)
{
    private const int FirstBatch = 64;
    private const int BatchMax = 512;
    private const int HeaderOctetsFirst = 16 * 1024;

    private readonly QueryScope _scope = new(index);
    private readonly List<EmailCandidate> _found = [];
    private readonly HashSet<uint> _threads = [];
    private readonly HashSet<uint> _seen = [];
    private readonly bool _readsBody = filter.WordTests.Any(static t => t is TextTest { Field: TextField.Any or TextField.Body });

    /// <summary>The results in their order; not more than asked for.</summary>
    public async ValueTask<List<EmailCandidate>> FindAsync(int enough)
    {
        foreach (var test in filter.WordTests)
        {
            if (test.Words.Count > 0) test.Candidates = await call.Store.Search.CandidatesAsync(account, test.Words, call.Cancellation);
        }
        if (enough == 0) return _found;
        var batch = new List<EmailCandidate>(FirstBatch);
        var size = FirstBatch;
        foreach (var candidate in order.IsByArrival ? ByArrival() : await SortedAsync())
        {
            batch.Add(candidate);
            if (batch.Count < size && _found.Count + batch.Count < enough) continue;
            await TakeAsync(batch);
            if (_found.Count >= enough) break;
            batch.Clear();
            size = Math.Min(size * 2, BatchMax);
        }
        await TakeAsync(batch);
        if (_found.Count > enough) _found.RemoveRange(enough, _found.Count - enough);
        return _found;
    }

    private IEnumerable<EmailCandidate> ByArrival()
    {
        var (mailboxes, rows) = Rows();
        // Several terms after the first one only order what came at the same time.
        var ties = new List<EmailCandidate>();
        for (var i = 0; i < rows.Count; i++)
        {
            if (Look(rows, mailboxes, order.IsAscending ? i : rows.Count - 1 - i) is not { } candidate) continue;
            if (ties.Count > 0 && ties[0].Row.ReceivedAt != candidate.Row.ReceivedAt)
            {
                foreach (var tie in InOrder(ties)) yield return tie;
                ties.Clear();
            }
            ties.Add(candidate);
        }
        foreach (var tie in InOrder(ties)) yield return tie;
    }

    private List<EmailCandidate> InOrder(List<EmailCandidate> ties)
    {
        if (ties.Count > 1 && !order.NeedsTexts) ties.Sort((a, b) => order.Compare(a, b, _scope));
        return ties;
    }

    private (IReadOnlyList<IndexedMailbox> Mailboxes, RowOrder Rows) Rows()
    {
        IReadOnlyList<IndexedMailbox> mailboxes = filter.Scope is not { } one ? index.Mailboxes
            : one.Mailbox is { } id && index.Find(id) is { } found ? [found] : [];
        return (mailboxes, RowOrder.Of([.. mailboxes.Select(static m => m.Snapshot)]));
    }

    /// <summary>Null for what JMAP does not see, what has been looked at in another mailbox, and what the row rules out.</summary>
    private EmailCandidate? Look(RowOrder rows, IReadOnlyList<IndexedMailbox> mailboxes, int place)
    {
        ref readonly var row = ref rows.At(place, out var mailbox);
        if (row.IsDeleted) return null;
        if (index.MayLieElsewhere(row) && !_seen.Add((uint)row.Email.Value)) return null;
        if (collapses && !order.NeedsTexts && _threads.Contains((uint)row.Thread.Value)) return null;
        var candidate = new EmailCandidate { Row = row, Mailbox = mailboxes[mailbox].Mailbox.Id };
        candidate.Verdict = filter.Test(candidate, _scope);
        return candidate.Verdict == Verdict.No ? null : candidate;
    }

    private async ValueTask<List<EmailCandidate>> SortedAsync()
    {
        var (mailboxes, rows) = Rows();
        var candidates = new List<EmailCandidate>();
        for (var i = 0; i < rows.Count; i++)
        {
            if (Look(rows, mailboxes, i) is { } candidate) candidates.Add(candidate);
        }
        if (order.NeedsTexts) await ReadTextsAsync(candidates);
        candidates.Sort((a, b) => order.Compare(a, b, _scope));
        return candidates;
    }

    /// <summary>Decides what is undecided and takes what matches, in order.</summary>
    private async ValueTask TakeAsync(List<EmailCandidate> batch)
    {
        var open = batch.FindAll(static c => c.Verdict == Verdict.Unknown);
        if (open.Count > 0)
        {
            await ReadTextsAsync(open.FindAll(static c => c.Texts is null));
            foreach (var candidate in open)
            {
                candidate.Verdict = filter.Test(candidate, _scope);
                if (candidate.Verdict != Verdict.Unknown) continue;
                await ReadMessageAsync(candidate);
                candidate.Verdict = filter.Test(candidate, _scope);
                (candidate.Words, candidate.Header) = (null, []);
            }
        }
        foreach (var candidate in batch)
        {
            if (candidate.Verdict != Verdict.Yes) continue;
            if (collapses && !_threads.Add((uint)candidate.Row.Thread.Value)) continue;
            _found.Add(candidate);
        }
    }

    private ValueTask ReadTextsAsync(List<EmailCandidate> candidates) => call.Store.Emails.ReadDetailsAsync(
        account, candidates.Select(static c => c.Row.Email).ToArray(), DetailParts.Envelope,
        (int at, in EmailDetail detail) => candidates[at].Texts = EmailTexts.Of(detail), call.Cancellation);

    private async ValueTask ReadMessageAsync(EmailCandidate candidate)
    {
        candidate.Texts ??= new EmailTexts("", "", "", "", "", null); // destroyed meanwhile: it has no words
        candidate.HasHeader = true;
        using var message = await call.Store.Emails.OpenMessageAsync(account, candidate.Row.Email, call.Cancellation);
        if (message is not null && filter.WordTests.Any(static t => t is HeaderTest)) candidate.Header = await ReadHeaderAsync(message,
            call.Cancellation);
        if (message is null || !_readsBody)
        {
            candidate.Words = SearchText.Extract(default);
            return;
        }
        await using var stream = message.AsStream();
        candidate.Words = await SearchText.ExtractAsync(stream, call.Cancellation);
    }

    // Most headers are small: no more is read than it takes to see the end of this one.
    private static async ValueTask<byte[]> ReadHeaderAsync(StoredMessage message, CancellationToken ct)
    {
        for (var octets = HeaderOctetsFirst; ; octets *= 4)
        {
            var buffer = new byte[Math.Min(message.Length, Math.Min(octets, JmapLimits.HeaderOctetsMax))];
            var read = await message.ReadAsync(0, buffer, ct);
            var length = HeaderFields.Of(buffer.AsSpan(0, read)).Length;
            if (length < read || read == message.Length || read == JmapLimits.HeaderOctetsMax) return buffer[..length];
        }
    }
}
