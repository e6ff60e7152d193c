using System.Text.Json;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>A report on its way into the tables.</summary>
/// <param name="About">The domain that it is about, as the report says.</param>
internal sealed record ReportDraft(
    ReportKind Kind, string About, string Reporter, string Identifier, string Message, DateTimeOffset Begins, DateTimeOffset Ends)
{
    /// <summary>The domain of this server that <see cref="About"/> belongs to.</summary>
    public string Domain { get; init; } = "";

    public DateTimeOffset ReceivedAt { get; init; }

    public long Passed { get; init; }

    public long Failed { get; init; }

    public string Detail { get; init; } = "";

    public IReadOnlyList<ReportRow> Rows { get; init; } = [];

    /// <exception cref="ReportFaultException">Its dates cannot be.</exception>
    public static ReportDraft Of(ReportArrival arrival, IncomingReport report, DateTimeOffset now)
    {
        var draft = report switch
        {
            IncomingReport.Aggregate aggregate => Of(arrival, aggregate.Report),
            IncomingReport.Tls tls => Of(arrival, tls.Report),
            IncomingReport.Feedback feedback => Of(arrival, feedback.Report, now),
            _ => throw new ArgumentException("a refused report is not stored", nameof(report)),
        };
        if (draft.Ends > now + ReportLimits.SkewMax) throw new ReportFaultException(ReportFaultKind.WrongDates, "the report ends in the future");
        if (draft.Ends < now - ReportLimits.Retention) throw new ReportFaultException(ReportFaultKind.WrongDates, "the report is too old to be kept");
        return draft with { ReceivedAt = now };
    }

    /// <returns>The number of the report; null when the reporter has sent it before.</returns>
    public long? Insert(Transaction tx, bool whole) => tx.Prepare("""
        INSERT INTO report (kind, domain, reporter, identifier, message, begins, ends, received, passed, failed, whole, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (domain, kind, reporter, identifier, begins) DO NOTHING RETURNING report
        """)
        .Bind((long)Kind).Bind(Domain).Bind(Reporter).Bind(Identifier).Bind(Message).Bind(Begins).Bind(Ends).Bind(ReceivedAt)
        .Bind(Passed).Bind(Failed).Bind(whole).Bind(Detail).Scalar();

    public bool InsertRows(Transaction tx, long report, int start, int count)
    {
        for (var i = start; i < Rows.Count && i < start + count; i++) Rows[i].Insert(tx, report, i);
        return true;
    }

    private static ReportDraft Of(ReportArrival arrival, AggregateReport report) => new(
        ReportKind.Aggregate, report.Policy.Domain, report.Organization, report.ReportId, arrival.Message, report.Begins, report.Ends)
    {
        Passed = report.Records.Where(static record => record.Dkim || record.Spf).Sum(static record => record.Count),
        Failed = report.Records.Where(static record => !(record.Dkim || record.Spf)).Sum(static record => record.Count),
        Detail = JsonSerializer.Serialize(report with { Records = [] }, ReportJson.Default.AggregateReport),
        Rows = [.. report.Records.Select(static record => new ReportRow.Record(record))],
    };

    private static ReportDraft Of(ReportArrival arrival, TlsReport report) => new(
        ReportKind.Tls, report.Policies[0].Domain, report.Organization, report.ReportId, arrival.Message, report.Begins, report.Ends)
    {
        Passed = report.Policies.Sum(static policy => policy.Successes),
        Failed = report.Policies.Sum(static policy => policy.Failures),
        Detail = JsonSerializer.Serialize(
            report with { Policies = [.. report.Policies.Select(static policy => policy with { Details = [] })] }, ReportJson.Default.TlsReport),
        Rows = [.. report.Policies.SelectMany(SessionsOf)],
    };

    // Details need not add up to what the summary says, nor be there at all.
    private static IEnumerable<ReportRow> SessionsOf(TlsReportPolicy policy)
    {
        if (policy.Successes > 0) yield return new ReportRow.Session(policy.Type, new TlsFailure("success", policy.Successes));
        foreach (var failure in policy.Details) yield return new ReportRow.Session(policy.Type, failure);
        var unexplained = policy.Failures - policy.Details.Sum(static failure => failure.Sessions);
        if (unexplained > 0) yield return new ReportRow.Session(policy.Type, new TlsFailure("unspecified", unexplained));
    }

    private static ReportDraft Of(ReportArrival arrival, FeedbackReport report, DateTimeOffset now)
    {
        var about = report.ReportedDomains.Count > 0 ? report.ReportedDomains[0]
            : DomainOf(report.OriginalMailFrom) ?? DomainOf(report.OriginalFrom) ?? arrival.At.Ascii;
        var (at, sender) = (report.ArrivedAt ?? now, ReportText.OneLine(arrival.Sender));
        return new ReportDraft(ReportKind.Feedback, about, sender, arrival.Message, arrival.Message, at, at)
        {
            Failed = report.Incidents,
            Detail = JsonSerializer.Serialize(report, ReportJson.Default.FeedbackReport),
        };
    }

    private static string? DomainOf(string? address)
    {
        var at = address?.LastIndexOf('@') ?? -1;
        return at < 0 ? null : ReportText.Domain(address![(at + 1)..].TrimEnd('>', ' '));
    }
}

/// <summary>One row of what a report has many of.</summary>
internal abstract record ReportRow
{
    private ReportRow()
    {
    }

    public abstract void Insert(Transaction tx, long report, int position);

    public sealed record Record(AggregateRecord Value) : ReportRow
    {
        public override void Insert(Transaction tx, long report, int position)
        {
            var results = new RecordResults(Value.DkimResults, Value.SpfResults, Value.Reasons, Value.EnvelopeTo);
            tx.Prepare("""
                INSERT INTO report_record (report, position, source, messages, disposition, dkim, spf, header_from, envelope_from, results)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """)
                .Bind(report).Bind(position).Bind(Value.Source).Bind(Value.Count).Bind((long)Value.Disposition).Bind(Value.Dkim).Bind(Value.Spf)
                .Bind(Value.HeaderFrom).Bind(Value.EnvelopeFrom).Bind(JsonSerializer.Serialize(results, ReportJson.Default.RecordResults)).Execute();
        }
    }

    public sealed record Session(string PolicyType, TlsFailure Value) : ReportRow
    {
        public override void Insert(Transaction tx, long report, int position) => tx.Prepare("""
            INSERT INTO report_session (report, position, policy_type, result, mx, sessions, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)
            """)
            .Bind(report).Bind(position).Bind(PolicyType).Bind(Value.ResultType).Bind(Value.ReceivingHost).Bind(Value.Sessions)
            .Bind(JsonSerializer.Serialize(Value, ReportJson.Default.TlsFailure)).Execute();
    }
}
