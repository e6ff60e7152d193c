using System.Text;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>Orders messages by what was computed at their arrival (RFC 5256 §3). One column of keys for each criterion is in memory.</summary>
internal sealed class SortRun(ImapSession session, SelectedMailbox mailbox, IReadOnlyList<SortCriterion> criteria)
{
    /// <param name="found">Rows of what the client knows, rising.</param>
    public async ValueTask<List<int>> SortAsync(List<int> found, CancellationToken ct)
    {
        var keys = await ReadAsync(found, ct);
        var order = Enumerable.Range(0, found.Count).ToArray();
        // Rows rise, so the place in the mailbox decides between equals, in whatever direction the criteria look.
        Array.Sort(order, (a, b) => Compare(keys, a, keys, b) is var sign and not 0 ? sign : a.CompareTo(b));
        return [.. order.Select(at => found[at])];
    }

    /// <summary>Where a row belongs among sorted ones: the number of those before it.</summary>
    /// <remarks>It reads the keys of a few of them, so that a change in a large result costs little.</remarks>
    public async ValueTask<int> FindPlaceAsync(List<int> sorted, int row, CancellationToken ct)
    {
        var own = await ReadAsync([row], ct);
        var (low, high) = (0, sorted.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var other = await ReadAsync([sorted[middle]], ct);
            var sign = Compare(other, 0, own, 0);
            if (sign < 0 || (sign == 0 && sorted[middle] < row)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private async ValueTask<SortColumn[]> ReadAsync(List<int> rows, CancellationToken ct)
    {
        var columns = criteria.Select(criterion => new SortColumn(criterion, rows.Count)).ToArray();
        var present = mailbox.View.Current;
        for (var at = 0; at < rows.Count; at++)
        {
            var row = mailbox.Fresh(present, rows[at]);
            foreach (var column in columns) column.Take(at, row);
        }
        var parts = columns.Aggregate(DetailParts.None, (all, column) => all | column.Parts);
        if (!columns.Any(column => column.NeedsDetails)) return columns;
        var emails = new EmailId[Math.Min(rows.Count, ImapLimits.BatchRows)];
        for (var start = 0; start < rows.Count; start += emails.Length)
        {
            var (first, count) = (start, Math.Min(emails.Length, rows.Count - start));
            for (var i = 0; i < count; i++) emails[i] = mailbox.Known[rows[first + i]].Email;
            await session.Server.Store.Emails.ReadDetailsAsync(
                session.Account, emails.AsMemory(0, count), parts,
                (int at, in EmailDetail detail) =>
                {
                    foreach (var column in columns) column.Take(first + at, detail);
                }, ct);
            if (!await session.Progress.TellAsync(start, rows.Count, ct)) break;
        }
        return columns;
    }

    private int Compare(SortColumn[] left, int a, SortColumn[] right, int b)
    {
        for (var i = 0; i < criteria.Count; i++)
        {
            var sign = SortColumn.Compare(left[i], a, right[i], b);
            if (sign != 0) return criteria[i].Reverse ? -sign : sign;
        }
        return 0;
    }
}

/// <summary>The keys of some messages for one criterion: numbers, or octets that order as i;unicode-casemap does (RFC 5255 §4.2).</summary>
internal sealed class SortColumn
{
    private readonly SortField _field;
    private readonly long[] _numbers;
    private readonly byte[][] _texts;

    public SortColumn(SortCriterion criterion, int count)
    {
        _field = criterion.Field;
        _numbers = IsNumber ? new long[count] : [];
        _texts = IsNumber ? [] : new byte[count][];
        Array.Fill(_texts, []);
    }

    public bool NeedsDetails => _field is not (SortField.Arrival or SortField.Size);

    public DetailParts Parts => _field switch
    {
        SortField.Subject => DetailParts.BaseSubject,
        SortField.Arrival or SortField.Size or SortField.Date => DetailParts.None,
        _ => DetailParts.Envelope,
    };

    private bool IsNumber => _field is SortField.Arrival or SortField.Size or SortField.Date;

    public static int Compare(SortColumn left, int a, SortColumn right, int b) => left.IsNumber
        ? left._numbers[a].CompareTo(right._numbers[b])
        : left._texts[a].AsSpan().SequenceCompareTo(right._texts[b]);

    public void Take(int at, in EmailRow row)
    {
        if (_field == SortField.Size) _numbers[at] = row.SizeBytes;
        else if (IsNumber) _numbers[at] = row.ReceivedAt.ToUnixTimeMilliseconds();
    }

    public void Take(int at, in EmailDetail detail)
    {
        if (_field == SortField.Date)
        {
            // RFC 5256 §2.2: without a sent date it is the internal one, which stands there already.
            if (detail.SentAt is { } sent) _numbers[at] = sent.ToUnixTimeMilliseconds();
        }
        else if (Text(detail) is { Length: > 0 } text)
        {
            _texts[at] = UnicodeCaseMap.SortKey(text.Length > ImapLimits.SortKeyCharsMax ? text[..ImapLimits.SortKeyCharsMax] : text);
        }
    }

    private string? Text(in EmailDetail detail)
    {
        if (_field == SortField.Subject) return Encoding.UTF8.GetString(detail.BaseSubjectUtf8);
        if (IsNumber) return null;
        var envelope = new EnvelopeView(detail.Envelope);
        var list = _field switch
        {
            SortField.From or SortField.DisplayFrom => envelope.From,
            SortField.Cc => envelope.Cc,
            _ => envelope.To,
        };
        foreach (var address in list) return _field is SortField.DisplayFrom or SortField.DisplayTo ? Display(address) : Octets(address.Mailbox);
        return null;
    }

    // RFC 5957 §3
    private static string Display(AddressView address)
    {
        var name = address.Name.IsNil ? "" : HeaderText.DecodePhrase(address.Name.Octets);
        if (name.Length > 0) return name;
        return address.Host.IsNil ? Octets(address.Mailbox) : $"{Octets(address.Mailbox)}@{Octets(address.Host)}";
    }

    private static string Octets(PackedText text) => Encoding.UTF8.GetString(text.Octets);
}
