using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/log-in/second</c>: after the password, what else the account asks for.</summary>
internal static class SecondStepPage
{
    public const string Path = "/log-in/second";

    private const string PasskeyPath = Path + "/passkey";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Halfway, visit => ShowAsync(visit, null)),
        Route.Post(Path, Entry.Halfway, CheckAsync),
        Route.Post(PasskeyPath, Entry.Halfway, CheckPasskeyAsync),
    ];

    private static async Task CheckAsync(Visit visit)
    {
        var proven = await visit.Directory.SecondFactors.ProveAsync(visit.Account, visit.Form["code"], visit.Context, visit.Ct);
        if (proven.TryGet(out var method)) await visit.ProveAsync(method);
        else await ShowAsync(visit, proven.Refusal);
    }

    private static async Task CheckPasskeyAsync(Visit visit)
    {
        var proven = await visit.Directory.Passkeys.ProveAsync(
            PasskeyForm.Assertion(visit.Form), PasskeyForm.Ceremony(visit), visit.Account.Id, visit.Context, visit.Ct);
        if (proven.Ok) await visit.ProveAsync(LoginMethods.Passkey);
        else await ShowAsync(visit, proven.Refusal);
    }

    private static async Task ShowAsync(Visit visit, Refusal? refusal)
    {
        var state = await visit.Directory.SecondFactors.StateAsync(visit.Account.Id, visit.Ct);
        await visit.ShowAsync(new Page(
            (refusal is null ? "" : "Error: ") + "Second step",
            Html.Of($"""
                <h1>One more step</h1>
                <p class="lead">The password of <strong>{visit.Account.Address.ToString()}</strong> is right. Now show that it is you.</p>
                {Fields.Problem(refusal?.Text, "code")}
                {(state.Passkeys == 0 ? default : PasskeyForm.ToProve(visit, PasskeyPath, "Use a passkey"))}
                <form method="post" action="{Path}">
                {visit.FormFields(Path)}{visit.NextField()}
                {CodeField(state)}
                <button class="block">Continue</button>
                </form>
                <p class="small soft">You have lost it? Use one of your recovery codes, or ask your administrator.
                <a href="{LogInPage.Path}">Log in as somebody else</a></p>
                """))
        {
            IsNarrow = true,
            Script = state.Passkeys == 0 ? default : PasskeyForm.Script,
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        });
    }

    /// <summary>One field takes both kinds of codes; they look different enough.</summary>
    internal static Html CodeField(FactorState state) => state.TotpSince is null
        ? Fields.Code("code", "Recovery code", "As abcd-efgh-jkmn-pqrs.")
        : Fields.Code("code", "Code", "Six digits from your authenticator, or a recovery code.");
}
