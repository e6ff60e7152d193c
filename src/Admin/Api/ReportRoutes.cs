using System.Globalization;
using Posthorn.Core;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>What other servers report about the domains of this one. The shapes are those of the room that keeps the reports.</summary>
internal static class ReportRoutes
{
    private const int SummaryDays = 30;

    private static readonly QueryParameter Kind = new("kind", "string", "Only reports of this kind: aggregate, feedback, tls or refused.");

    private static readonly QueryParameter Since = new(
        "since", "string", $"From this day on, as 2026-11-01; the last {SummaryDays} days when left out.");

    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/reports", "listReports", "Lists the reports, the newest first.", AdminJson.Default.ReportPage, ListAsync)
            with { Query = [QueryParameter.Domain, Kind, QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "GET", "/reports/summary", "summarizeReports", "Says who sends in a domain's name, what passes, what fails, and since when.",
            AdminJson.Default.ReportSummary, SummaryAsync) with { Query = [QueryParameter.Domain, Since] },
        Route.Of("GET", "/reports/{id}", "showReport", "Shows a report.", AdminJson.Default.ReportContent, ShowAsync),
    ];

    private static async ValueTask<Result<Page<StoredReport>>> ListAsync(Call call)
    {
        var domain = DomainOf(call);
        var limit = call.QueryLimit();
        long? before = null;
        if (call.Query(QueryParameter.After) is { } after)
        {
            before = long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                ? id
                : throw Call.Invalid("after must be the next of another page");
        }
        var found = await call.Parts.Reports.ListAsync(domain, KindOf(call), before, limit + 1, call.Ct);
        var page = found.Take(limit).ToList();
        return new Page<StoredReport>(page, found.Count > limit ? page[^1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    private static async ValueTask<Result<ReportContent>> ShowAsync(Call call)
    {
        var id = call.KeyNumber();
        var found = await call.Parts.Reports.FindAsync(id, call.Ct);
        // Of a report about somebody else's domain it is not said that it exists.
        if (found is null || !call.By.Covers(Domain.Parse(found.Report.Domain)))
        {
            return new Refusal(RefusalKind.NotFound, string.Create(CultureInfo.InvariantCulture, $"there is no report {id}"));
        }
        return found;
    }

    private static async ValueTask<Result<ReportSummary>> SummaryAsync(Call call)
    {
        var domain = DomainOf(call) ?? throw Call.Invalid("a summary is one domain's: domain must be given");
        return await call.Parts.Reports.SummaryAsync(domain, SinceOf(call), call.Ct);
    }

    // An authority over one domain sees that one without having to name it.
    private static Domain? DomainOf(Call call)
    {
        var domain = call.QueryDomain() ?? call.By.Only;
        if (domain is not null) call.By.Demand(domain);
        return domain;
    }

    private static ReportKind? KindOf(Call call)
    {
        if (call.Query(Kind) is not { } word) return null;
        foreach (var kind in Enum.GetValues<ReportKind>())
        {
            if (kind.ToString().Equals(word, StringComparison.OrdinalIgnoreCase)) return kind;
        }
        throw Call.Invalid("kind must be aggregate, feedback, tls or refused");
    }

    private static DateTimeOffset SinceOf(Call call)
    {
        if (call.Query(Since) is not { } text) return call.Parts.Time.GetUtcNow().AddDays(-SummaryDays);
        return DateTimeOffset.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var day)
            ? day
            : throw Call.Invalid("since must be a day, as 2026-11-01");
    }
}
