using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

public sealed class LinkTests
{
    private static readonly EmailAddress Ann = EmailAddress.Parse(TestHost.Ann);

    [Fact]
    public async Task A_link_sets_a_password_once()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var open = await host.Browser().LogInAsync();
        var link = (await host.Directory.PasswordLinks.AddAsync(Authority.System, Ann)).Require();
        var path = "/password-link/" + link.Secret;
        var browser = host.Browser();
        (await browser.GetAsync(path)).Is(HttpStatusCode.OK).Says("ann@example.test");
        (await browser.GetAsync(path)).Is(HttpStatusCode.OK); // a program that looks at mail has opened it first
        (await browser.SubmitAsync(path, Twice("short"))).Is(HttpStatusCode.UnprocessableEntity).Says("at least 8 characters");
        (await browser.SubmitAsync(path, Twice("a chosen password"))).GoesTo("/log-in?set");
        (await open.GetAsync("/account")).GoesTo("/log-in");
        (await browser.GetAsync(path)).Is(HttpStatusCode.NotFound).Says("used already");
        (await browser.TryLogInAsync(TestHost.Ann, TestHost.Password)).Is(HttpStatusCode.Forbidden);
        await browser.LogInAsync(password: "a chosen password");
        Assert.DoesNotContain(link.Secret, host.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("a chosen password", host.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(link.Secret, link.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_ends_with_its_time_with_a_newer_one_with_a_password_and_with_the_account()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var links = host.Directory.PasswordLinks;
        var old = (await links.AddAsync(Authority.System, Ann)).Require();
        host.Clock.Advance(PasswordLinks.LifetimeDefault);
        Assert.False((await links.FindAsync(old.Secret)).Ok);
        var first = (await links.AddAsync(Authority.System, Ann)).Require();
        var second = (await links.AddAsync(Authority.System, Ann)).Require();
        Assert.False((await links.FindAsync(first.Secret)).Ok);
        Assert.True((await links.FindAsync(second.Secret)).Ok);
        (await host.Directory.Accounts.SetPasswordAsync(Authority.System, Ann, Encoding.UTF8.GetBytes("set by hand"))).Require();
        Assert.False((await links.FindAsync(second.Secret)).Ok);
        var third = (await links.AddAsync(Authority.System, Ann)).Require();
        (await host.Directory.Accounts.DisableAsync(Authority.System, Ann)).Require();
        Assert.False((await links.UseAsync(third.Secret, Encoding.UTF8.GetBytes("a chosen password"))).Ok);
    }

    [Fact]
    public async Task A_link_goes_no_further_than_who_made_it()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        (await host.Directory.Accounts.ChangeAsync(Authority.System, Ann, new AccountChange { Role = Role.Admin })).Require();
        var domain = Authority.OverDomain("bob", Ann.Domain);
        Assert.Equal(RefusalKind.Forbidden, (await host.Directory.PasswordLinks.AddAsync(domain, Ann)).Refusal!.Kind);
        Assert.Equal(RefusalKind.Invalid, (await host.Directory.PasswordLinks.AddAsync(Authority.System, Ann, TimeSpan.FromDays(31))).Refusal!.Kind);
        (await host.Browser().GetAsync("/password-link/" + new string('A', 43))).Is(HttpStatusCode.NotFound);
        (await host.Browser().GetAsync("/password-link/x")).Is(HttpStatusCode.NotFound);
    }

    private static Dictionary<string, string> Twice(string password) => new() { ["new-password"] = password, ["again"] = password };
}
