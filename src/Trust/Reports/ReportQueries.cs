using System.Text.Json;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>What is asked of the stored reports.</summary>
internal sealed class ReportQueries(Database db)
{
    private const int RowsMax = 1_000;
    private const int SourcesMax = 500;
    private const string Columns = "report, kind, domain, reporter, identifier, begins, ends, received, passed, failed";

    public ValueTask<IReadOnlyList<StoredReport>> ListAsync(Domain? domain, ReportKind? kind, long? before, int max, CancellationToken ct) =>
        db.ReadAsync<IReadOnlyList<StoredReport>>(d =>
        {
            var found = new List<StoredReport>();
            using var rows = d.Prepare($"""
                SELECT {Columns} FROM report
                WHERE whole = 1 AND report < $1 AND ($2 = '' OR domain = $2) AND ($3 < 0 OR kind = $3) ORDER BY report DESC LIMIT $4
                """)
                .Bind(before ?? long.MaxValue).Bind(domain?.Ascii ?? "").Bind(kind is { } only ? (long)only : -1L).Bind(max).Query();
            while (rows.Next()) found.Add(Row(rows));
            return found;
        }, ct);

    public ValueTask<ReportContent?> FindAsync(long id, CancellationToken ct) => db.ReadAsync(d =>
    {
        StoredReport report;
        string detail;
        using (var rows = d.Prepare($"SELECT {Columns}, detail FROM report WHERE report = $1 AND whole = 1").Bind(id).Query())
        {
            if (!rows.Next()) return null;
            (report, detail) = (Row(rows), rows.Text(10));
        }
        return report.Kind switch
        {
            ReportKind.Aggregate => new ReportContent(
                report, JsonSerializer.Deserialize(detail, ReportJson.Default.AggregateReport)! with { Records = Records(d, id) }, null, null, null,
                d.Prepare("SELECT COUNT(*) FROM report_record WHERE report = $1").Bind(id).Scalar() ?? 0),
            ReportKind.Tls => new ReportContent(
                report, null, null, WithDetails(d, id, JsonSerializer.Deserialize(detail, ReportJson.Default.TlsReport)!), null,
                d.Prepare("SELECT COUNT(*) FROM report_session WHERE report = $1").Bind(id).Scalar() ?? 0),
            ReportKind.Feedback => new ReportContent(
                report, null, JsonSerializer.Deserialize(detail, ReportJson.Default.FeedbackReport), null, null, 0),
            _ => new ReportContent(report, null, null, null, JsonSerializer.Deserialize(detail, ReportJson.Default.ReportFault), 0),
        };
    }, ct);

    public ValueTask<ReportSummary> SummaryAsync(Domain domain, DateTimeOffset since, DateTimeOffset now, CancellationToken ct) => db.ReadAsync(d =>
    {
        var (reports, reporters, passed, failed) = Totals(d, domain, since);
        return new ReportSummary(domain.Ascii, since, now)
        {
            Reports = reports,
            Reporters = reporters,
            Passed = passed,
            Failed = failed,
            Sources = Sources(d, domain, since),
            Sessions = Sessions(d, domain, since),
            Feedback = Feedback(d, domain, since),
            Refused = d.Prepare("SELECT COUNT(*) FROM report WHERE domain = $1 AND kind = $2 AND received >= $3")
                .Bind(domain.Ascii).Bind((long)ReportKind.Refused).Bind(since).Scalar() ?? 0,
        };
    }, ct);

    private static (long Reports, long Reporters, long Passed, long Failed) Totals(Snapshot db, Domain domain, DateTimeOffset since)
    {
        using var rows = db.Prepare("""
            SELECT COUNT(*), COUNT(DISTINCT reporter), SUM(passed), SUM(failed) FROM report
            WHERE domain = $1 AND kind = $2 AND ends >= $3 AND whole = 1
            """).Bind(domain.Ascii).Bind((long)ReportKind.Aggregate).Bind(since).Query();
        return rows.Next() ? (rows.Int64(0), rows.Int64(1), rows.Int64(2), rows.Int64(3)) : default;
    }

    // One walk over everything that is kept of the domain, since the first day of a source may lie before the time that is asked for.
    private static List<SourceSummary> Sources(Snapshot db, Domain domain, DateTimeOffset since)
    {
        var sources = new List<SourceSummary>();
        using var rows = db.Prepare("""
            SELECT source,
                SUM(CASE WHEN r.ends >= $1 AND (dkim = 1 OR spf = 1) THEN messages ELSE 0 END),
                SUM(CASE WHEN r.ends >= $1 AND dkim = 0 AND spf = 0 THEN messages ELSE 0 END),
                SUM(CASE WHEN r.ends >= $1 AND dkim = 1 THEN messages ELSE 0 END),
                SUM(CASE WHEN r.ends >= $1 AND spf = 1 THEN messages ELSE 0 END),
                SUM(CASE WHEN r.ends >= $1 AND disposition IN (1, 2) THEN messages ELSE 0 END),
                MIN(r.begins), MAX(r.ends)
            FROM report r JOIN report_record m ON m.report = r.report
            WHERE r.domain = $2 AND r.kind = $3 AND r.whole = 1
            GROUP BY source HAVING MAX(r.ends) >= $1
            ORDER BY SUM(CASE WHEN r.ends >= $1 THEN messages ELSE 0 END) DESC, source LIMIT $4
            """).Bind(since).Bind(domain.Ascii).Bind((long)ReportKind.Aggregate).Bind(SourcesMax).Query();
        while (rows.Next())
        {
            sources.Add(new SourceSummary(
                rows.Text(0), rows.Int64(1), rows.Int64(2), rows.Int64(3), rows.Int64(4), rows.Int64(5), rows.Time(6), rows.Time(7)));
        }
        return sources;
    }

