using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/log-in/again</c>: whoever is logged in for a while proves it once more, with all factors, before something that matters.</summary>
internal static class AgainPage
{
    public const string Path = "/log-in/again";

    private const string PasskeyPath = Path + "/passkey";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Person, visit => ShowAsync(visit, null)),
        Route.Post(Path, Entry.Person, CheckAsync),
        Route.Post(PasskeyPath, Entry.Person, CheckPasskeyAsync),
    ];

    private static async Task CheckAsync(Visit visit)
    {
        var password = Encoding.UTF8.GetBytes(visit.Form["password"]);
        var first = await visit.Directory.Authenticator.PasswordAsync(visit.Account.Address.ToString(), password, visit.Context, visit.Ct);
        CryptographicOperations.ZeroMemory(password);
        if (!first.Ok)
        {
            await ShowAsync(visit, first.Refusal);
            return;
        }
        var methods = LoginMethods.Password;
        if ((await visit.Directory.SecondFactors.StateAsync(visit.Account.Id, visit.Ct)).IsAsked)
        {
            var second = await visit.Directory.SecondFactors.ProveAsync(visit.Account, visit.Form["code"], visit.Context, visit.Ct);
            if (!second.TryGet(out var method))
            {
                await ShowAsync(visit, second.Refusal);
                return;
            }
            methods |= method;
        }
        await visit.ProveAsync(methods);
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
            (refusal is null ? "" : "Error: ") + "Is it still you?",
            Html.Of($"""
                <h1>Is it still you?</h1>
                <p class="lead">What comes next matters, so please log in once more as <strong>{visit.Account.Address.ToString()}</strong>.</p>
                {Fields.Problem(refusal?.Text, "password")}
                <form method="post" action="{Path}">
                {visit.FormFields(Path)}{visit.NextField()}
                <input type="email" name="name" value="{visit.Account.Address.ToString()}" autocomplete="username" hidden>
                {Fields.Input("password", "Password", "password", "current-password", more: Html.Of($" required autofocus"))}
                {(state.IsAsked ? SecondStepPage.CodeField(state) : default)}
                <button class="block">Continue</button>
                </form>
                {(state.Passkeys == 0 ? default : PasskeyForm.ToProve(visit, PasskeyPath, "Use a passkey instead"))}
                <p class="small"><a href="{OverviewPage.Path}">Back to the overview</a></p>
                """))
        {
            IsNarrow = true,
            Script = state.Passkeys == 0 ? default : PasskeyForm.Script,
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        });
    }
}
