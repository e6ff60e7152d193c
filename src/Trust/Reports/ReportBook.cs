using System.Text.Json;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>Where a report comes from.</summary>
/// <param name="Message">The name of the message, which stays the same when its delivery is tried again.</param>
/// <param name="Sender">The reverse-path.</param>
/// <param name="At">The domain of the report address.</param>
public sealed record ReportArrival(string Message, string Sender, Domain At);

/// <summary>The reports about this server's domains, as long as they are kept.</summary>
public sealed class ReportBook(Database db, TimeProvider time)
{
    private readonly ReportQueries _queries = new(db);

    public static Schema Schema => ReportSchema.Schema;

    /// <summary>Stores a report, once, however often it is told; or notes that it was refused.</summary>
    /// <param name="hosted">The domain of this server that a domain is, or is below; null when there is none.</param>
    /// <param name="settle">Runs in the action that makes the report whole, or with the reason in the one that notes the refusal.</param>
    /// <returns>Why it was refused.</returns>
    public async Task<ReportFault?> AcceptAsync(
        ReportArrival arrival,
        IncomingReport report,
        Func<Domain, CancellationToken, ValueTask<Domain?>> hosted,
        Action<Transaction, ReportFault?> settle,
        CancellationToken ct)
    {
        try
        {
            if (report is IncomingReport.Refused refused) throw new ReportFaultException(refused.Fault.Kind, refused.Fault.Detail);
            await AcceptAsync(await DraftAsync(arrival, report, hosted, ct), settle, ct);
            return null;
        }
        catch (ReportFaultException no)
        {
            await RefuseAsync(arrival, no.Fault, settle, ct);
            return no.Fault;
        }
    }

    /// <param name="domain">Null for every domain.</param>
    /// <param name="kind">Null for every kind.</param>
    /// <param name="before">Reports that are older than this one; null begins with the newest.</param>
    public ValueTask<IReadOnlyList<StoredReport>> ListAsync(
        Domain? domain, ReportKind? kind, long? before, int max, CancellationToken ct = default) => _queries.ListAsync(domain, kind, before, max, ct);

    public ValueTask<ReportContent?> FindAsync(long id, CancellationToken ct = default) => _queries.FindAsync(id, ct);

    public ValueTask<ReportSummary> SummaryAsync(Domain domain, DateTimeOffset since, CancellationToken ct = default) =>
        _queries.SummaryAsync(domain, since, time.GetUtcNow(), ct);

    /// <summary>Forgets what is older than it is kept, and what never became whole, in small steps.</summary>
    /// <returns>How many reports went.</returns>
    public async Task<int> PurgeAsync(CancellationToken ct)
    {
        var removed = 0;
        var now = time.GetUtcNow();
        while (await db.ReadAsync(d => Oldest(d, now), ct) is { } report)
        {
            while (await db.WriteAsync(tx => RemoveRows(tx, report), ct) > 0)
            {
                // A thousand at a time.
            }
            await db.WriteAsync(tx => tx.Prepare("DELETE FROM report WHERE report = $1").Bind(report).Execute(), ct);
            removed++;
        }
        return removed;
    }

    private async ValueTask<ReportDraft> DraftAsync(
        ReportArrival arrival, IncomingReport report, Func<Domain, CancellationToken, ValueTask<Domain?>> hosted, CancellationToken ct)
    {
        var draft = ReportDraft.Of(arrival, report, time.GetUtcNow());
        var about = Domain.TryParse(draft.About, out var domain) ? await hosted(domain, ct) : null;
        if (about is null)
        {
            throw new ReportFaultException(ReportFaultKind.WrongDomain, $"the report is about '{draft.About}', which is not of this server");
        }
        return draft with { Domain = about.Ascii };
    }

    private async Task AcceptAsync(ReportDraft draft, Action<Transaction, ReportFault?> settle, CancellationToken ct)
    {
        if (draft.Rows.Count <= ReportLimits.RowsPerAction)
        {
            await db.WriteAsync(tx => End(tx, draft, Begin(tx, draft), settle), ct);
            return;
        }
        var report = await db.WriteAsync(tx => Begin(tx, draft), ct);
        for (var start = 0; report is not null && start + ReportLimits.RowsPerAction < draft.Rows.Count; start += ReportLimits.RowsPerAction)
        {
            var from = start;
            await db.WriteAsync(tx => draft.InsertRows(tx, report.Value, from, ReportLimits.RowsPerAction), ct);
        }
        await db.WriteAsync(tx => End(tx, draft, report, settle), ct);
    }

