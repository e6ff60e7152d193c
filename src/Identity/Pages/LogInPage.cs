using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/log-in</c>: name and password. What else can be used stands below.</summary>
internal static class LogInPage
{
    public const string Path = "/log-in";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Anyone, ShowAsync),
        Route.Post(Path, Entry.Anyone, CheckAsync),
    ];

    private static readonly Html NameField = Html.Of($" required autocapitalize=\"none\" spellcheck=\"false\"");

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
        await visit.LogInAsync(identity.Account, new Proven(LoginMethods.Password));
    }

    private static Page Content(Visit visit, Refusal? refusal, string name)
    {
        var title = (refusal is null ? "" : "Error: ") + "Log in";
        return new Page(
            title,
            Html.Of($"""
                <h1>Log in</h1>
                <p class="lead">to your mail account on {visit.Parts.Facts.Hostname.Unicode}</p>
                {Fields.Notice(visit.Has("out") ? "You are logged out." : null)}
                {Fields.Problem(refusal?.Text, "name")}
                <form method="post" action="{Path}">
                {visit.FormFields(Path)}{visit.NextField()}
                {Fields.Input("name", "E-mail address", "email", "username webauthn", name, more: NameField)}
                {Fields.Input("password", "Password", "password", "current-password", more: Html.Of($" required"))}
                <button class="block">Log in</button>
                </form>
                """))
        {
            IsNarrow = true,
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        };
    }
}
