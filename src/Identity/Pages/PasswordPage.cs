using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;

namespace Posthorn.Identity;

/// <summary><c>/account/password</c>: a new password. Every other browser is logged out by it.</summary>
internal static class PasswordPage
{
    public const string Path = "/account/password";

    public const string Advice = "At least 8 characters. A few random words are easy to remember and hard to guess.";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Fresh, visit => visit.ShowAsync(Content(visit, null, null))),
        Route.Post(Path, Entry.Fresh, ChangeAsync),
    ];

    private static async Task ChangeAsync(Visit visit)
    {
        if (visit.Form["new-password"] != visit.Form["again"])
        {
            await visit.ShowAsync(Content(visit, new Refusal(RefusalKind.Invalid, "the two passwords are not the same"), "again"));
            return;
        }
        var password = Encoding.UTF8.GetBytes(visit.Form["new-password"]);
        var changed = await visit.Directory.Accounts.SetPasswordAsync(visit.Self, visit.Account.Address, password, visit.Session.Id, visit.Ct);
        CryptographicOperations.ZeroMemory(password);
        if (!changed.Ok)
        {
            await visit.ShowAsync(Content(visit, changed.Refusal, "new-password"));
            return;
        }
        await visit.Door.RenewAsync(visit.Http, visit.Session, Directory.LoginMethods.None);
        await visit.GoAsync(OverviewPage.Path + "?password");
    }

    private static Page Content(Visit visit, Refusal? refusal, string? field)
    {
        var wrong = refusal is null ? null : Fields.Sentence(refusal.Text);
        return new Page((refusal is null ? "" : "Error: ") + "Password", Html.Of($"""
            <h1>Password</h1>
            <p class="lead">A new password logs out every other browser. Mail programs that use this password ask for the new one.</p>
            {Fields.Problem(refusal?.Text, field)}
            <form class="card" method="post" action="{Path}">
            {visit.FormFields(Path)}
            <input type="email" name="name" value="{visit.Account.Address.ToString()}" autocomplete="username" hidden>
            {Fields.NewPassword("new-password", "New password", Advice, field == "new-password" ? wrong : null)}
            {Fields.NewPassword("again", "New password, once more", null, field == "again" ? wrong : null)}
            <button>Change the password</button>
            </form>
            """))
        {
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        };
    }
}