    // Null when another message has brought the same report before.
    private static long? Begin(Transaction tx, ReportDraft draft)
    {
        RequireRoom(tx, draft.Domain);
        if (draft.Insert(tx, whole: false) is { } inserted) return inserted;
        long report;
        using (var rows = tx.Prepare("""
            SELECT report, whole FROM report WHERE domain = $1 AND kind = $2 AND reporter = $3 AND identifier = $4 AND begins = $5
            """).Bind(draft.Domain).Bind((long)draft.Kind).Bind(draft.Reporter).Bind(draft.Identifier).Bind(draft.Begins).Query())
        {
            if (!rows.Next() || rows.Bool(1)) return null;
            report = rows.Int64(0);
        }
        // Somebody began and did not end. Whoever still works on it finds that it is not its own any more.
        tx.Prepare("UPDATE report SET message = $1 WHERE report = $2").Bind(draft.Message).Bind(report).Execute();
        while (RemoveRows(tx, report) > 0)
        {
            // Once for most.
        }
        return report;
    }

    private static bool End(Transaction tx, ReportDraft draft, long? report, Action<Transaction, ReportFault?> settle)
    {
        if (report is { } mine)
        {
            var last = draft.Rows.Count == 0 ? 0 : (draft.Rows.Count - 1) / ReportLimits.RowsPerAction * ReportLimits.RowsPerAction;
            draft.InsertRows(tx, mine, last, ReportLimits.RowsPerAction);
            var rows = tx.Prepare("UPDATE report SET whole = 1 WHERE report = $1 AND message = $2").Bind(mine).Bind(draft.Message).Execute();
            if (rows == 0) throw new InvalidOperationException("Another delivery has taken the report over");
        }
        settle(tx, null);
        return true;
    }

    private async Task RefuseAsync(ReportArrival arrival, ReportFault fault, Action<Transaction, ReportFault?> settle, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var sender = ReportText.OneLine(arrival.Sender);
        var draft = new ReportDraft(ReportKind.Refused, arrival.At.Ascii, sender, arrival.Message, arrival.Message, now, now)
        {
            Domain = arrival.At.Ascii,
            ReceivedAt = now,
            Detail = JsonSerializer.Serialize(fault, ReportJson.Default.ReportFault),
        };
        await db.WriteAsync(
            tx =>
            {
                if (HasRoom(tx, draft.Domain)) draft.Insert(tx, whole: true);
                settle(tx, fault);
                return true;
            },
            ct);
    }

    private static void RequireRoom(Transaction tx, string domain)
    {
        if (HasRoom(tx, domain)) return;
        throw new ReportFaultException(ReportFaultKind.TooManyReports, $"{domain} has had {ReportLimits.ReportsPerDayMax} reports within a day");
    }

    private static bool HasRoom(Transaction tx, string domain) =>
        tx.Prepare("SELECT COUNT(*) FROM report WHERE domain = $1 AND received > $2").Bind(domain).Bind(tx.Now.AddDays(-1)).Scalar()
            < ReportLimits.ReportsPerDayMax;

    private static long? Oldest(Snapshot db, DateTimeOffset now) =>
        db.Prepare("SELECT report FROM report WHERE received < $1 OR (received < $2 AND whole = 0) ORDER BY received LIMIT 1")
            .Bind(now - ReportLimits.Retention).Bind(now.AddDays(-10)).Scalar();

    private static int RemoveRows(Transaction tx, long report) =>
        tx.Prepare("DELETE FROM report_record WHERE report = $1 AND position < (SELECT MIN(position) FROM report_record WHERE report = $1) + $2")
            .Bind(report).Bind(ReportLimits.RowsPerAction).Execute()
        + tx.Prepare("DELETE FROM report_session WHERE report = $1 AND position < (SELECT MIN(position) FROM report_session WHERE report = $1) + $2")
            .Bind(report).Bind(ReportLimits.RowsPerAction).Execute();
}
