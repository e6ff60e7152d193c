using System.Net;

namespace Posthorn.Admin.Tests;

/// <summary>Reports of others and TLS with others, over the API; and the policy page.</summary>
public sealed class ReportTests : IAsyncLifetime
{
    private TestHost _host = null!;
    private TestClient _api = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TestHost.StartAsync();
        _api = _host.OverSocket();
        await _api.PostAsync("/api/v1/domains", """{"name":"example.test"}""");
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Reports_are_listed_shown_and_summed_up()
    {
        for (var i = 0; i < 3; i++) await _host.ReportAsync("example.test", $"r{i}");
        var first = (await _api.GetAsync("/api/v1/reports?limit=2")).Is(HttpStatusCode.OK).Json!;
        Assert.Equal(["r2", "r1"], first["items"]!.AsArray().Select(report => (string?)report!["identifier"]));
        var rest = (await _api.GetAsync($"/api/v1/reports?limit=2&after={first["next"]}")).Is(HttpStatusCode.OK).Json!;
        Assert.Equal("r0", (string?)Assert.Single(rest["items"]!.AsArray())!["identifier"]);
        Assert.Null(rest["next"]);
        Assert.Empty((await _api.GetAsync("/api/v1/reports?kind=tls")).Json!["items"]!.AsArray());
        (await _api.GetAsync("/api/v1/reports?kind=paper")).Is(HttpStatusCode.BadRequest);
        var shown = (await _api.GetAsync($"/api/v1/reports/{first["items"]![0]!["id"]}")).Is(HttpStatusCode.OK).Json!;
        Assert.Equal("reject", (string?)shown["aggregate"]!["policy"]!["p"]);
        Assert.Equal(3, (long)shown["aggregate"]!["records"]![0]!["count"]!);
        Assert.Equal("aggregate", (string?)shown["report"]!["kind"]);
        (await _api.GetAsync("/api/v1/reports/999")).Is(HttpStatusCode.NotFound);
        var summary = (await _api.GetAsync("/api/v1/reports/summary?domain=example.test")).Is(HttpStatusCode.OK).Json!;
        Assert.Equal((3, 9, 6), ((long)summary["reports"]!, (long)summary["passed"]!, (long)summary["failed"]!));
        Assert.Equal(["192.0.2.7", "198.51.100.9"], summary["sources"]!.AsArray().Select(source => (string?)source!["source"]));
        Assert.Equal(6, (long)summary["sources"]![1]!["enforced"]!);
        Assert.Equal(0, (long)(await _api.GetAsync("/api/v1/reports/summary?domain=example.test&since=2026-02-01")).Json!["reports"]!);
        (await _api.GetAsync("/api/v1/reports/summary")).Is(HttpStatusCode.BadRequest);
        (await _api.GetAsync("/api/v1/reports/summary?domain=example.test&since=today")).Is(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task The_operator_decides_about_tls_with_a_domain()
    {
        (await _api.PutAsync("/api/v1/tls-overrides/partner.test", """{"requirement":"dane-only"}""")).Is(HttpStatusCode.OK);
        var list = (await _api.GetAsync("/api/v1/tls-overrides")).Is(HttpStatusCode.OK).Json!["items"]!.AsArray();
        Assert.Equal(("partner.test", "dane-only"), ((string?)list[0]!["domain"], (string?)list[0]!["requirement"]));
        (await _api.PutAsync("/api/v1/tls-overrides/partner.test", """{"requirement":"perhaps"}""")).Is(HttpStatusCode.BadRequest);
        (await _api.DeleteAsync("/api/v1/tls-overrides/partner.test")).Is(HttpStatusCode.OK);
        (await _api.DeleteAsync("/api/v1/tls-overrides/partner.test")).Is(HttpStatusCode.NotFound);
        Assert.Empty((await _api.GetAsync("/api/v1/tls-results?day=2026-01-01")).Is(HttpStatusCode.OK).Json!["items"]!.AsArray());
        (await _api.GetAsync("/api/v1/tls-results?day=x")).Is(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task The_policy_of_a_domain_is_served_over_https_at_its_name()
    {
        async Task<(HttpStatusCode Status, string Text)> FetchAsync(TestClient client, string host)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/.well-known/mta-sts.txt") { Headers = { Host = host } };
            using var response = await client.Http.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }

        const string testing = "version: STSv1\r\nmode: testing\r\nmx: mail.example.test\r\nmax_age: 604800\r\n";
        Assert.Equal((HttpStatusCode.OK, testing), await FetchAsync(_host.OverHttps(), "mta-sts.example.test"));
        Assert.Equal(HttpStatusCode.NotFound, (await FetchAsync(_host.OverHttps(), "example.test")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await FetchAsync(_host.OverHttps(), "mta-sts.else.test")).Status);
        var before = (await _api.GetAsync("/api/v1/domains/example.test/mta-sts")).Is(HttpStatusCode.OK).Json!;
        var after = (await _api.PutAsync("/api/v1/domains/example.test/mta-sts", """{"mode":"enforce"}""")).Is(HttpStatusCode.OK).Json!;
        Assert.NotEqual((string?)before["record"], (string?)after["record"]); // others learn from the id that there is a new policy
        Assert.Contains("mode: enforce", (await FetchAsync(_host.OverHttps(), "MTA-STS.Example.Test")).Text, StringComparison.Ordinal);
        _host.Remote = IPAddress.Parse("198.51.100.7");
        Assert.Equal(HttpStatusCode.PermanentRedirect, (await FetchAsync(_host.OverHttp(), "mta-sts.example.test")).Status);
        (await _api.GetAsync("/api/v1/domains/else.test/mta-sts")).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task The_records_of_tls_are_among_those_to_publish()
    {
        var records = (await _api.GetAsync("/api/v1/domains/example.test/dns")).Json!["records"]!.AsArray();
        string? ValueOf(string type, string name) =>
            (string?)records.Single(r => (string?)r!["type"] == type && (string?)r["name"] == name)!["value"];
        Assert.StartsWith("\"v=STSv1; id=", ValueOf("TXT", "_mta-sts.example.test"), StringComparison.Ordinal);
        Assert.Equal("mail.example.test.", ValueOf("CNAME", "mta-sts.example.test"));
        Assert.Equal("\"v=TLSRPTv1; rua=mailto:tls-reports@example.test\"", ValueOf("TXT", "_smtp._tls.example.test"));
        await _api.PutAsync("/api/v1/domains/example.test/mta-sts", """{"mode":"none"}""");
        records = (await _api.GetAsync("/api/v1/domains/example.test/dns")).Json!["records"]!.AsArray();
        Assert.DoesNotContain(records, r => ((string)r!["name"]!).Contains("mta-sts", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_of_one_domain_sees_its_own_reports_only()
    {
        await _api.PostAsync("/api/v1/domains", """{"name":"other.test"}""");
        var mine = await _host.ReportAsync("example.test");
        var theirs = await _host.ReportAsync("other.test");
        var api = _host.OverHttps(await _host.TokenAsync(Directory.TokenScopes.Admin, "example.test"));
        Assert.Single((await api.GetAsync("/api/v1/reports")).Is(HttpStatusCode.OK).Json!["items"]!.AsArray());
        (await api.GetAsync($"/api/v1/reports/{mine}")).Is(HttpStatusCode.OK);
        (await api.GetAsync($"/api/v1/reports/{theirs}")).Is(HttpStatusCode.NotFound);
        (await api.GetAsync("/api/v1/reports?domain=other.test")).Is(HttpStatusCode.Forbidden);
        (await api.GetAsync("/api/v1/reports/summary?domain=other.test")).Is(HttpStatusCode.Forbidden);
        (await api.GetAsync("/api/v1/tls-overrides")).Is(HttpStatusCode.Forbidden);
    }
}
