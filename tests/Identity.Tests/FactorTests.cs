using System.Net;
using System.Text.RegularExpressions;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

public sealed class FactorTests
{
    private const string Cookie = "__Host-posthorn";

    [Fact]
    public async Task An_authenticator_counts_once_it_has_shown_a_code_and_is_asked_for_from_then_on()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        var other = await host.Browser().LogInAsync();
        (await browser.SubmitAsync("/account/two-step", null, "/account/two-step/begin")).GoesTo("/account/two-step/set-up");
        var secret = SecretOf(await browser.GetAsync("/account/two-step/set-up"));
        await host.Browser().LogInAsync(); // not yet

        (await browser.SubmitAsync("/account/two-step/set-up", Code("000000"))).Is(HttpStatusCode.Forbidden).Says("code is wrong");
        var before = browser.Cookie(Cookie);
        var shown = (await browser.SubmitAsync("/account/two-step/set-up", Code(TotpNow(host, secret)))).Is(HttpStatusCode.OK);
        Assert.Equal(SecondFactors.RecoveryCodesMax, RecoveryCodesOf(shown).Count);
        Assert.NotEqual(before, browser.Cookie(Cookie));
        (await browser.SubmitAsync(shown, "/log-out")).GoesTo("/log-in?out"); // a form beside a new cookie is good
        (await other.GetAsync("/account")).GoesTo("/log-in");

        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await browser.GetAsync("/account")).GoesTo("/log-in");
        (await browser.SubmitAsync("/log-in/second", Code(TotpNow(host, secret)))).Is(HttpStatusCode.Forbidden); // used when it was set up
        host.Clock.Advance(TimeSpan.FromSeconds(30));
        var code = TotpNow(host, secret);
        var halfway = browser.Cookie(Cookie);
        (await browser.SubmitAsync("/log-in/second", Code(code[..3] + " " + code[3..]))).GoesTo("/account");
        Assert.NotEqual(halfway, browser.Cookie(Cookie));

        var late = host.Browser();
        (await late.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await late.SubmitAsync("/log-in/second", Code(code))).Is(HttpStatusCode.Forbidden); // read over the shoulder
        Assert.DoesNotContain(secret, host.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(code, host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recovery_code_opens_once()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (_, codes) = await host.WithTotpAsync();
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await browser.SubmitAsync("/log-in/second", Code(codes[3].ToUpperInvariant()))).GoesTo("/account");
        (await browser.GetAsync("/account/two-step")).Says("9 left");
        var second = host.Browser();
        (await second.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await second.SubmitAsync("/log-in/second", Code(codes[3]))).Is(HttpStatusCode.Forbidden);

        var renewed = RecoveryCodesOf(await browser.SubmitAsync("/account/two-step", null, "/account/two-step/codes"));
        (await second.SubmitAsync("/log-in/second", Code(codes[4]))).Is(HttpStatusCode.Forbidden);
        (await second.SubmitAsync("/log-in/second", Code(renewed[4].Replace("-", "", StringComparison.Ordinal)))).GoesTo("/account");
        foreach (var code in codes.Concat(renewed)) Assert.DoesNotContain(code, host.Log.Text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_a_page_wanted_survives_both_steps()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (secret, _) = await host.WithTotpAsync();
        var browser = host.Browser();
        var fields = new Dictionary<string, string> { ["name"] = TestHost.Ann, ["password"] = TestHost.Password };
        var second = await browser.SubmitAsync("/log-in?next=%2Faccount%2Fsessions", fields);
        second.GoesTo("/log-in/second?next=%2Faccount%2Fsessions");
        (await browser.SubmitAsync(second.Location!, Code(TotpNow(host, secret)))).GoesTo("/account/sessions");
    }

    [Fact]
    public async Task Half_a_log_in_opens_nothing_and_does_not_wait_for_ever()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (secret, _) = await host.WithTotpAsync();
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        var form = await browser.GetAsync("/log-in/second");
        foreach (var route in Routes.All.Where(route => route is { Method: "GET", Entry: Entry.Person or Entry.Fresh }))
        {
            var answer = await browser.GetAsync(route.Path);
            Assert.StartsWith("/log-in", answer.Is(HttpStatusCode.SeeOther).Location, StringComparison.Ordinal);
            Assert.DoesNotContain("again", answer.Location, StringComparison.Ordinal);
        }
        host.Clock.Advance(WebSessions.SecondFactorTimeout);
        (await browser.SubmitAsync(form, "/log-in/second", Code(TotpNow(host, secret)))).GoesTo("/log-in");
        (await browser.GetAsync("/account")).GoesTo("/log-in");
    }

    [Fact]
    public async Task Guessing_codes_ends_soon_and_a_passkey_or_another_network_still_opens()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (secret, _) = await host.WithTotpAsync();
        host.Remote = IPAddress.Parse("198.51.100.7");
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        for (var i = 0; i < 6; i++) (await browser.SubmitAsync("/log-in/second", Code("12345" + i))).Is(HttpStatusCode.Forbidden);
        (await browser.SubmitAsync("/log-in/second", Code(TotpNow(host, secret)))).Is(HttpStatusCode.TooManyRequests);
        host.Remote = IPAddress.Parse("192.0.2.9");
        var owner = host.Browser();
        (await owner.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await owner.SubmitAsync("/log-in/second", Code(TotpNow(host, secret)))).GoesTo("/account");
    }

    [Fact]
    public async Task A_fresh_proof_asks_for_all_factors()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (secret, _) = await host.WithTotpAsync();
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await browser.SubmitAsync("/log-in/second", Code(TotpNow(host, secret)))).GoesTo("/account");
        host.Clock.Advance(TimeSpan.FromMinutes(11));
        (await browser.GetAsync("/account/passkeys")).GoesTo("/log-in/again?next=%2Faccount%2Fpasskeys");
        var fields = new Dictionary<string, string> { ["password"] = TestHost.Password, ["code"] = "" };
        (await browser.SubmitAsync("/log-in/again?next=%2Faccount%2Fpasskeys", fields)).Is(HttpStatusCode.Forbidden);
        fields["code"] = TotpNow(host, secret);
        (await browser.SubmitAsync("/log-in/again?next=%2Faccount%2Fpasskeys", fields)).GoesTo("/account/passkeys");
    }

    [Fact]
    public async Task An_authenticator_is_removed_with_its_recovery_codes()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (secret, _) = await host.WithTotpAsync();
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await browser.SubmitAsync("/log-in/second", Code(TotpNow(host, secret)))).GoesTo("/account");
        (await browser.SubmitAsync("/account/two-step", null, "/account/two-step/remove")).GoesTo("/account/two-step?removed");
        await host.Browser().LogInAsync();
        var ann = (await host.Directory.Accounts.FindAsync(EmailAddress.Parse(TestHost.Ann)))!;
        Assert.Equal(new FactorState(null, 0, 0), await host.Directory.SecondFactors.StateAsync(ann.Id));
    }

    [Fact]
    public async Task An_administrator_takes_every_second_factor_away_and_ends_what_is_open()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var (secret, _) = await host.WithTotpAsync();
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await browser.SubmitAsync("/log-in/second", Code(TotpNow(host, secret)))).GoesTo("/account");
        (await host.Directory.SecondFactors.ResetAsync(Authority.System, EmailAddress.Parse(TestHost.Ann))).Require();
        (await browser.GetAsync("/account")).GoesTo("/log-in");
        await host.Browser().LogInAsync();
        var elsewhere = Authority.OverDomain("bob", Domain.Parse("other.test"));
        var refused = await host.Directory.SecondFactors.ResetAsync(elsewhere, EmailAddress.Parse(TestHost.Ann));
        Assert.Equal(RefusalKind.Forbidden, refused.Refusal!.Kind);
    }

    [Theory]
    [InlineData("ES256")]
    [InlineData("RS256")]
    [InlineData("EdDSA")]
    public async Task A_passkey_opens_without_a_name_and_without_a_password(string algorithm)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        using var key = new SoftKey(algorithm);
        var owner = await host.Browser().LogInAsync();
        (await key.RegisterAsync(owner)).GoesTo("/account/passkeys?added");
        (await owner.GetAsync("/account/passkeys")).Says("my telephone").Says("not used yet");

        var browser = host.Browser();
        (await key.ProveAsync(browser, "/log-in", "/log-in/passkey")).GoesTo("/account");
        (await browser.GetAsync("/account")).Is(HttpStatusCode.OK).Says(TestHost.Ann);
        Assert.True((await SessionsOf(host)).Single(session => session.Methods == LoginMethods.Passkey).Methods.IsMfa);
    }

    [Fact]
    public async Task A_passkey_is_a_second_step_and_a_fresh_proof_too()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        using var key = new SoftKey();
        (await key.RegisterAsync(await host.Browser().LogInAsync())).GoesTo("/account/passkeys?added");
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await key.ProveAsync(browser, "/log-in/second", "/log-in/second/passkey")).GoesTo("/account");
        host.Clock.Advance(TimeSpan.FromMinutes(20));
        (await browser.GetAsync("/account/password")).Is(HttpStatusCode.SeeOther);
        (await key.ProveAsync(browser, "/log-in/again?next=%2Faccount%2Fpassword", "/log-in/again/passkey")).GoesTo("/account/password");
    }

    [Fact]
    public async Task A_passkey_of_somebody_else_is_no_second_step()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        await host.AccountAsync("mallory@example.test");
        using var anns = new SoftKey();
        using var mallorys = new SoftKey();
        (await anns.RegisterAsync(await host.Browser().LogInAsync())).GoesTo("/account/passkeys?added");
        (await mallorys.RegisterAsync(await host.Browser().LogInAsync("mallory@example.test"))).GoesTo("/account/passkeys?added");
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/log-in/second");
        (await mallorys.ProveAsync(browser, "/log-in/second", "/log-in/second/passkey")).Is(HttpStatusCode.Forbidden).Says("not known here");
        (await anns.ProveAsync(browser, "/log-in/second", "/log-in/second/passkey")).GoesTo("/account");
    }

    [Theory]
    [InlineData("origin")]
    [InlineData("host")]
    [InlineData("type")]
    [InlineData("cross-origin")]
    [InlineData("challenge")]
    [InlineData("signature")]
    [InlineData("unverified")]
    [InlineData("handle")]
    [InlineData("counter")]
    [InlineData("replay")]
    [InlineData("old")]
    [InlineData("another browser")]
    [InlineData("garbage")]
    public async Task A_passkey_that_is_wrong_in_one_thing_opens_nothing(string what)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        using var key = new SoftKey();
        (await key.RegisterAsync(await host.Browser().LogInAsync())).GoesTo("/account/passkeys?added");
        var browser = host.Browser();
        if (what is "replay" or "counter")
        {
            var first = await key.SignAsync(browser, "/log-in", "/log-in/passkey");
            host.Clock.Advance(TimeSpan.FromSeconds(1));
            (await browser.PostAsync("/log-in/passkey", first)).GoesTo("/account");
            if (what == "counter") key.Counter = 0;
            browser = what == "replay" ? browser : host.Browser();
            if (what == "replay")
            {
                (await browser.SubmitAsync("/account", null, "/log-out")).GoesTo("/log-in?out");
                (await browser.PostAsync("/log-in/passkey", first)).Is(HttpStatusCode.Forbidden);
                return;
            }
        }
        var asked = browser;
        if (what == "another browser") asked = host.Browser();
        var fields = await key.SignAsync(asked, "/log-in", "/log-in/passkey", what);
        if (what == "old") host.Clock.Advance(PasskeyForm.ChallengeTimeout);
        if (what == "another browser")
        {
            var own = Browser.Hidden((await browser.GetAsync("/log-in")).Text, "/log-in/passkey");
            fields["form-token"] = own["form-token"];
        }
        var expected = what == "garbage" ? HttpStatusCode.UnprocessableEntity : HttpStatusCode.Forbidden;
        (await browser.PostAsync("/log-in/passkey", fields)).Is(expected);
        (await browser.GetAsync("/account")).GoesTo("/log-in");
    }

    [Fact]
    public async Task Where_a_domain_demands_a_second_factor_nothing_opens_before_there_is_one()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var before = await host.Browser().LogInAsync();
        (await host.Directory.Domains.ChangeAsync(Authority.System, Domain.Parse("example.test"), new DomainChange { Mfa = true })).Require();
        (await before.GetAsync("/account")).GoesTo("/account/two-step?demanded"); // also who was logged in already
        var browser = host.Browser();
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).GoesTo("/account");
        foreach (var page in new[] { "/account", "/account/sessions", "/account/password", "/account/history" })
        {
            (await browser.GetAsync(page)).GoesTo("/account/two-step?demanded");
        }
        (await browser.GetAsync("/account/two-step?demanded")).Is(HttpStatusCode.OK).Says("Your organisation asks for it");
        using var key = new SoftKey();
        (await key.RegisterAsync(browser)).GoesTo("/account/passkeys?added");
        (await browser.GetAsync("/account")).Is(HttpStatusCode.OK);
        (await before.GetAsync("/account")).Is(HttpStatusCode.SeeOther); // made by the password alone
    }

    [Fact]
    public async Task A_removed_passkey_opens_nothing()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        using var key = new SoftKey();
        var owner = await host.Browser().LogInAsync();
        (await key.RegisterAsync(owner)).GoesTo("/account/passkeys?added");
        (await owner.SubmitAsync("/account/passkeys", null, "/account/passkeys/remove")).GoesTo("/account/passkeys?removed");
        (await key.ProveAsync(host.Browser(), "/log-in", "/log-in/passkey")).Is(HttpStatusCode.Forbidden);
        await host.Browser().LogInAsync();
    }

    internal static Dictionary<string, string> Code(string code) => new() { ["code"] = code };

    internal static string TotpNow(TestHost host, string secret) => TestTotp.CodeOf(secret, host.Clock.GetUtcNow());

    internal static string SecretOf(Answer page) =>
        Regex.Match(page.Text, "<p class=\"secret\">([A-Z2-7 ]+)</p>").Groups[1].Value.Replace(" ", "", StringComparison.Ordinal);

    internal static List<string> RecoveryCodesOf(Answer page) =>
        [.. Regex.Matches(page.Text, "<li>([a-z0-9-]{19})</li>").Select(m => m.Groups[1].Value)];

    private static async Task<IReadOnlyList<WebSession>> SessionsOf(TestHost host) =>
        await host.Directory.Sessions.ListAsync((await host.Directory.Accounts.FindAsync(EmailAddress.Parse(TestHost.Ann)))!.Id);
}
