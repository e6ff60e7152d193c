using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>Names that stand for other addresses, here or elsewhere.</summary>
internal static class AliasRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/aliases", "listAliases", "Lists the aliases.", AdminJson.Default.AliasPage, ListAsync)
            with { Query = [QueryParameter.Domain, QueryParameter.After, QueryParameter.Limit] },
        Route.Of("POST", "/aliases", "addAlias", "Adds an alias.", AdminJson.Default.NewAliasBody, AdminJson.Default.AliasView, AddAsync)
            with { Status = StatusCodes.Status201Created },
        Route.Of("GET", "/aliases/{address}", "showAlias", "Shows an alias.", AdminJson.Default.AliasView, ShowAsync),
        Route.Of(
            "PUT", "/aliases/{address}", "changeAlias", "Gives an alias other targets.",
            AdminJson.Default.AliasChangeBody, AdminJson.Default.AliasView, ChangeAsync),
        Route.Of("DELETE", "/aliases/{address}", "removeAlias", "Removes an alias.", AdminJson.Default.AliasView, RemoveAsync),
    ];

    private static async ValueTask<Result<Page<AliasView>>> ListAsync(Call call)
    {
        var all = await call.Parts.Directory.Aliases.ListAsync(call.By, call.QueryDomain(), call.Ct);
        var page = Paging.Cut(all, call, alias => alias.Address.Key, out var next);
        return new Page<AliasView>([.. page.Select(View)], next);
    }

    private static async ValueTask<Result<AliasView>> AddAsync(Call call, NewAliasBody body) =>
        View(await call.Parts.Directory.Aliases.AddAsync(call.By, Call.ToAddress(body.Address), Targets(body.Targets), call.Ct));

    private static async ValueTask<Result<AliasView>> ShowAsync(Call call)
    {
        var address = call.KeyAddress();
        call.By.Demand(address.Domain);
        if (await call.Parts.Directory.Aliases.FindAsync(address, call.Ct) is not { } alias)
        {
            return new Refusal(RefusalKind.NotFound, $"{address} is not an alias");
        }
        return View(alias);
    }

    private static async ValueTask<Result<AliasView>> ChangeAsync(Call call, AliasChangeBody body) =>
        View(await call.Parts.Directory.Aliases.ChangeAsync(call.By, call.KeyAddress(), Targets(body.Targets), call.Ct));

    private static async ValueTask<Result<AliasView>> RemoveAsync(Call call) =>
        View(await call.Parts.Directory.Aliases.RemoveAsync(call.By, call.KeyAddress(), call.Ct));

    private static EmailAddress[] Targets(IReadOnlyList<string> targets) => [.. targets.Select(Call.ToAddress)];

    private static Result<AliasView> View(Result<Alias> result) => result.TryGet(out var alias) ? View(alias) : result.Refusal!;

    private static AliasView View(Alias alias) =>
        new(alias.Address.ToString(), [.. alias.Targets.Select(target => target.ToString())], alias.CreatedAt);
}
