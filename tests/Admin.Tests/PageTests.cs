using System.Net;
using Posthorn.Core;

namespace Posthorn.Admin.Tests;

public sealed class PageTests
{
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