    private static List<SessionSummary> Sessions(Snapshot db, Domain domain, DateTimeOffset since)
    {
        var sessions = new List<SessionSummary>();
        using var rows = db.Prepare("""
            SELECT policy_type, result, SUM(sessions), MIN(r.begins), MAX(r.ends) FROM report r JOIN report_session s ON s.report = r.report
            WHERE r.domain = $1 AND r.kind = $2 AND r.whole = 1 AND r.ends >= $3
            GROUP BY policy_type, result ORDER BY SUM(sessions) DESC, policy_type, result LIMIT $4
            """).Bind(domain.Ascii).Bind((long)ReportKind.Tls).Bind(since).Bind(SourcesMax).Query();
        while (rows.Next()) sessions.Add(new SessionSummary(rows.Text(0), rows.Text(1), rows.Int64(2), rows.Time(3), rows.Time(4)));
        return sessions;
    }

    private static List<FeedbackSummary> Feedback(Snapshot db, Domain domain, DateTimeOffset since)
    {
        var types = new SortedDictionary<string, (long Count, DateTimeOffset Last)>(StringComparer.Ordinal);
        using var rows = db.Prepare("SELECT failed, ends, detail FROM report WHERE domain = $1 AND kind = $2 AND received >= $3 AND whole = 1")
            .Bind(domain.Ascii).Bind((long)ReportKind.Feedback).Bind(since).Query();
        while (rows.Next())
        {
            var type = JsonSerializer.Deserialize(rows.Blob(2), ReportJson.Default.FeedbackReport)!.FeedbackType;
            var (count, last) = types.GetValueOrDefault(type);
            if (types.Count < SourcesMax || count > 0) types[type] = (count + rows.Int64(0), last > rows.Time(1) ? last : rows.Time(1));
        }
        return [.. types.Select(static type => new FeedbackSummary(type.Key, type.Value.Count, type.Value.Last))];
    }

    private static List<AggregateRecord> Records(Snapshot db, long report)
    {
        var records = new List<AggregateRecord>();
        using var rows = db.Prepare("""
            SELECT source, messages, disposition, dkim, spf, header_from, envelope_from, results FROM report_record
            WHERE report = $1 ORDER BY messages DESC, position LIMIT $2
            """).Bind(report).Bind(RowsMax).Query();
        while (rows.Next())
        {
            var results = JsonSerializer.Deserialize(rows.Blob(7), ReportJson.Default.RecordResults)!;
            records.Add(new AggregateRecord(rows.Text(0), rows.Int64(1), (Disposition)rows.Int64(2), rows.Bool(3), rows.Bool(4), rows.Text(5))
            {
                EnvelopeFrom = rows.NullableText(6),
                EnvelopeTo = results.EnvelopeTo,
                DkimResults = results.Dkim,
                SpfResults = results.Spf,
                Reasons = results.Reasons,
            });
        }
        return records;
    }

    // Details go to the first policy of their type, which is the only one in every report but a few.
    private static TlsReport WithDetails(Snapshot db, long report, TlsReport stored)
    {
        var details = new Dictionary<string, List<TlsFailure>>(StringComparer.Ordinal);
        using (var rows = db.Prepare("""
            SELECT policy_type, detail FROM report_session WHERE report = $1 AND result NOT IN ('success', 'unspecified')
            ORDER BY sessions DESC, position LIMIT $2
            """).Bind(report).Bind(RowsMax).Query())
        {
            while (rows.Next())
            {
                if (!details.TryGetValue(rows.Text(0), out var ofType)) details.Add(rows.Text(0), ofType = []);
                ofType.Add(JsonSerializer.Deserialize(rows.Blob(1), ReportJson.Default.TlsFailure)!);
            }
        }
        return stored with
        {
            Policies = [.. stored.Policies.Select(policy => details.Remove(policy.Type, out var ofType) ? policy with { Details = ofType } : policy)],
        };
    }

    private static StoredReport Row(Rows rows) => new(
        rows.Int64(0), (ReportKind)rows.Int64(1), rows.Text(2), rows.Text(3), rows.Text(4), rows.Time(5), rows.Time(6), rows.Time(7),
        rows.Int64(8), rows.Int64(9));
}
