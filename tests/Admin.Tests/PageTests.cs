using System.Net;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Admin.Tests;

public sealed class PageTests
{
    [Fact]
    public async Task The_first_page_says_what_to_type_into_a_mail_client()
    {
        await using var host = await TestHost.StartAsync();
        var page = (await host.OverHttps().GetAsync("/")).Is(HttpStatusCode.OK);
        Assert.Equal("text/html", page.MediaType);
        foreach (var word in new[] { "mail.example.test", "IMAP", "993", "SMTP", "465", "SSL/TLS", "STARTTLS", "587", "your whole e-mail address" })
        {
            Assert.Contains(word, page.Text, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("1.2.3", page.Text, StringComparison.Ordinal); // the version is for those who are let in
    }

    [Fact]
    public async Task Its_policy_allows_its_own_style_and_nothing_else()
    {
        await using var host = await TestHost.StartAsync();
        var page = await host.OverHttps().GetAsync("/");
        var style = page.Text.Split("<style>")[1].Split("</style>")[0];
        var policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.StartsWith("default-src 'none'; ", policy, StringComparison.Ordinal);
        Assert.Contains(Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style))), policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("style=", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page.Text, StringComparison.Ordinal);
        Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task A_path_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs()
    {
        await using var host = await TestHost.StartAsync();
        var people = await host.OverHttps().SendAsync(HttpMethod.Get, "/<script>", null, r => r.Headers.Add("Accept", "text/html,*/*;q=0.8"));
        Assert.Equal("text/html", people.Is(HttpStatusCode.NotFound).MediaType);
        Assert.DoesNotContain("script", people.Text, StringComparison.Ordinal);
        Assert.Equal("application/problem+json", (await host.OverHttps().GetAsync("/nothing")).Is(HttpStatusCode.NotFound).MediaType);
        (await host.OverHttps().PostAsync("/")).Is(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("mail.example.test", "https://mail.example.test/")]
    [InlineData("webmail.example.test:80", "https://webmail.example.test/")]
    [InlineData("[2001:db8::1]", "https://mail.example.test/")]
    [InlineData("evil.test/path?", "https://mail.example.test/")]
    public async Task Plain_HTTP_is_sent_to_HTTPS_but_health_is_not(string host, string target)
    {
        await using var server = await TestHost.StartAsync();
        server.Remote = IPAddress.Parse("198.51.100.7");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("Host", host);
        using var response = await server.OverHttp().Http.SendAsync(request);
        if (response.StatusCode == HttpStatusCode.BadRequest) return; // Kestrel takes no such Host
        Assert.Equal(HttpStatusCode.PermanentRedirect, response.StatusCode);
        Assert.Equal(target, response.Headers.Location?.ToString());
        (await server.OverHttp().GetAsync("/healthz")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_head_has_the_length_and_no_body()
    {
        await using var host = await TestHost.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Head, "/");
        using var response = await host.OverHttp().Http.SendAsync(request);
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
    public async Task Health_needs_nothing_and_readiness_names_what_is_not_ready()
    {
        var queueRuns = true;
        await using var host = await TestHost.StartAsync(parts => parts with
        {
            Checks =
            [
                new("queue", _ => ValueTask.FromResult(queueRuns)),
                new("listeners", _ => queueRuns ? new(true) : throw new IOException("no socket")),
            ],
        });
        (await host.OverHttp().GetAsync("/healthz")).Is(HttpStatusCode.OK);
        var ready = (await host.OverHttp().GetAsync("/readyz")).Is(HttpStatusCode.OK).Json!;
        Assert.True((bool)ready["checks"]!["database"]!);
        queueRuns = false;
        var not = (await host.OverHttp().GetAsync("/readyz")).Is(HttpStatusCode.ServiceUnavailable);
        Assert.False((bool)not.Json!["ready"]!);
        Assert.False((bool)not.Json["checks"]!["queue"]!);
        Assert.False((bool)not.Json["checks"]!["listeners"]!);
        Assert.DoesNotContain("no socket", not.Text, StringComparison.Ordinal);
        Assert.Contains("no socket", host.Log.Text, StringComparison.Ordinal);
        (await host.OverHttp().GetAsync("/healthz")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_check_that_does_not_answer_counts_as_not_ready_after_a_while()
    {
        var asked = new TaskCompletionSource();
        await using var host = await TestHost.StartAsync(parts => parts with
        {
            Checks = [new("queue", async _ =>
            {
                asked.SetResult();
                await new TaskCompletionSource().Task;
                return true;
            })],
        });
        var answer = host.OverHttp().GetAsync("/readyz");
        await asked.Task;
        host.Clock.Advance(AdminLimits.ReadinessTimeout);
        (await answer).Is(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task A_database_that_fails_is_a_problem_that_may_pass()
    {
        await using var host = await TestHost.StartAsync(parts => parts with { IsUnavailable = _ => true, VerifyBlobs = null! });
        await host.Db.DisposeAsync();
        var answer = (await host.OverSocket().GetAsync("/api/v1/domains")).Is(HttpStatusCode.ServiceUnavailable);
        Assert.True(answer.Headers.Contains("Retry-After"));
        Assert.Equal("temporarily-unavailable", (string?)answer.Json!["kind"]);
    }
}
