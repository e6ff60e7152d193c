using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary><c>/account/two-step</c>: the authenticator program and the recovery codes.</summary>
internal static class TwoStepPage
{
    public const string Path = "/account/two-step";

    private const string BeginPath = Path + "/begin";
    private const string SetUpPath = Path + "/set-up";
    private const string RemovePath = Path + "/remove";
    private const string CodesPath = Path + "/codes";

    public static IEnumerable<Route> Routes =>
    [
        Route.Get(Path, Entry.Person, ShowAsync),
        Route.Post(BeginPath, Entry.Fresh, BeginAsync),
        Route.Get(SetUpPath, Entry.Fresh, visit => ShowSetUpAsync(visit, null)),
        Route.Post(SetUpPath, Entry.Fresh, ConfirmAsync),
        Route.Post(RemovePath, Entry.Fresh, RemoveAsync),
        Route.Post(CodesPath, Entry.Fresh, RenewCodesAsync),
    ];

    /// <summary>One of the pages on which a second factor is made, or the proof that they ask for.</summary>
    public static bool IsSetUp(Route route) => route.Path.StartsWith(Path, StringComparison.Ordinal)
        || route.Path.StartsWith(PasskeysPage.Path, StringComparison.Ordinal) || route.Path.StartsWith(AgainPage.Path, StringComparison.Ordinal);

    private static async Task ShowAsync(Visit visit)
    {
        var state = await visit.Directory.SecondFactors.StateAsync(visit.Account.Id, visit.Ct);
        await visit.ShowAsync(new Page("Two-step log-in", Html.Of($"""
            <h1>Two-step log-in</h1>
            <p class="lead">Whoever learns your password still cannot log in here without a second proof. Mail programs are not asked for it.</p>
            {Fields.Notice(visit.Has("removed") ? "The authenticator is removed." : null)}
            {(visit.Has("demanded") ? Demanded : default)}
            {Authenticator(visit, state)}
            {Passkeys(state)}
            {Codes(visit, state)}
            """)));
    }

    private static Html Demanded { get; } = Html.Of($"""
        <div class="problem"><h2>Set up a second step first</h2>
        <p>Your organisation asks for it: choose an authenticator or a passkey, then everything else opens.</p></div>
        """);

    private static Html Authenticator(Visit visit, FactorState state) => state.TotpSince is { } since
        ? Html.Of($"""
            <section class="card"><h2>Authenticator <span class="badge good">on</span></h2>
            <p class="soft">A program on your telephone shows a code that changes every 30 seconds. Set up on {Words.Day(since)}.</p>
            <form class="actions" method="post" action="{RemovePath}">{visit.FormFields(RemovePath)}
            <button class="danger small">Remove the authenticator</button></form></section>
            """)
        : Html.Of($"""
            <section class="card"><h2>Authenticator</h2>
            <p class="soft">A program on your telephone shows a code that changes every 30 seconds.</p>
            <form class="actions" method="post" action="{BeginPath}">{visit.FormFields(BeginPath)}<button>Set up an authenticator</button></form>
            </section>
            """);

    private static Html Passkeys(FactorState state) => Html.Of($"""
        <section class="card"><h2>Passkeys {(state.Passkeys == 0 ? default : Html.Of($"<span class=\"badge good\">{state.Passkeys}</span>"))}</h2>
        <p class="soft">Your device recognises you by finger, face or PIN. No password and no code is needed, and nobody can trick you out of it.</p>
        <p class="actions"><a class="button quiet small" href="{PasskeysPage.Path}">Passkeys</a></p></section>
        """);

    private static Html Codes(Visit visit, FactorState state) => !state.IsAsked ? default : Html.Of($"""
        <section class="card"><h2>Recovery codes
        <span class="badge {(state.RecoveryCodes > 2 ? "good" : "bad")}">{state.RecoveryCodes} left</span></h2>
        <p class="soft">Each opens the door once, for when your telephone is lost. Keep them on paper.</p>
        <form class="actions" method="post" action="{CodesPath}">{visit.FormFields(CodesPath)}
        <button class="quiet small">Make new recovery codes</button></form></section>
        """);

