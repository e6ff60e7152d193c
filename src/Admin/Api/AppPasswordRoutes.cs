using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>The passwords of an account's devices, as administrators make and revoke them.</summary>
internal static class AppPasswordRoutes
{
    public static IEnumerable<Route> All =>
    [
        Route.Of(
            "GET", "/accounts/{address}/app-passwords", "listAppPasswords", "Lists the app passwords of an account, without their secrets.",
            AdminJson.Default.AppPasswordPage, ListAsync),
        Route.Of(
            "POST", "/accounts/{address}/app-passwords", "addAppPassword", "Makes an app password; its secret is shown this once.",
            AdminJson.Default.NewAppPasswordBody, AdminJson.Default.IssuedAppPasswordView, AddAsync)
            with { Status = StatusCodes.Status201Created },
        Route.Of(
            "POST", "/accounts/{address}/app-passwords/revoke", "revokeAppPassword",
            "Revokes an app password by its label or id, and ends the connections that it has opened.",
            AdminJson.Default.RevokeAppPasswordBody, AdminJson.Default.AppPasswordView, RevokeAsync),
    ];

    private static async ValueTask<Result<Page<AppPasswordView>>> ListAsync(Call call)
    {
        // Whoever may not change the account does not see what opens it.
        var found = await call.Parts.Directory.Accounts.FindChangeableAsync(call.By, call.KeyAddress(), call.Ct);
        if (!found.TryGet(out var account)) return found.Refusal!;
        var passwords = await call.Parts.Directory.AppPasswords.ListAsync(account.Id, call.Ct);
        return new Page<AppPasswordView>([.. passwords.Select(View)], null);
    }

    private static async ValueTask<Result<IssuedAppPasswordView>> AddAsync(Call call, NewAppPasswordBody body)
    {
        var networks = AllowedNetworks.Parse(body.AllowIp ?? []);
        if (!networks.TryGet(out var allowed)) return networks.Refusal!;
        var wanted = new NewAppPassword(body.Label)
        {
            Scopes = Scopes(body.Scopes),
            Lifetime = Lifetime(body.LifetimeSeconds),
            Networks = allowed,
        };
        var added = await call.Parts.Directory.AppPasswords.AddAsync(call.By, call.KeyAddress(), wanted, call.Ct);
        return added.TryGet(out var issued) ? new IssuedAppPasswordView(issued.Password.Id, issued.Secret, View(issued.Password)) : added.Refusal!;
    }

    private static async ValueTask<Result<AppPasswordView>> RevokeAsync(Call call, RevokeAppPasswordBody body)
    {
        var revoked = await call.Parts.Directory.AppPasswords.RevokeAsync(call.By, call.KeyAddress(), body.Which, call.Ct);
        return revoked.TryGet(out var password) ? View(password) : revoked.Refusal!;
    }

    private static AppScopes Scopes(IReadOnlyList<string>? names)
    {
        if (names is null) return AppScopes.All;
        var scopes = AppScopes.None;
        foreach (var name in names)
        {
            scopes |= AppScopeNames.TryParse(name, out var scope)
                ? scope : throw Call.Invalid("a scope is one of " + string.Join(", ", AppScopeNames.All));
        }
        return scopes;
    }

    private static TimeSpan? Lifetime(long? seconds) => seconds switch
    {
        null => null,
        > 0 and <= AdminLimits.TokenLifetimeDaysMax * 86_400L => TimeSpan.FromSeconds(seconds.Value),
        _ => throw Call.Invalid($"an app password lives at most {AdminLimits.TokenLifetimeDaysMax} days, or does not expire"),
    };

    private static AppPasswordView View(AppPassword password) => new(
        password.Id, password.Label, AppScopeNames.Of(password.Scopes), password.Networks.Texts, password.CreatedAt, password.CreatedBy,
        password.ExpiresAt, password.LastUse?.At, password.LastUse?.Remote?.ToString(), password.LastUse?.Protocol, password.LastUse?.Client ?? "",
        password.Uses, password.RevokedAt);
}
