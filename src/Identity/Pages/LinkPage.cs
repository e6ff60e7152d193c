using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;

namespace Posthorn.Identity;

/// <summary>
/// <c>/password-link/…</c>: the link that an administrator hands over, for a first password or for one that is lost. Opening it does not use
/// it up, since programs that look at mail open links too; setting the password does.
/// </summary>
internal static class LinkPage
{
    private const string Path = "/password-link/{key}";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Anyone, ShowAsync),
        Route.Post(Path, Entry.Anyone, UseAsync),
    ];

    private static async Task ShowAsync(Visit visit)
    {
        var found = await visit.Directory.PasswordLinks.FindAsync(visit.Key, visit.Ct);
        await visit.ShowAsync(found.TryGet(out var account) ? Content(visit, account.Address, null, null) : ErrorPages.Refused(found.Refusal!));
    }

    private static async Task UseAsync(Visit visit)
    {
        var found = await visit.Directory.PasswordLinks.FindAsync(visit.Key, visit.Ct);
        if (!found.TryGet(out var account))
        {
            await visit.ShowAsync(ErrorPages.Refused(found.Refusal!));
            return;
        }
        if (visit.Form["new-password"] != visit.Form["again"])
        {
            await visit.ShowAsync(Content(visit, account.Address, new Refusal(RefusalKind.Invalid, "the two passwords are not the same"), "again"));
            return;
        }
        var password = Encoding.UTF8.GetBytes(visit.Form["new-password"]);
        var changed = await visit.Directory.PasswordLinks.UseAsync(visit.Key, password, visit.Ct);
        CryptographicOperations.ZeroMemory(password);
        // The person logs in with it, with whatever second factor the account asks for: the link alone is a proof of nothing more.
        if (changed.Ok) await visit.GoAsync(LogInPage.Path + "?set");
        else await visit.ShowAsync(Content(visit, account.Address, changed.Refusal, "new-password"));
    }

    private static Page Content(Visit visit, EmailAddress address, Refusal? refusal, string? field)
    {
        var wrong = refusal is null ? null : Fields.Sentence(refusal.Text);
        var action = visit.Http.Request.Path.Value!;
        return new Page((refusal is null ? "" : "Error: ") + "Choose a password", Html.Of($"""
            <h1>Choose a password</h1>
            <p class="lead">for <strong>{address.ToString()}</strong></p>
            {Fields.Problem(refusal?.Text, field)}
            <form method="post" action="{action}">
            {visit.FormFields(action)}
            <input type="email" name="name" value="{address.ToString()}" autocomplete="username" hidden>
            {Fields.NewPassword("new-password", "New password", PasswordPage.Advice, field == "new-password" ? wrong : null)}
            {Fields.NewPassword("again", "New password, once more", null, field == "again" ? wrong : null)}
            <button class="block">Set the password</button>
            </form>
            """))
        {
            IsNarrow = true,
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        };
    }
}
