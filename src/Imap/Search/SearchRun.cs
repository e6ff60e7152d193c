using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Runs a search program in up to three passes, each over what the one before could not decide: rows, stored columns, octets.</summary>
internal sealed class SearchRun(ImapSession session, SelectedMailbox mailbox, SearchKey program)
{
    private readonly bool _readsBody = program.WordKeys.Any(key => key.ReadsBody);
    private readonly List<int> _found = [];

    /// <returns>Rows of the session's snapshot, rising.</returns>
    public async ValueTask<List<int>> FindAsync(CancellationToken ct)
    {
        foreach (var key in program.WordKeys.Take(ImapLimits.IndexedKeysMax))
            key.Candidates = await session.Server.Store.Search.CandidatesAsync(session.Account, key.Words, ct);
        return await FindAsync(RowSet.All(mailbox.Count), ct);
    }

    /// <summary>As the other, among some rows, for a program that has run before.</summary>
    public async ValueTask<List<int>> FindAsync(RowSet among, CancellationToken ct)
    {
        var undecided = LookAtRows(among);
        if (undecided.Count == 0) return _found;
        undecided = await LookAtDetailsAsync(undecided, ct);
        for (var i = 0; i < undecided.Count; i++)
        {
            await ReadAsync(undecided[i], ct);
            if (!await session.Progress.TellAsync(i, undecided.Count, ct)) break;
        }
        _found.Sort();
        return _found;
    }

    private List<int> LookAtRows(RowSet among)
    {
        var present = mailbox.View.Current;
        var undecided = new List<int>();
        var subject = new SearchSubject { Keywords = mailbox.View.Keywords };
        foreach (var range in among.Ranges)
        {
            for (var index = range.First; index <= range.Last; index++) LookAtRow(ref subject, present, index, undecided);
        }
        return undecided;
    }

    private void LookAtRow(ref SearchSubject subject, MailboxSnapshot present, int index, List<int> undecided)
    {
        subject.Row = mailbox.Fresh(present, index);
        subject.IsRecent = mailbox.IsRecent(subject.Row.Uid);
        Keep(program.Test(subject), index, undecided);
    }

    private async ValueTask<List<int>> LookAtDetailsAsync(List<int> indexes, CancellationToken ct)
    {
        var undecided = new List<int>();
        var emails = new EmailId[Math.Min(indexes.Count, ImapLimits.BatchRows)];
        for (var start = 0; start < indexes.Count; start += emails.Length)
        {
            var count = Math.Min(emails.Length, indexes.Count - start);
            for (var i = 0; i < count; i++) emails[i] = mailbox.Known[indexes[start + i]].Email;
            var first = start;
            await session.Server.Store.Emails.ReadDetailsAsync(
                session.Account, emails.AsMemory(0, count), DetailParts.Envelope,
                (int at, in EmailDetail detail) =>
                {
                    var index = indexes[first + at];
                    Keep(program.Test(SubjectOf(index, detail)), index, undecided);
                }, ct);
        }
        return undecided;
    }

    private async ValueTask ReadAsync(int index, CancellationToken ct)
    {
        var email = mailbox.Known[index].Email;
        using var message = await session.Server.Store.Emails.OpenMessageAsync(session.Account, email, ct);
        if (message is null) return; // expunged meanwhile: it matches nothing
        var text = await MessageText.ReadAsync(message, _readsBody, ct);
        await session.Server.Store.Emails.ReadDetailsAsync(
            session.Account, new[] { email }, DetailParts.Envelope,
            (int _, in EmailDetail detail) =>
            {
                var subject = SubjectOf(index, detail);
                subject.Text = text;
                if (program.Test(subject) == Verdict.Yes) _found.Add(index);
            }, ct);
    }

    private SearchSubject SubjectOf(int index, in EmailDetail detail) => new()
    {
        Row = mailbox.Fresh(mailbox.View.Current, index),
        IsRecent = mailbox.IsRecent(mailbox.Known[index].Uid),
        Keywords = mailbox.View.Keywords,
        HasDetails = true,
        Envelope = new EnvelopeView(detail.Envelope),
    };

    private void Keep(Verdict verdict, int index, List<int> undecided)
    {
        if (verdict == Verdict.Yes) _found.Add(index);
        else if (verdict == Verdict.Unknown) undecided.Add(index);
    }
}
