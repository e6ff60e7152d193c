namespace Posthorn.Trust;

/// <summary>The numbers are stored.</summary>
public enum ReportKind
{
    /// <summary>DMARC aggregate (RFC 7489 §7.2).</summary>
    Aggregate = 0,

    /// <summary>One message that failed authentication, or that somebody complained about (RFC 6591, RFC 5965).</summary>
    Feedback = 1,

    /// <summary>TLS sessions (RFC 8460).</summary>
    Tls = 2,

    /// <summary>What came to a report address and was not taken.</summary>
    Refused = 3,
}

/// <summary>A report as lists show it.</summary>
/// <param name="Domain">The domain of this server that it is about.</param>
/// <param name="Reporter">Who reports; of a refused one, who sent it.</param>
/// <param name="Identifier">The reporter's own name for the report.</param>
/// <param name="Passed">Messages that passed DMARC, or sessions that had TLS.</param>
/// <param name="Failed">Messages that failed DMARC or were complained about, or sessions that failed.</param>
public record StoredReport(
    long Id,
    ReportKind Kind,
    string Domain,
    string Reporter,
    string Identifier,
    DateTimeOffset Begins,
    DateTimeOffset Ends,
    DateTimeOffset ReceivedAt,
    long Passed,
    long Failed);

/// <summary>All of a report; the one that fits its kind is set. Long ones are cut to their largest records.</summary>
/// <param name="Rows">How many records or failure details the report has.</param>
public sealed record ReportContent(
    StoredReport Report, AggregateReport? Aggregate, FeedbackReport? Feedback, TlsReport? Tls, ReportFault? Fault, long Rows);

/// <summary>What the reports say of a domain within a time: who sends in its name, what passes, what fails, since when.</summary>
public sealed record ReportSummary(string Domain, DateTimeOffset Since, DateTimeOffset Until)
{
    /// <summary>Aggregate reports within the time, and how many reporters sent them.</summary>
    public long Reports { get; init; }

    public long Reporters { get; init; }

    /// <summary>Messages that passed DMARC.</summary>
    public long Passed { get; init; }

    public long Failed { get; init; }

    /// <summary>The largest first.</summary>
    public IReadOnlyList<SourceSummary> Sources { get; init; } = [];

    /// <summary>Sessions by how they ended; <c>success</c> among them.</summary>
    public IReadOnlyList<SessionSummary> Sessions { get; init; } = [];

    /// <summary>Complaints and failure reports by their type.</summary>
    public IReadOnlyList<FeedbackSummary> Feedback { get; init; } = [];

    /// <summary>Refused reports within the time.</summary>
    public long Refused { get; init; }
}

/// <summary>One address that sent mail in the domain's name.</summary>
/// <param name="DkimPassed">Messages with an aligned signature that passed.</param>
/// <param name="SpfPassed">Messages whose SPF passed and was aligned.</param>
/// <param name="FirstSeen">In any report that is kept.</param>
/// <param name="Enforced">Messages that were quarantined or rejected.</param>
public sealed record SourceSummary(
    string Source, long Passed, long Failed, long DkimPassed, long SpfPassed, long Enforced, DateTimeOffset FirstSeen, DateTimeOffset LastSeen);

public sealed record SessionSummary(string PolicyType, string Result, long Sessions, DateTimeOffset FirstSeen, DateTimeOffset LastSeen);

public sealed record FeedbackSummary(string Type, long Count, DateTimeOffset LastSeen);
