using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>How people log in to their accounts: sessions, history, second factors, links for a password.</summary>
internal static class LoginRoutes
{
    private const int HistoryRowsMax = 1000;

    public static IEnumerable<Route> All =>
    [
        Route.Of(
            "GET", "/accounts/{address}/sessions", "listSessions", "Lists the browsers in which an account is logged in.",
            AdminJson.Default.SessionPage, ListSessionsAsync),
        Route.Of(
            "DELETE", "/accounts/{address}/sessions", "endSessions", "Logs an account out of every browser.",
            AdminJson.Default.SessionsEnded, EndSessionsAsync),
        Route.Of(
            "GET", "/accounts/{address}/logins", "listLogins", "Lists attempts to log in to an account, the latest first.",
            AdminJson.Default.LoginPage, ListLoginsAsync),
        Route.Of(
            "GET", "/accounts/{address}/factors", "showFactors", "Shows which second factors an account has.",
            AdminJson.Default.FactorView, ShowFactorsAsync),
        Route.Of(
            "DELETE", "/accounts/{address}/factors", "resetFactors", "Removes every second factor of an account and logs it out.",
            AdminJson.Default.FactorView, ResetFactorsAsync),
        Route.Of(
            "POST", "/accounts/{address}/password-link", "addPasswordLink",
            "Makes a link that sets the account's password once; it is shown this once.",
            AdminJson.Default.NewPasswordLinkBody, AdminJson.Default.PasswordLinkView, AddLinkAsync) with { Status = StatusCodes.Status201Created },
    ];

    private static async ValueTask<Result<Page<SessionView>>> ListSessionsAsync(Call call)
    {
        var found = await FindAsync(call);
        if (!found.TryGet(out var account)) return found.Refusal!;
        var sessions = await call.Parts.Directory.Sessions.ListAsync(account.Id, call.Ct);
        return new Page<SessionView>([.. sessions.Select(View)], null);
    }

    private static async ValueTask<Result<SessionsEnded>> EndSessionsAsync(Call call)
    {
        var found = await FindAsync(call);
        if (!found.TryGet(out var account)) return found.Refusal!;
        return new SessionsEnded(await call.Parts.Directory.Sessions.EndAllAsync(account.Id, null, call.Ct));
    }

    private static async ValueTask<Result<Page<LoginView>>> ListLoginsAsync(Call call)
    {
        var found = await FindAsync(call);
        if (!found.TryGet(out var account)) return found.Refusal!;
        var records = await call.Parts.Directory.History.ListAsync(account.Id, HistoryRowsMax, call.Ct);
        return new Page<LoginView>([.. records.Select(View)], null);
    }

    private static async ValueTask<Result<FactorView>> ShowFactorsAsync(Call call)
    {
        var found = await FindAsync(call);
        if (!found.TryGet(out var account)) return found.Refusal!;
        return View(account.Address, await call.Parts.Directory.SecondFactors.StateAsync(account.Id, call.Ct));
    }

    private static async ValueTask<Result<FactorView>> ResetFactorsAsync(Call call)
    {
        var reset = await call.Parts.Directory.SecondFactors.ResetAsync(call.By, call.KeyAddress(), call.Ct);
        if (!reset.TryGet(out var account)) return reset.Refusal!;
        return View(account.Address, await call.Parts.Directory.SecondFactors.StateAsync(account.Id, call.Ct));
    }

    private static async ValueTask<Result<PasswordLinkView>> AddLinkAsync(Call call, NewPasswordLinkBody body)
    {
        var seconds = body.LifetimeSeconds;
        if (seconds is <= 0 || seconds > (long)PasswordLinks.LifetimeMax.TotalSeconds)
        {
            throw Call.Invalid($"a link lives at most {PasswordLinks.LifetimeMax.Days} days");
        }
        var lifetime = seconds is { } given ? TimeSpan.FromSeconds(given) : default(TimeSpan?);
        var added = await call.Parts.Directory.PasswordLinks.AddAsync(call.By, call.KeyAddress(), lifetime, call.Ct);
        if (!added.TryGet(out var link)) return added.Refusal!;
        var facts = call.Parts.Facts;
        var uri = new UriBuilder(Uri.UriSchemeHttps, facts.Hostname.Ascii, facts.HttpsPort ?? 443, "/password-link/" + link.Secret).Uri;
        return new PasswordLinkView(link.Address.ToString(), uri.AbsoluteUri, link.ExpiresAt);
    }

    // Whoever may not change the account does not see how it is used.
    private static ValueTask<Result<Account>> FindAsync(Call call) =>
        call.Parts.Directory.Accounts.FindChangeableAsync(call.By, call.KeyAddress(), call.Ct);

    private static SessionView View(WebSession session) => new(
        session.Id, session.Methods.Amr, session.Provider, session.CreatedAt, session.AuthenticatedAt, session.LastUsedAt,
        session.Origin.Remote?.ToString(), session.Origin.Agent);

    private static LoginView View(LoginRecord record) =>
        new(record.Protocol, record.Remote?.ToString(), record.Outcome, record.Credential, record.LastAt, record.Count);

    private static FactorView View(EmailAddress address, FactorState state) =>
        new(address.ToString(), state.TotpSince, state.RecoveryCodes, state.Passkeys);
}