    private static async Task BeginAsync(Visit visit)
    {
        var offered = await visit.Directory.SecondFactors.OfferTotpAsync(visit.Account, Issuer(visit), visit.Ct);
        if (offered.Ok) await visit.GoAsync(SetUpPath);
        else await visit.ShowAsync(ErrorPages.Refused(offered.Refusal!));
    }

    private static async Task ShowSetUpAsync(Visit visit, Refusal? refusal)
    {
        if (await visit.Directory.SecondFactors.PendingTotpAsync(visit.Account, Issuer(visit), visit.Ct) is not { } offer)
        {
            await visit.GoAsync(Path);
            return;
        }
        var grouped = string.Join(' ', offer.Secret.Chunk(4).Select(part => new string(part)));
        await visit.ShowAsync(new Page((refusal is null ? "" : "Error: ") + "Set up an authenticator", Html.Of($"""
            <h1>Set up an authenticator</h1>
            {Fields.Problem(refusal?.Text, "code")}
            <section class="card side">
            {QrCode.Of(offer.Uri, "QR code for your authenticator")}
            <div><h2>1. Scan this</h2><p class="soft">with an authenticator program on your telephone. You can also type the key:</p>
            <p class="secret">{grouped}</p></div>
            </section>
            <section class="card"><h2>2. Type the code that it shows</h2>
            <form method="post" action="{SetUpPath}">{visit.FormFields(SetUpPath)}
            {Fields.Code("code", "Code", "Six digits.", refusal is null ? null : Fields.Sentence(refusal.Text))}
            <div class="actions"><button>Turn it on</button><a href="{Path}">Not now</a></div></form></section>
            """))
        {
            Status = refusal is null ? StatusCodes.Status200OK : ErrorPages.StatusOf(refusal.Kind),
        });
    }

    private static async Task ConfirmAsync(Visit visit)
    {
        var confirmed = await visit.Directory.SecondFactors.ConfirmTotpAsync(visit.Account.Id, visit.Form["code"], visit.Ct);
        if (!confirmed.TryGet(out var codes))
        {
            await ShowSetUpAsync(visit, confirmed.Refusal);
            return;
        }
        // Those who came in with the password alone go; this browser has shown both.
        await visit.Directory.Sessions.EndAllAsync(visit.Account.Id, visit.Session.Id, visit.Ct);
        await visit.Door.RenewAsync(visit.Http, visit.Session, LoginMethods.Totp);
        if (codes.Count == 0) await visit.GoAsync(Path);
        else await ShowCodesAsync(visit, codes, "The authenticator is on. Every other browser has been logged out.");
    }

    private static async Task RenewCodesAsync(Visit visit) => await ShowCodesAsync(
        visit, await visit.Directory.SecondFactors.RenewRecoveryCodesAsync(visit.Account.Id, visit.Ct), "Earlier recovery codes open nothing more.");

    private static Task ShowCodesAsync(Visit visit, IReadOnlyList<string> codes, string notice) =>
        visit.ShowAsync(new Page("Recovery codes", Html.Of($"""
            <h1>Recovery codes</h1>
            {Fields.Notice(notice)}
            <p class="lead">Write these down or print them now: they are not shown again. Each works once.</p>
            <section class="card" aria-label="Recovery codes"><ol class="secret codes">
            {Html.Join(codes.Select(code => Html.Of($"<li>{code}</li>")))}
            </ol></section>
            <p class="actions"><a class="button" href="{Path}">I have kept them</a></p>
            """)));

    private static async Task RemoveAsync(Visit visit)
    {
        await visit.Directory.SecondFactors.RemoveTotpAsync(visit.Account.Id, visit.Ct);
        await visit.Door.RenewAsync(visit.Http, visit.Session, LoginMethods.None);
        await visit.GoAsync(Path + "?removed");
    }

    private static string Issuer(Visit visit) => visit.Parts.Facts.Hostname.Unicode;
}
