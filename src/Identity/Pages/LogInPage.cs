using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/log-in</c>: name and password, or a passkey, which needs neither.</summary>
internal static class LogInPage
{
    public const string Path = "/log-in";

    private const string PasskeyPath = Path + "/passkey";

    private static readonly Html NameField = Html.Of($" required autofocus autocapitalize=\"none\" spellcheck=\"false\"");

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Anyone, ShowAsync),
        Route.Post(Path, Entry.Anyone, CheckAsync),
        Route.Post(PasskeyPath, Entry.Anyone, CheckPasskeyAsync),
    ];

    private static Task ShowAsync(Visit visit) => visit.IsLoggedIn
        ? visit.GoAsync(visit.Next.ToString())
        : visit.ShowAsync(Content(visit, null, ""));

    private static async Task CheckAsync(Visit visit)
    {
        var name = visit.Form["name"].Trim();
        var password = Encoding.UTF8.GetBytes(visit.Form["password"]);
        var proven = await visit.Directory.Authenticator.PasswordAsync(name, password, visit.Context, visit.Ct);
        CryptographicOperations.ZeroMemory(password);
        if (!proven.TryGet(out var identity))
        {
            await visit.ShowAsync(Content(visit, proven.Refusal, name));
            return;
        }
        var isAsked = (await visit.Directory.SecondFactors.StateAsync(identity.Account, visit.Ct)).IsAsked;
        await visit.LogInAsync(identity.Account, new Proven(LoginMethods.Password) { IsWhole = !isAsked });
    }

    private static async Task CheckPasskeyAsync(Visit visit)
    {
        var proven = await visit.Directory.Passkeys.ProveAsync(
            PasskeyForm.Assertion(visit.Form), PasskeyForm.Ceremony(visit), null, visit.Context, visit.Ct);
        if (proven.TryGet(out var identity)) await visit.LogInAsync(identity.Account, new Proven(LoginMethods.Passkey));
        else await visit.ShowAsync(Content(visit, proven.Refusal, "", null));
    }

    private static Page Content(Visit visit, Refusal? refusal, string name, string? field = "name") => new(
        (refusal is null ? "" : "Error: ") + "Log in",
        Html.Of($"""
            <h1>Log in</h1>
            <p class="lead">to your mail account on {visit.Parts.Facts.Hostname.Unicode}</p>
            {Fields.Notice(visit.Has("out") ? "You are logged out." : visit.Has("set") ? "Your password is set. Log in with it." : null)}
            {Fields.Problem(refusal?.Text, field)}
            <form method="post" action="{Path}">
            {visit.FormFields(Path)}{visit.NextField()}
            {Fields.Input("name", "E-mail address", "email", "username", name, more: NameField)}
            {Fields.Input("password", "Password", "password", "current-password", more: Html.Of($" required"))}
            <button class="block">Log in</button>
            </form>
            {PasskeyForm.ToProve(visit, PasskeyPath, "Log in with a passkey")}
            """))
    {
        IsNarrow = true,
        Script = PasskeyForm.Script,
        Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
    };
}
