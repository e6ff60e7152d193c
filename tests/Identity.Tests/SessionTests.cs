using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

public sealed class SessionTests
{
    private const string Cookie = "__Host-posthorn";

    [Fact]
    public async Task A_log_in_opens_the_account_and_a_log_out_closes_it()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = host.Browser();
        (await browser.GetAsync("/account")).GoesTo("/log-in");
        await browser.LogInAsync();
        var cookie = browser.Cookie(Cookie)!;
        (await browser.GetAsync("/account")).Is(HttpStatusCode.OK).Says("ann@example.test");
        (await browser.SubmitAsync("/account", null, "/log-out")).GoesTo("/log-in?out");
        (await browser.GetAsync("/account")).GoesTo("/log-in");
        browser.SetCookie(Cookie, cookie);
        (await browser.GetAsync("/account")).GoesTo("/log-in");
    }

    [Fact]
    public async Task The_cookie_is_for_this_host_over_TLS_and_for_no_script()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var answer = await host.Browser().TryLogInAsync(TestHost.Ann, TestHost.Password);
        var cookie = Assert.Single(answer.Headers.GetValues("Set-Cookie"), c => c.StartsWith(Cookie + "=", StringComparison.Ordinal));
        Assert.Contains("path=/", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("secure", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("domain", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(cookie.Split('=', ';')[1][16..], host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_that_was_there_before_the_log_in_gains_nothing_by_it()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        await host.AccountAsync("mallory@example.test");
        var mallory = await host.Browser().LogInAsync("mallory@example.test");
        var planted = mallory.Cookie(Cookie)!;

        var victim = host.Browser();
        victim.SetCookie(Cookie, planted);
        (await victim.GetAsync("/log-in")).GoesTo("/account"); // the planted one works, as mallory's
        (await victim.SubmitAsync("/account", null, "/log-out")).GoesTo("/log-in?out");
        victim.SetCookie(Cookie, planted);
        await victim.LogInAsync();
        Assert.NotEqual(planted, victim.Cookie(Cookie));
        (await mallory.GetAsync("/account")).GoesTo("/log-in");
    }

    [Fact]
    public async Task A_renewed_proof_gives_the_session_another_secret()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        var stolen = browser.Cookie(Cookie)!;
        host.Clock.Advance(TimeSpan.FromMinutes(11));
        (await browser.GetAsync("/account/password")).GoesTo("/log-in/again?next=%2Faccount%2Fpassword");
        (await browser.SubmitAsync("/log-in/again?next=%2Faccount%2Fpassword", new Dictionary<string, string> { ["password"] = "wrong wrong" }))
            .Is(HttpStatusCode.Forbidden);
        (await browser.SubmitAsync("/log-in/again?next=%2Faccount%2Fpassword", new Dictionary<string, string> { ["password"] = TestHost.Password }))
            .GoesTo("/account/password");
        Assert.NotEqual(stolen, browser.Cookie(Cookie));
        var thief = host.Browser();
        thief.SetCookie(Cookie, stolen);
        (await thief.GetAsync("/account")).GoesTo("/log-in");
        (await browser.GetAsync("/account/password")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_session_ends_when_it_lies_idle_and_at_its_age()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var idle = await host.Browser().LogInAsync();
        host.Clock.Advance(WebSessions.IdleTimeout);
        (await idle.GetAsync("/account")).GoesTo("/log-in");

        var busy = await host.Browser().LogInAsync();
        for (var day = 0; day < WebSessions.Lifetime.Days - 1; day++)
        {
            host.Clock.Advance(TimeSpan.FromDays(1));
            (await busy.GetAsync("/account")).Is(HttpStatusCode.OK);
        }
        host.Clock.Advance(TimeSpan.FromDays(1));
        (await busy.GetAsync("/account")).GoesTo("/log-in");
    }

    [Theory]
    [InlineData("disable")]
    [InlineData("remove")]
    [InlineData("password")]
    public async Task A_session_ends_with_what_it_stood_on(string what)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        var (accounts, ann) = (host.Directory.Accounts, EmailAddress.Parse(TestHost.Ann));
        switch (what)
        {
            case "disable":
                (await accounts.DisableAsync(Authority.System, ann)).Require();
                (await accounts.EnableAsync(Authority.System, ann)).Require();
                break;
            case "remove":
                (await accounts.RemoveAsync(Authority.System, ann)).Require();
                (await accounts.RestoreAsync(Authority.System, ann)).Require();
                break;
            default:
                (await accounts.SetPasswordAsync(Authority.System, ann, Encoding.UTF8.GetBytes("another password"))).Require();
                break;
        }
        (await browser.GetAsync("/account")).GoesTo("/log-in");
    }

    [Fact]
    public async Task A_new_password_logs_out_everywhere_but_here()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var here = await host.Browser().LogInAsync();
        var there = await host.Browser().LogInAsync();
        var fields = new Dictionary<string, string> { ["new-password"] = "quite another one", ["again"] = "quite another two" };
        (await here.SubmitAsync("/account/password", fields)).Is(HttpStatusCode.UnprocessableEntity).Says("not the same");
        fields["again"] = fields["new-password"];
        (await here.SubmitAsync("/account/password", fields)).GoesTo("/account?password");
        (await here.GetAsync("/account")).Is(HttpStatusCode.OK);
        (await there.GetAsync("/account")).GoesTo("/log-in");
        await there.LogInAsync(password: "quite another one");
        Assert.DoesNotContain("quite another", host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_session_can_be_seen_and_ended_by_its_owner_alone()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        await host.AccountAsync("bob@example.test");
        var here = await host.Browser().LogInAsync();
        var there = await host.Browser().LogInAsync();
        var bob = await host.Browser().LogInAsync("bob@example.test");
        var list = await here.GetAsync("/account/sessions");
        list.Says("Firefox on Linux").Says("this browser");
        var id = Browser.Hidden(list.Text, "/account/sessions")["session"];

        // Bob sends Ann's id with a token of his own.
        var token = Browser.Hidden((await bob.GetAsync("/account/password")).Text, "/account/password");
        token["session"] = id;
        (await bob.PostAsync("/account/sessions", token)).Is(HttpStatusCode.Forbidden);
        (await there.GetAsync("/account")).Is(HttpStatusCode.OK);
        var bobs = (await host.Directory.Accounts.FindAsync(EmailAddress.Parse("bob@example.test")))!.Id;
        Assert.False((await host.Directory.Sessions.EndAsync(bobs, id)).Ok);

        (await here.SubmitAsync(list, "/account/sessions")).GoesTo("/account/sessions?ended");
        (await there.GetAsync("/account")).GoesTo("/log-in");
        (await here.GetAsync("/account")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task All_others_end_at_once()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var here = await host.Browser().LogInAsync();
        var there = await host.Browser().LogInAsync();
        (await here.SubmitAsync("/account/sessions", null, "/account/sessions/end-others")).GoesTo("/account/sessions?ended");
        (await there.GetAsync("/account")).GoesTo("/log-in");
        (await here.GetAsync("/account")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task An_account_keeps_so_many_sessions_and_no_more()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var ann = (await host.Directory.Accounts.FindAsync(EmailAddress.Parse(TestHost.Ann)))!.Id;
        var first = await host.Browser().LogInAsync();
        for (var i = 0; i < WebSessions.PerAccountMax; i++)
        {
            host.Clock.Advance(TimeSpan.FromSeconds(1));
            (await host.Directory.Sessions.BeginAsync(ann, new Proven(LoginMethods.Password), new SessionOrigin(null, "x"))).Require();
        }
        Assert.Equal(WebSessions.PerAccountMax, (await host.Directory.Sessions.ListAsync(ann)).Count);
        (await first.GetAsync("/account")).GoesTo("/log-in");
    }
}
