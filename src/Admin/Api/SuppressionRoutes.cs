using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Admin;

/// <summary>An address that nothing is sent to.</summary>
/// <param name="Account">Whose mail; null for everybody's.</param>
/// <param name="ExpiresAt">Null for one without an end.</param>
public sealed record SuppressionView(string? Account, string Address, string Reason, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

/// <summary>An address to suppress.</summary>
/// <param name="Account">Left out: for everybody's mail.</param>
/// <param name="LifetimeSeconds">Left out: without an end.</param>
public sealed record NewSuppressionBody(string Address, string? Account = null, string? Reason = null, long? LifetimeSeconds = null);

/// <summary>The addresses that bounced, or that an operator closed.</summary>
internal static class SuppressionRoutes
{
    private static readonly QueryParameter Account = new("account", "string", "Whose entry: an account's address. Left out: everybody's.");

    public static IEnumerable<Route> All =>
    [
        Route.Of(
            "GET", "/suppressions", "listSuppressions", "Lists the addresses that nothing is sent to.", AdminJson.Default.SuppressionPage, ListAsync)
            with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "POST", "/suppressions", "addSuppression", "Sends nothing to an address any more.", AdminJson.Default.NewSuppressionBody,
            AdminJson.Default.SuppressionView, AddAsync) with { Status = StatusCodes.Status201Created },
        Route.Of(
            "DELETE", "/suppressions/{address}", "removeSuppression", "Sends to an address again.", AdminJson.Default.SuppressionView, RemoveAsync)
            with { Query = [Account] },
    ];

    private static async ValueTask<Result<Page<SuppressionView>>> ListAsync(Call call)
    {
        Demand(call);
        var limit = call.QueryLimit();
        var (account, address) = After(call.Query(QueryParameter.After));
        var found = await call.Parts.Suppressions.ListAsync(account, address, limit + 1, call.Ct);
        var views = new List<SuppressionView>();
        foreach (var entry in found.Take(limit)) views.Add(await ViewAsync(call, entry));
        var last = found.Count > limit ? found[limit - 1] : null;
        return new Page<SuppressionView>(views, last is null ? null : $"{last.Account?.Value ?? 0} {last.Address.Key}");
    }

    private static async ValueTask<Result<SuppressionView>> AddAsync(Call call, NewSuppressionBody body)
    {
        Demand(call);
        var lifetime = body.LifetimeSeconds switch
        {
            null => (TimeSpan?)null,
            > 0 and <= 10L * 365 * 24 * 3600 => TimeSpan.FromSeconds(body.LifetimeSeconds.Value),
            _ => throw Call.Invalid("lifetimeSeconds is at least a second and at most ten years"),
        };
        var entry = await call.Parts.Suppressions.AddAsync(
            await AccountAsync(call, body.Account), Call.ToAddress(body.Address), Call.ToName(body.Reason ?? "closed by an administrator"), lifetime,
            call.Ct);
        return await ViewAsync(call, entry);
    }

    private static async ValueTask<Result<SuppressionView>> RemoveAsync(Call call)
    {
        Demand(call);
        var address = call.KeyAddress();
        var account = await AccountAsync(call, call.Query(Account));
        if (!await call.Parts.Suppressions.RemoveAsync(account, address, call.Ct))
        {
            return new Refusal(RefusalKind.NotFound, $"{address} is not suppressed");
        }
        return await ViewAsync(call, new Suppression(account, address, "", call.Parts.Time.GetUtcNow(), null));
    }

    private static (AccountId?, string) After(string? text)
    {
        if (text is null) return (null, "");
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && long.TryParse(text.AsSpan(0, space), out var account)
            ? (new AccountId(account), text[(space + 1)..])
            : throw Call.Invalid("after must be the next of another page");
    }

    private static async ValueTask<AccountId?> AccountAsync(Call call, string? address) => address is null
        ? null
        : (await call.Parts.Directory.Accounts.FindAsync(Call.ToAddress(address), call.Ct) ?? throw Call.Invalid("there is no such account")).Id;

    private static async ValueTask<SuppressionView> ViewAsync(Call call, Suppression entry)
    {
        var account = entry.Account is { } id ? await call.Parts.Directory.Accounts.FindAsync(id, call.Ct) : null;
        return new SuppressionView(
            account?.Address.ToString() ?? entry.Account?.ToString(), entry.Address.ToString(), entry.Reason, entry.CreatedAt, entry.ExpiresAt);
    }

    private static void Demand(Call call) => call.By.DemandEverything("work on the list of suppressed addresses");
}
