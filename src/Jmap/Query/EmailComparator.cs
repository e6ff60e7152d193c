using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>The order of an Email/query (RFC 8621 §4.4.2).</summary>
internal sealed class EmailComparator(List<SortTerm> terms)
{
    public static readonly string[] Properties =
    [
        "receivedAt", "size", "from", "to", "subject", "sentAt", "hasKeyword", "allInThreadHaveKeyword", "someInThreadHaveKeyword",
    ];

    /// <summary>Newest first, when the client does not care; so an order by arrival alone needs no sorting of its own.</summary>
    public bool IsByArrival => terms.Count == 0 || (terms[0].Property == "receivedAt" && !NeedsTexts);

    public bool IsAscending => terms.Count > 0 && terms[0].IsAscending;

    public bool NeedsTexts => terms.Exists(static t => t.Property is "from" or "to" or "subject" or "sentAt");

    public bool LooksAtThreads => terms.Exists(static t => t.Property is "allInThreadHaveKeyword" or "someInThreadHaveKeyword");

    public static EmailComparator Read(Arguments arguments) => new(SortReader.Read(arguments, Properties));

    public int Compare(EmailCandidate a, EmailCandidate b, QueryScope scope)
    {
        foreach (var term in terms)
        {
            var order = Compare(term, a, b, scope);
            if (order != 0) return term.IsAscending ? order : -order;
        }
        return a.Row.Email.Value.CompareTo(b.Row.Email.Value);
    }

    private static int Compare(SortTerm term, EmailCandidate a, EmailCandidate b, QueryScope scope) => term.Property switch
    {
        "receivedAt" => a.Row.ReceivedAt.CompareTo(b.Row.ReceivedAt),
        "size" => a.Row.SizeBytes.CompareTo(b.Row.SizeBytes),
        "sentAt" => (a.Texts?.SentAt ?? a.Row.ReceivedAt).CompareTo(b.Texts?.SentAt ?? b.Row.ReceivedAt),
        "from" => SortReader.Compare(a.Texts?.From ?? "", b.Texts?.From ?? "", term.Collation),
        "to" => SortReader.Compare(a.Texts?.To ?? "", b.Texts?.To ?? "", term.Collation),
        "subject" => SortReader.Compare(Subject(a), Subject(b), term.Collation),
        "hasKeyword" => scope.Has(a.Row, term.Keyword!).CompareTo(scope.Has(b.Row, term.Keyword!)),
        "allInThreadHaveKeyword" => AllHave(a.Row, term, scope).CompareTo(AllHave(b.Row, term, scope)),
        _ => SomeHave(a.Row, term, scope).CompareTo(SomeHave(b.Row, term, scope)),
    };

    // RFC 8621 §4.4.2: the base subject of RFC 5256 §2.1.
    private static string Subject(EmailCandidate candidate) => Mime.BaseSubject.Of(candidate.Texts?.Subject ?? "", out _);

    private static bool AllHave(in EmailRow row, SortTerm term, QueryScope scope) =>
        scope.Thread(row, term.Keyword!) is var (all, with) && all == with;

    private static bool SomeHave(in EmailRow row, SortTerm term, QueryScope scope) => scope.Thread(row, term.Keyword!).With > 0;
}
