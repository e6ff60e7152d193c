using System.Globalization;
using Posthorn.Core;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>TLS with other mail servers: what the operator asks of it, how it went, and the policy of our own domains.</summary>
internal static class TlsRoutes
{
    private static readonly QueryParameter Day = new("day", "string", "The day in UTC, as 2026-11-01; today when left out.");

    public static IEnumerable<Route> All =>
    [
        Route.Of(
            "GET", "/tls-overrides", "listTlsOverrides", "Lists the domains whose TLS the operator decides.",
            AdminJson.Default.TlsOverridePage, ListAsync) with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "PUT", "/tls-overrides/{domain}", "setTlsOverride", "Decides what TLS with a domain's servers must be like.",
            AdminJson.Default.TlsOverrideBody, AdminJson.Default.TlsOverrideView, SetAsync),
        Route.Of(
            "DELETE", "/tls-overrides/{domain}", "removeTlsOverride", "Leaves TLS with a domain's servers to its own policy.",
            AdminJson.Default.TlsOverrideView, RemoveAsync),
        Route.Of(
            "GET", "/tls-results", "listTlsResults", "Says how TLS with other servers went on a day.",
            AdminJson.Default.TlsResultPage, ResultsAsync) with { Query = [QueryParameter.Domain, Day, QueryParameter.Limit] },
        Route.Of(
            "GET", "/domains/{domain}/mta-sts", "showDomainMtaSts", "Shows the MTA-STS policy that is served for a domain.",
            AdminJson.Default.StsView, ShowStsAsync),
        Route.Of(
            "PUT", "/domains/{domain}/mta-sts", "setDomainMtaSts", "Sets the mode of the MTA-STS policy that is served for a domain.",
            AdminJson.Default.StsBody, AdminJson.Default.StsView, SetStsAsync),
    ];

    private static async ValueTask<Result<Page<TlsOverrideView>>> ListAsync(Call call)
    {
        Demand(call);
        var page = Paging.Cut(await call.Parts.Tls.Overrides.ListAsync(call.Ct), call, static one => one.Domain.Ascii, out var next);
        return new Page<TlsOverrideView>([.. page.Select(static one => new TlsOverrideView(one.Domain.Ascii, one.Requirement))], next);
    }

    private static async ValueTask<Result<TlsOverrideView>> SetAsync(Call call, TlsOverrideBody body)
    {
        Demand(call);
        var domain = call.KeyDomain();
        await call.Parts.Tls.Overrides.SetAsync(domain, body.Requirement, call.Ct);
        return new TlsOverrideView(domain.Ascii, body.Requirement);
    }

    private static async ValueTask<Result<TlsOverrideView>> RemoveAsync(Call call)
    {
        Demand(call);
        var domain = call.KeyDomain();
        if (await call.Parts.Tls.Overrides.FindAsync(domain, call.Ct) is not { } requirement)
        {
            return new Refusal(RefusalKind.NotFound, $"{domain} has no override");
        }
        await call.Parts.Tls.Overrides.SetAsync(domain, null, call.Ct);
        return new TlsOverrideView(domain.Ascii, requirement);
    }

    private static async ValueTask<Result<Page<TlsResultRow>>> ResultsAsync(Call call)
    {
        Demand(call);
        var day = DateOnly.FromDateTime(call.Parts.Time.GetUtcNow().UtcDateTime);
        if (call.Query(Day) is { } text && !DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day))
        {
            throw Call.Invalid("day must be a day, as 2026-11-01");
        }
        return new Page<TlsResultRow>(await call.Parts.Tls.Results.ReadAsync(day, call.QueryDomain(), call.QueryLimit(), call.Ct), null);
    }

    private static async ValueTask<Result<StsView>> ShowStsAsync(Call call) =>
        await ViewAsync(call, await HostedAsync(call));

    private static async ValueTask<Result<StsView>> SetStsAsync(Call call, StsBody body)
    {
        var domain = await HostedAsync(call);
        await call.Parts.Tls.Hosted.SetAsync(domain, body.Mode, call.Ct);
        return await ViewAsync(call, domain);
    }

    private static async ValueTask<StsView> ViewAsync(Call call, Domain domain)
    {
        var mode = await call.Parts.Tls.Hosted.ModeOfAsync(domain, call.Ct);
        var policy = HostedSts.PolicyOf(mode, call.Parts.Facts.Hostname);
        return new StsView(domain.Ascii, mode, HostedSts.RecordOf(policy), policy.ToString());
    }

    private static async ValueTask<Domain> HostedAsync(Call call)
    {
        var name = call.KeyDomain();
        call.By.Demand(name);
        return (await call.Parts.Directory.Domains.FindAsync(name, call.Ct))?.Name
            ?? throw new RefusalException(new Refusal(RefusalKind.NotFound, $"{name} is not a domain of this server"));
    }

    private static void Demand(Call call) => call.By.DemandEverything("decide about TLS with other servers");
}
