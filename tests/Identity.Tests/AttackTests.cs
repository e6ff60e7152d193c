using System.Net;
using System.Text;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity.Tests;

public sealed class AttackTests
{
    public static TheoryData<string> Forms =>
        [.. Routes.All.Where(route => route is { Method: "POST", Entry: not Entry.Program }).Select(route => route.Path)];

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task A_form_of_another_site_is_not_taken(string path)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var route = Routes.All.Single(route => route.Method == "POST" && route.Path == path);
        var browser = host.Browser();
        if (route.Entry is not Entry.Anyone) await host.EnterAsync(browser, route.Entry);
        else await browser.GetAsync("/log-in");
        // A token is good for its own path only.
        var (page, action) = route.Entry is Entry.Anyone or Entry.Halfway ? ("/log-in", "/log-in") : ("/account", "/log-out");

        (await browser.PostAsync(path, [])).Is(HttpStatusCode.Forbidden).Says("The form could not be taken");
        (await browser.PostAsync(path, [new("form-token", new string('A', 43))])).Is(HttpStatusCode.Forbidden).Says("The form could not be taken");
        if (path != action && route.Entry is not Entry.Halfway)
        {
            var other = Browser.Hidden((await browser.GetAsync(page)).Text, action);
            (await browser.PostAsync(path, other)).Is(HttpStatusCode.Forbidden).Says("The form could not be taken");
        }
    }

    [Theory]
    [InlineData("https://evil.test", "cross-site")]
    [InlineData("https://evil.test", null)]
    [InlineData(null, "same-site")]
    [InlineData(null, "none")]
    [InlineData("null", null)]
    [InlineData(null, null)]
    public async Task A_right_token_from_a_wrong_place_is_not_taken(string? origin, string? site)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        var fields = Browser.Hidden((await browser.GetAsync("/account")).Text, "/log-out");
        var answer = await browser.PostAsync("/log-out", fields, request =>
        {
            request.Headers.Remove("Origin");
            request.Headers.Remove("Sec-Fetch-Site");
            if (origin is not null) request.Headers.Add("Origin", origin);
            if (site is not null) request.Headers.Add("Sec-Fetch-Site", site);
        });
        answer.Is(HttpStatusCode.Forbidden);
        (await browser.GetAsync("/account")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_token_of_another_session_or_another_browser_is_not_taken()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var mallory = await host.Browser().LogInAsync();
        var victim = await host.Browser().LogInAsync();
        var fields = Browser.Hidden((await mallory.GetAsync("/account")).Text, "/log-out");
        (await victim.PostAsync("/log-out", fields)).Is(HttpStatusCode.Forbidden);
        // Even with mallory's form cookie planted beside it.
        victim.SetCookie("__Host-posthorn-form", mallory.Cookie("__Host-posthorn-form")!);
        (await victim.PostAsync("/log-out", fields)).Is(HttpStatusCode.Forbidden);
        (await victim.GetAsync("/account")).Is(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("https://evil.test/")]
    [InlineData("//evil.test/")]
    [InlineData("/\\evil.test/")]
    [InlineData("/\t/evil.test/")]
    [InlineData("/%0d%0aLocation:evil")]
    [InlineData("\\\\evil.test")]
    [InlineData("javascript:alert(1)")]
    [InlineData("/account\r\nSet-Cookie: a=b")]
    [InlineData("/account@evil.test")]
    [InlineData("account")]
    [InlineData("/log-out")]
    [InlineData("/log-in")]
    [InlineData("/nothing")]
    [InlineData("/account#\"><script>")]
    [InlineData("")]
    public async Task A_log_in_leads_to_no_page_but_ours(string next)
    {
        Assert.False(ReturnTarget.TryParse(next, out _));
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = host.Browser();
        var fields = new Dictionary<string, string> { ["name"] = TestHost.Ann, ["password"] = TestHost.Password, ["next"] = next };
        (await browser.SubmitAsync("/log-in?next=" + Uri.EscapeDataString(next), fields, "/log-in")).GoesTo("/account");
        (await browser.GetAsync("/log-in?next=" + Uri.EscapeDataString(next))).GoesTo("/account");
    }

    [Fact]
    public async Task A_log_in_leads_back_to_the_page_that_was_wanted()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = host.Browser();
        var wanted = (await browser.GetAsync("/account/sessions?a=b%20c&d=%2F")).Is(HttpStatusCode.SeeOther).Location!;
        var fields = new Dictionary<string, string> { ["name"] = TestHost.Ann, ["password"] = "wrong wrong" };
        var wrong = (await browser.SubmitAsync(wanted, fields, "/log-in")).Is(HttpStatusCode.Forbidden);
        fields["password"] = TestHost.Password;
        (await browser.SubmitAsync(wrong, "/log-in", fields)).GoesTo("/account/sessions?a=b%20c&d=%2F");
    }

    [Fact]
    public async Task Nothing_tells_whether_an_account_exists()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        await host.AccountAsync("gone@example.test");
        (await host.Directory.Accounts.DisableAsync(Authority.System, EmailAddress.Parse("gone@example.test"))).Require();
        var texts = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in new[] { TestHost.Ann, "nobody@example.test", "nobody@elsewhere.test", "gone@example.test", "no address" })
        {
            var answer = await host.Browser().TryLogInAsync(name, "wrong wrong");
            answer.Is(HttpStatusCode.Forbidden);
            var text = answer.Text.Replace(WebUtility.HtmlEncode(name), "NAME", StringComparison.Ordinal);
            texts.Add(System.Text.RegularExpressions.Regex.Replace(text, "[A-Za-z0-9_-]{43,}", "TOKEN"));
        }
        Assert.Single(texts);
    }

    [Fact]
    public async Task The_time_of_an_answer_does_not_tell_whether_an_account_exists()
    {
        await using var host = await (await TestHost.StartAsync(cost: Argon2Cost.Default)).WithAnnAsync();
        var browser = host.Browser();
        var page = await browser.GetAsync("/log-in");
        var times = new Dictionary<string, List<double>> { [TestHost.Ann] = [], ["nobody@example.test"] = [], ["no address"] = [] };
        for (var round = 0; round < 12; round++)
        {
            foreach (var (name, list) in times)
            {
                var began = System.Diagnostics.Stopwatch.GetTimestamp();
                await browser.SubmitAsync(page, "/log-in", new Dictionary<string, string> { ["name"] = name, ["password"] = "wrong wrong" });
                list.Add(System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }
        // Without the hash that is made for nobody, the least of the others would be twenty times smaller.
        var least = times.Values.Select(list => list.Min()).ToList();
        Assert.True(least.Max() < 2 * least.Min(), string.Join(' ', least));
    }

    [Theory]
    [InlineData("ANN@EXAMPLE.TEST")]
    [InlineData("  ann@example.test ")]
    [InlineData("Ann@Example.Test")]
    public async Task A_name_is_the_same_in_any_case(string name)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        await host.Browser().LogInAsync(name);
    }

    [Theory]
    [InlineData("\u0430nn@example.test")] // a Cyrillic a
    [InlineData("\uFF41nn@example.test")] // a full-width a
    [InlineData("ann\u200B@example.test")] // a space of no width
    [InlineData("a\u0301nn@example.test")]
    [InlineData("ann@ex\u0430mple.test")]
    public async Task A_name_that_only_looks_the_same_is_another(string name)
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var answer = await host.Browser().TryLogInAsync(name, TestHost.Password);
        answer.Is(HttpStatusCode.Forbidden);
        // And it can be an account of its own, or none at all, but never Ann's.
        if (EmailAddress.TryParse(name, out var address) && address.Domain == Domain.Parse("example.test"))
        {
            var wanted = new NewAccount(address) { Password = Encoding.UTF8.GetBytes("their password") };
            var other = await host.Directory.Accounts.AddAsync(Authority.System, wanted);
            if (other.Ok)
            {
                var browser = await host.Browser().LogInAsync(name, "their password");
                Assert.DoesNotContain("ann@example.test<", (await browser.GetAsync("/account")).Text, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Guessing_is_slowed_and_does_not_keep_the_owner_out()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        host.Remote = IPAddress.Parse("192.0.2.9");
        await host.Browser().LogInAsync();
        for (var network = 0; network < 15; network++)
        {
            host.Remote = IPAddress.Parse($"198.51.100.{network}");
            var guesser = host.Browser();
            for (var i = 0; i < 9; i++)
            {
                var answer = await guesser.TryLogInAsync(TestHost.Ann, "guess guess");
                Assert.True(answer.Status is HttpStatusCode.Forbidden or HttpStatusCode.TooManyRequests);
            }
        }
        var late = await host.Browser().TryLogInAsync(TestHost.Ann, TestHost.Password);
        late.Is(HttpStatusCode.TooManyRequests);
        host.Remote = IPAddress.Parse("192.0.2.9");
        await host.Browser().LogInAsync();
    }

    [Fact]
    public async Task A_form_that_is_too_long_is_refused_before_it_is_kept()
    {
        await using var host = await TestHost.StartAsync();
        var browser = host.Browser();
        await browser.GetAsync("/log-in");
        (await browser.PostAsync("/log-in", [new("name", new string('a', 70_000))])).Is(HttpStatusCode.RequestEntityTooLarge);
        (await browser.PostAsync("/log-in", Enumerable.Range(0, 200).Select(i => new KeyValuePair<string, string>($"f{i}", "x"))))
            .Is(HttpStatusCode.RequestEntityTooLarge);
        using var other = new HttpRequestMessage(HttpMethod.Post, "/log-in") { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
        (await browser.SendAsync(other)).Is(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task What_a_browser_says_of_itself_does_no_harm()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = host.Browser();
        browser.Http.DefaultRequestHeaders.Remove("User-Agent");
        browser.Http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "<script>alert(1)</script>" + new string('x', 1000));
        await browser.LogInAsync();
        var page = await browser.GetAsync("/account/sessions");
        Assert.DoesNotContain("alert", page.Text, StringComparison.Ordinal);
        var ann = (await host.Directory.Accounts.FindAsync(EmailAddress.Parse(TestHost.Ann)))!.Id;
        Assert.Equal(WebSessions.AgentCharactersMax, (await host.Directory.Sessions.ListAsync(ann))[0].Origin.Agent.Length);
    }
}
