using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Identity.Tests;

public sealed class PageTests
{
    [Fact]
    public async Task The_first_page_says_what_to_type_into_a_mail_client_and_leads_to_the_log_in()
    {
        await using var host = await TestHost.StartAsync();
        var page = (await host.Browser().GetAsync("/")).Is(HttpStatusCode.OK);
        Assert.Equal("text/html", page.MediaType);
        foreach (var word in new[] { "mail.example.test", "IMAP", "993", "SMTP", "465", "SSL/TLS", "STARTTLS", "587", "your whole e-mail address" })
        {
            page.Says(word);
        }
        page.Says("href=\"/account\"");
        Assert.DoesNotContain("1.2.3", page.Text, StringComparison.Ordinal); // the version is for those who are let in
    }

    [Fact]
    public async Task A_page_allows_its_own_style_and_nothing_else_and_stands_in_no_frame()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        foreach (var route in Routes.All.Where(Entered))
        {
            var page = await browser.GetAsync(route.Path);
            if (page.Status == HttpStatusCode.SeeOther) continue;
            page.Is(HttpStatusCode.OK);
            var style = page.Text.Split("<style>")[1].Split("</style>")[0];
            var policy = page.Headers.GetValues("Content-Security-Policy").Single();
            Assert.StartsWith("default-src 'none'; ", policy, StringComparison.Ordinal);
            Assert.Contains(Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style))), policy, StringComparison.Ordinal);
            Assert.EndsWith("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("style=", page.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(" onclick", page.Text, StringComparison.Ordinal);
            Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("DENY", page.Headers.GetValues("X-Frame-Options").Single());
            Assert.Equal("same-origin", page.Headers.GetValues("Referrer-Policy").Single());
            Assert.True(page.Headers.CacheControl!.NoStore);
            Assert.StartsWith("max-age=", page.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
        }
    }

    private static bool Entered(Route route) =>
        route is { Method: "GET", Entry: not (Entry.Program or Entry.Halfway) } && !route.Path.EndsWith("{key}", StringComparison.Ordinal);

    [Fact]
    public async Task A_path_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs()
    {
        await using var host = await TestHost.StartAsync();
        var browser = host.Browser();
        var people = (await browser.GetAsync("/<script>alert(1)")).Is(HttpStatusCode.NotFound);
        Assert.Equal("text/html", people.MediaType);
        Assert.DoesNotContain("alert", people.Text, StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/nothing");
        request.Headers.Add("Accept", "application/json");
        browser.Http.DefaultRequestHeaders.Remove("Accept");
        Assert.Equal("application/problem+json", (await browser.SendAsync(request)).Is(HttpStatusCode.NotFound).MediaType);
        (await browser.PostAsync("/", [])).Is(HttpStatusCode.MethodNotAllowed);
    }

    [Fact]
    public async Task A_head_has_the_length_and_no_body()
    {
        await using var host = await TestHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Head, "/");
        using var response = await host.Browser().Http.SendAsync(request);
        Assert.True(response.Content.Headers.ContentLength > 1000);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public void What_is_put_into_markup_is_encoded()
    {
        var evil = "<b a='\"&";
        Assert.Equal("<p title=\"&lt;b a=&#x27;&quot;&amp;\">1</p>", Html.Of($"<p title=\"{evil}\">{1}</p>").ToString());
        Assert.Equal("<i>&lt;</i>", Html.Of($"<i>{Html.Of($"{"<"}")}</i>").ToString());
    }

    [Fact]
    public async Task What_went_wrong_inside_stands_in_the_log_only()
    {
        await using var host = await (await TestHost.StartAsync()).WithAnnAsync();
        var browser = await host.Browser().LogInAsync();
        await host.Db.DisposeAsync();
        var page = await browser.GetAsync("/account");
        Assert.True((int)page.Status >= 500);
        Assert.DoesNotContain("Exception", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(" at ", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_shown_or_taken_in_the_clear_but_on_this_machine()
    {
        await using var host = await TestHost.StartAsync();
        (await host.Browser("http").GetAsync("/log-in")).Is(HttpStatusCode.OK);
        host.Remote = IPAddress.Parse("198.51.100.7");
        (await host.Browser("http").GetAsync("/log-in")).Is(HttpStatusCode.Forbidden).Says("not encrypted");
        (await host.Browser("http").PostAsync("/log-in", [])).Is(HttpStatusCode.Forbidden);
        host.Remote = null;
        using var forwarded = new HttpRequestMessage(HttpMethod.Get, "/log-in");
        forwarded.Headers.Add("X-Forwarded-For", "198.51.100.7");
        (await host.Browser("http").SendAsync(forwarded)).Is(HttpStatusCode.Forbidden);
    }
}
