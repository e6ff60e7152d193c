using System.Globalization;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/account/passkeys</c>: the devices that open the account by themselves.</summary>
internal static class PasskeysPage
{
    public const string Path = "/account/passkeys";

    private const string RemovePath = Path + "/remove";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Fresh, visit => ShowAsync(visit, null)),
        Route.Post(Path, Entry.Fresh, AddAsync),
        Route.Post(RemovePath, Entry.Fresh, RemoveAsync),
    ];

    private static async Task ShowAsync(Visit visit, Refusal? refusal)
    {
        var keys = await visit.Directory.Passkeys.ListAsync(visit.Account.Id, visit.Ct);
        var offer = await visit.Directory.Passkeys.OfferAsync(visit.Account.Id, visit.Ct);
        var state = await visit.Directory.SecondFactors.StateAsync(visit.Account.Id, visit.Ct);
        await visit.ShowAsync(new Page(
            (refusal is null ? "" : "Error: ") + "Passkeys",
            Html.Of($"""
                <h1>Passkeys</h1>
                <p class="lead">With a passkey you log in by finger, face or PIN: no password, no code, and nothing that a false page could catch.</p>
                {Fields.Problem(refusal?.Text)}
                {Fields.Notice(visit.Has("added") ? "The passkey is ready." : visit.Has("removed") ? "The passkey opens nothing more." : null)}
                {(state is { IsAsked: true, RecoveryCodes: 0 } ? NoCodes : default)}
                {(keys.Count == 0 ? default : List(visit, keys))}
                <section class="card"><h2>Make a passkey on this device</h2>
                <noscript><p>This needs a script, which your browser does not run.</p></noscript>
                {PasskeyForm.ToMake(visit, Path, offer)}
                </section>
                """))
        {
            Script = PasskeyForm.Script,
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        });
    }

    private static Html NoCodes { get; } = Html.Of($"""
        <div class="problem"><h2>You have no recovery codes</h2>
        <p>If this device is lost, only your administrator can let you in. <a href="{TwoStepPage.Path}">Make recovery codes</a></p></div>
        """);

    private static Html List(Visit visit, IReadOnlyList<Passkey> keys) => Html.Of($"""
        <section class="card" aria-label="Your passkeys"><ul class="rows">
        {Html.Join(keys.Select(key => Row(visit, key)))}
        </ul></section>
        """);

    private static Html Row(Visit visit, Passkey key)
    {
        var now = visit.Parts.Time.GetUtcNow();
        return Html.Of($"""
            <li><div class="what"><strong>{key.Label}</strong>
            <span class="soft small">made {Words.Ago(key.CreatedAt, now)} ·
            {(key.LastUsedAt is { } used ? Html.Of($"used {Words.Ago(used, now)}") : Html.Of($"not used yet"))} ·
            {(key.IsBackedUp ? "kept in your keychain" : "on one device only")}</span></div>
            <form method="post" action="{RemovePath}">{visit.FormFields(RemovePath)}
            <input type="hidden" name="passkey" value="{key.Id.ToString(CultureInfo.InvariantCulture)}">
            <button class="quiet small" aria-label="Remove {key.Label}">Remove</button></form></li>
            """);
    }

    private static async Task AddAsync(Visit visit)
    {
        var wasAsked = (await visit.Directory.SecondFactors.StateAsync(visit.Account.Id, visit.Ct)).IsAsked;
        var added = await visit.Directory.Passkeys.AddAsync(
            visit.Account.Id, visit.Form["label"], PasskeyForm.Creation(visit.Form), PasskeyForm.Ceremony(visit), visit.Ct);
        if (!added.Ok)
        {
            await ShowAsync(visit, added.Refusal);
            return;
        }
        // Those who came in with the password alone go.
        if (!wasAsked) await visit.Directory.Sessions.EndAllAsync(visit.Account.Id, visit.Session.Id, visit.Ct);
        await visit.Door.RenewAsync(visit.Http, visit.Session, LoginMethods.Passkey);
        await visit.GoAsync(Path + "?added");
    }

    private static async Task RemoveAsync(Visit visit)
    {
        var id = long.TryParse(visit.Form["passkey"], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;
        await visit.Directory.Passkeys.RemoveAsync(visit.Account.Id, id, visit.Ct);
        await visit.Door.RenewAsync(visit.Http, visit.Session, LoginMethods.None);
        await visit.GoAsync(Path + "?removed");
    }
}
