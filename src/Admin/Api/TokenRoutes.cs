using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>The tokens that open the API to programs.</summary>
internal static class TokenRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of("GET", "/tokens", "listTokens", "Lists the tokens, without their secrets.", AdminJson.Default.TokenPage, ListAsync)
            with { Query = [QueryParameter.After, QueryParameter.Limit] },
        Route.Of(
            "POST", "/tokens", "addToken", "Issues a token; its secret is shown this once.",
            AdminJson.Default.NewTokenBody, AdminJson.Default.IssuedTokenView, AddAsync) with { Status = StatusCodes.Status201Created },
        Route.Of("DELETE", "/tokens/{id}", "revokeToken", "Revokes a token.", AdminJson.Default.TokenView, RevokeAsync),
    ];

    private static async ValueTask<Result<Page<TokenView>>> ListAsync(Call call)
    {
        var all = await call.Parts.Directory.Tokens.ListAsync(call.By, call.Ct);
        var page = Paging.Cut(all, call, token => token.Id, out var next);
        return new Page<TokenView>([.. page.Select(View)], next);
    }

    private static async ValueTask<Result<IssuedTokenView>> AddAsync(Call call, NewTokenBody body)
    {
        var networks = AllowedNetworks.Parse(body.AllowIp ?? []);
        if (!networks.TryGet(out var allowed)) return networks.Refusal!;
        var wanted = new NewToken(Scopes(body.Scopes))
        {
            Label = Call.ToName(body.Label),
            Domain = body.Domain is { } domain ? Call.ToDomain(domain) : null,
            Lifetime = Lifetime(body.LifetimeSeconds),
            Networks = allowed,
        };
        var added = await call.Parts.Directory.Tokens.AddAsync(call.By, wanted, call.Ct);
        return added.TryGet(out var issued) ? new IssuedTokenView(issued.Token.Id, issued.Secret, View(issued.Token)) : added.Refusal!;
    }

    private static async ValueTask<Result<TokenView>> RevokeAsync(Call call)
    {
        var revoked = await call.Parts.Directory.Tokens.RevokeAsync(call.By, call.Key, call.Ct);
        return revoked.TryGet(out var token) ? View(token) : revoked.Refusal!;
    }

    private static TokenScopes Scopes(IReadOnlyList<string> names)
    {
        var scopes = TokenScopes.None;
        foreach (var name in names)
        {
            scopes |= Tokens.TryScope(name, out var scope) ? scope : throw Call.Invalid("a scope is one of admin, metrics, scim, send");
        }
        return scopes;
    }

    private static TimeSpan? Lifetime(long? seconds) => seconds switch
    {
        null => null,
        > 0 and <= AdminLimits.TokenLifetimeDaysMax * 86_400L => TimeSpan.FromSeconds(seconds.Value),
        _ => throw Call.Invalid($"a token lives at most {AdminLimits.TokenLifetimeDaysMax} days, or does not expire"),
    };

    private static TokenView View(ApiToken token) => new(
        token.Id,
        token.Label,
        Tokens.NamesOf(token.Scopes).Split(','),
        token.Domain?.Ascii,
        token.Networks.Texts,
        token.CreatedAt,
        token.ExpiresAt,
        token.LastUsedAt);
}
