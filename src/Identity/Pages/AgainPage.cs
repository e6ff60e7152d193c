using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/log-in/again</c>: whoever is logged in for a while proves it once more before something that matters.</summary>
internal static class AgainPage
{
    public const string Path = "/log-in/again";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Person, visit => visit.ShowAsync(Content(visit, null))),
        Route.Post(Path, Entry.Person, CheckAsync),
    ];

    private static async Task CheckAsync(Visit visit)
    {
        var password = Encoding.UTF8.GetBytes(visit.Form["password"]);
        var proven = await visit.Directory.Authenticator.PasswordAsync(visit.Account.Address.ToString(), password, visit.Context, visit.Ct);
        CryptographicOperations.ZeroMemory(password);
        if (!proven.Ok)
        {
            await visit.ShowAsync(Content(visit, proven.Refusal));
            return;
        }
        var renewed = await visit.Door.RenewAsync(visit.Http, visit.Session, LoginMethods.Password);
        if (renewed.Ok) await visit.GoAsync(visit.Next.ToString());
        else await visit.ShowAsync(ErrorPages.Refused(renewed.Refusal!));
    }

    private static Page Content(Visit visit, Refusal? refusal) => new(
        (refusal is null ? "" : "Error: ") + "Is it still you?",
        Html.Of($"""
            <h1>Is it still you?</h1>
            <p class="lead">What comes next matters, so please log in once more as <strong>{visit.Account.Address.ToString()}</strong>.</p>
            {Fields.Problem(refusal?.Text, "password")}
            <form method="post" action="{Path}">
            {visit.FormFields(Path)}{visit.NextField()}
            <input type="email" name="name" value="{visit.Account.Address.ToString()}" autocomplete="username" hidden>
            {Fields.Input("password", "Password", "password", "current-password", more: Html.Of($" required"))}
            <button class="block">Continue</button>
            </form>
            <p class="small"><a href="{OverviewPage.Path}">Back to the overview</a></p>
            """))
    {
        IsNarrow = true,
        Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
    };
}
