using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

/// <summary>The page on which people give their mail programs passwords.</summary>
public sealed partial class DeviceTests
{
    private const string New = "/account/devices/new";

    [Fact]
    public async Task A_password_is_made_shown_once_used_and_revoked()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        var shown = await browser.SubmitAsync(New, new Dictionary<string, string>
        {
            ["label"] = "Ann's <phone>",
            ["purpose"] = "read",
            ["lifetime"] = "90",
            ["networks"] = "192.0.2.0/24",
        });
        shown.Is(HttpStatusCode.OK).Says("Ann&#x27;s &lt;phone&gt;");
        var secret = string.Concat(Groups().Match(shown.Text).Groups[1].Captures.Select(static four => four.Value));
        Assert.Equal(32, secret.Length);
        Assert.DoesNotContain(secret, host.Log.Text, StringComparison.Ordinal);
        var imap = new LoginContext("imap", IPAddress.Parse("192.0.2.9"), true);
        Assert.True((await host.Directory.Authenticator.PasswordAsync(TestHost.Ann, Encoding.ASCII.GetBytes(secret), imap)).Ok);
        Assert.False((await host.Directory.Authenticator.PasswordAsync(
            TestHost.Ann, Encoding.ASCII.GetBytes(secret), imap with { Protocol = "smtp" })).Ok);
        var list = await browser.GetAsync("/account/devices");
        list.Is(HttpStatusCode.OK).Says("from 192.0.2.9 (IMAP)").Says("reading mail only").Says("only from 192.0.2.0/24");
        Assert.DoesNotContain(secret[6..], list.Text, StringComparison.Ordinal);
        (await browser.SubmitAsync("/account/devices", null, "/account/devices/revoke")).GoesTo("/account/devices?revoked");
        Assert.False((await host.Directory.Authenticator.PasswordAsync(TestHost.Ann, Encoding.ASCII.GetBytes(secret), imap)).Ok);
        Assert.DoesNotContain("Ann&#x27;s", (await browser.GetAsync("/account/devices")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "all", "")]
    [InlineData("Phone", "nothing", "")]
    [InlineData("Phone", "all", "everywhere")]
    public async Task What_cannot_be_made_is_told_on_the_form(string label, string purpose, string networks)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        var fields = new Dictionary<string, string> { ["label"] = label, ["purpose"] = purpose, ["lifetime"] = "never", ["networks"] = networks };
        (await browser.SubmitAsync(New, fields)).Is(HttpStatusCode.UnprocessableEntity).Says("There is a problem");
    }

    [Fact]
    public async Task It_takes_a_fresh_log_in_and_nobody_revokes_what_is_anothers()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        await host.AccountAsync("mallory@example.test");
        var browser = await host.Browser().LogInAsync();
        await browser.SubmitAsync(New, new Dictionary<string, string> { ["label"] = "Phone", ["purpose"] = "all", ["lifetime"] = "never" });
        var ann = (await host.Directory.Accounts.FindAsync(Core.EmailAddress.Parse(TestHost.Ann)))!;
        var id = Assert.Single(await host.Directory.AppPasswords.ListAsync(ann.Id)).Id;
        var mallory = await host.Browser().LogInAsync("mallory@example.test");
        await mallory.SubmitAsync(New, new Dictionary<string, string> { ["label"] = "Phone", ["purpose"] = "all", ["lifetime"] = "never" });
        await mallory.SubmitAsync("/account/devices", new Dictionary<string, string> { ["device"] = id }, "/account/devices/revoke");
        Assert.Null(Assert.Single(await host.Directory.AppPasswords.ListAsync(ann.Id)).RevokedAt);
        host.Clock.Advance(TimeSpan.FromMinutes(11));
        (await browser.GetAsync(New)).GoesTo("/log-in/again?next=%2Faccount%2Fdevices%2Fnew");
    }

    [GeneratedRegex("<p class=\"secret groups\">(?:<span>([a-z2-7]{4})</span>)+</p>")]
    private static partial Regex Groups();
}
