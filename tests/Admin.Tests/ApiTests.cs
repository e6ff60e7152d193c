using System.Net;
using System.Text.Json.Nodes;
using Posthorn.Directory;

namespace Posthorn.Admin.Tests;

/// <summary>What the API does, asked over the admin socket. Every answer is held against the OpenAPI document on the way.</summary>
public sealed class ApiTests : IAsyncLifetime
{
    private TestHost _host = null!;
    private TestClient _api = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TestHost.StartAsync();
        _api = _host.OverSocket();
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_domain_comes_changes_and_goes()
    {
        var added = (await _api.PostAsync("/api/v1/domains", """{"name":"BÜCHER.example"}""")).Is(HttpStatusCode.Created).Json!;
        Assert.Equal("xn--bcher-kva.example", (string?)added["name"]);
        Assert.Equal("bücher.example", (string?)added["displayName"]);
        (await _api.PostAsync("/api/v1/domains", """{"name":"bücher.example"}""")).Is(HttpStatusCode.Conflict);
        var path = "/api/v1/domains/" + Uri.EscapeDataString("bücher.example");
        var changed = (await _api.PatchAsync(path, """{"plusAddressing":false,"catchAll":"all@else.test"}""")).Is(HttpStatusCode.OK).Json!;
        Assert.False((bool)changed["plusAddressing"]!);
        Assert.Equal("all@else.test", (string?)changed["catchAll"]);
        Assert.Null((await _api.PatchAsync(path, """{"catchAll":""}""")).Json!["catchAll"]);
        Assert.Single((await _api.GetAsync("/api/v1/domains")).Json!["items"]!.AsArray());
        (await _api.DeleteAsync(path)).Is(HttpStatusCode.OK);
        (await _api.GetAsync(path)).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task An_account_lives_its_life()
    {
        await _api.PostAsync("/api/v1/domains", """{"name":"example.test"}""");
        var body = """
            {"address":"Ann@example.test","password":"correct horse","name":"Ann","role":"domain-admin","quota":{"bytes":1000,"messages":null},
            "aliases":["info@example.test"]}
            """;
        var added = (await _api.PostAsync("/api/v1/accounts", body)).Is(HttpStatusCode.Created).Json!;
        Assert.Equal(["info@example.test"], added["aliases"]!.AsArray().Select(alias => (string?)alias));
        Assert.Equal("domain-admin", (string?)added["role"]);
        Assert.Equal(1000, (long)added["quota"]!["bytes"]!);
        Assert.Equal(0, (long)added["usage"]!["messages"]!);
        const string path = "/api/v1/accounts/ann@example.test";
        Assert.Equal("disabled", (string?)(await _api.PostAsync(path + "/disable")).Json!["state"]);
        Assert.Equal("active", (string?)(await _api.PostAsync(path + "/enable")).Json!["state"]);
        (await _api.PutAsync(path + "/password", """{"password":"another horse"}""")).Is(HttpStatusCode.OK);
        (await _api.PatchAsync(path, """{"name":"Anne","quota":{"bytes":null,"messages":5}}""")).Is(HttpStatusCode.OK);
        Assert.Equal("removed", (string?)(await _api.DeleteAsync(path)).Json!["state"]);
        Assert.Equal("active", (string?)(await _api.PostAsync(path + "/restore")).Json!["state"]);
        var shown = (await _api.GetAsync(path)).Json!;
        Assert.Equal("Anne", (string?)shown["name"]);
        Assert.Equal(5, (long)shown["quota"]!["messages"]!);
    }

    [Fact]
    public async Task A_new_password_logs_in_and_the_old_one_does_not()
    {
        await _host.AccountAsync("ann@example.test");
        (await _api.PutAsync("/api/v1/accounts/ann@example.test/password", """{"password":"another horse"}""")).Is(HttpStatusCode.OK);
        var from = new LoginContext("imap", null, true);
        using var right = new PasswordCredentials("ann@example.test", "another horse"u8.ToArray());
        using var wrong = new PasswordCredentials("ann@example.test", "a long password"u8.ToArray());
        Assert.True((await _host.Directory.Authenticator.AuthenticateAsync(right, from)).Ok);
        Assert.False((await _host.Directory.Authenticator.AuthenticateAsync(wrong, from)).Ok);
    }

    [Fact]
    public async Task A_password_stands_in_no_answer_and_in_no_log()
    {
        await _api.PostAsync("/api/v1/domains", """{"name":"example.test"}""");
        string[] bodies =
        [
            """{"address":"x@example.test","password":"s3cret-word"}""", """{"address":"x@example.test","password":"s3cret-word"}""",
            """{"address":"y@example.test","password":["s3cret-word"]}""", """{"address":"y@example.test","pass":"s3cret-word"}""",
            """{"address":"y@example.test","password":"s3cret-word""",
        ];
        foreach (var body in bodies)
        {
            Assert.DoesNotContain("s3cret-word", (await _api.PostAsync("/api/v1/accounts", body)).Text, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("s3cret-word", _host.Log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/b@example.test")]
    [InlineData("a%2Fb@example.test")]
    [InlineData("a%b@example.test")]
    [InlineData("\"a b\"@example.test")]
    [InlineData("a+b@example.test")]
    [InlineData("a?b#c@example.test")]
    [InlineData("jörg@example.test")]
    [InlineData("..%2f@example.test", false)]
    public async Task Any_address_can_be_named_in_a_path(string address, bool valid = true)
    {
        await _api.PostAsync("/api/v1/domains", """{"name":"example.test"}""");
        var body = new JsonObject { ["address"] = address, ["targets"] = new JsonArray("ann@else.test") };
        (await _api.PostAsync("/api/v1/aliases", body.ToJsonString())).Is(valid ? HttpStatusCode.Created : HttpStatusCode.BadRequest);
        if (!valid) return;
        var shown = (await _api.GetAsync("/api/v1/aliases/" + Uri.EscapeDataString(address))).Is(HttpStatusCode.OK).Json!;
        Assert.Equal(address, (string?)shown["address"]);
        (await _api.DeleteAsync("/api/v1/aliases/" + Uri.EscapeDataString(address))).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task An_alias_gets_other_targets()
    {
        await _api.PostAsync("/api/v1/domains", """{"name":"example.test"}""");
        await _api.PostAsync("/api/v1/aliases", """{"address":"info@example.test","targets":["a@else.test"]}""");
        var changed = (await _api.PutAsync("/api/v1/aliases/info@example.test", """{"targets":["b@else.test","c@else.test"]}""")).Json!;
        Assert.Equal(["b@else.test", "c@else.test"], changed["targets"]!.AsArray().Select(target => (string?)target));
        Assert.Single((await _api.GetAsync("/api/v1/aliases?domain=example.test")).Json!["items"]!.AsArray());
        Assert.Empty((await _api.GetAsync("/api/v1/aliases?domain=else.test")).Json!["items"]!.AsArray());
    }

    [Fact]
    public async Task A_list_comes_page_by_page_and_whole()
    {
        for (var i = 0; i < 5; i++) await _host.AccountAsync($"u{i}@example.test");
        var (seen, after) = (new List<string>(), "");
        do
        {
            var page = (await _api.GetAsync("/api/v1/accounts?limit=2" + after)).Is(HttpStatusCode.OK).Json!;
            seen.AddRange(page["items"]!.AsArray().Select(item => (string)item!["address"]!));
            after = (string?)page["next"] is { } next ? "&after=" + Uri.EscapeDataString(next) : "";
        }
        while (after.Length > 0);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"u{i}@example.test"), seen);
        (await _api.GetAsync("/api/v1/accounts?limit=0")).Is(HttpStatusCode.BadRequest);
        (await _api.GetAsync("/api/v1/accounts?limit=1001")).Is(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task The_queue_is_shown_and_worked_on()
    {
        Assert.Equal("[]", (await _api.GetAsync("/api/v1/queue")).Json!["items"]!.ToJsonString());
        await _host.QueueAsync("ann@example.test", "bob@else.test");
        var entry = Assert.Single((await _api.GetAsync("/api/v1/queue")).Json!["items"]!.AsArray())!;
        Assert.Equal("ann@example.test", (string?)entry["sender"]);
        Assert.Equal("bob@else.test", (string?)entry["recipient"]);
        Assert.Equal("else.test", (string?)entry["domain"]);
        Assert.Equal("waiting", (string?)entry["state"]);
        var path = $"/api/v1/queue/{entry["id"]}";
        Assert.Equal("held", (string?)(await _api.PostAsync(path + "/hold")).Is(HttpStatusCode.OK).Json!["state"]);
        Assert.Equal("waiting", (string?)(await _api.PostAsync(path + "/release")).Is(HttpStatusCode.OK).Json!["state"]);
        (await _api.PostAsync(path + "/retry")).Is(HttpStatusCode.OK);
        (await _api.GetAsync(path)).Is(HttpStatusCode.OK);
        (await _api.PostAsync(path + "/cancel")).Is(HttpStatusCode.OK);
        (await _api.GetAsync(path)).Is(HttpStatusCode.NotFound);
        (await _api.PostAsync("/api/v1/queue/not-a-number/retry")).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_token_is_issued_once_and_revoked()
    {
        const string wanted = """{"scopes":["admin","metrics"],"label":"x","lifetimeSeconds":60,"allowIp":["127.0.0.0/8"]}""";
        var issued = (await _api.PostAsync("/api/v1/tokens", wanted)).Is(HttpStatusCode.Created).Json!;
        var secret = (string)issued["secret"]!;
        (await _host.OverHttps(secret).GetAsync("/api/v1/domains")).Is(HttpStatusCode.OK);
        var listed = await _api.GetAsync("/api/v1/tokens");
        Assert.Equal("127.0.0.0/8", (string?)Assert.Single(listed.Json!["items"]!.AsArray())!["allowIp"]![0]);
        Assert.DoesNotContain(secret, listed.Text, StringComparison.Ordinal);
        (await _api.DeleteAsync($"/api/v1/tokens/{issued["id"]}")).Is(HttpStatusCode.OK);
        (await _host.OverHttps(secret).GetAsync("/api/v1/domains")).Is(HttpStatusCode.Unauthorized);
        Assert.DoesNotContain(secret, _host.Log.Text, StringComparison.Ordinal);
        (await _api.PostAsync("/api/v1/tokens", """{"scopes":["everything"]}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/tokens", """{"scopes":["admin"],"lifetimeSeconds":9223372036854775807}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/tokens", """{"scopes":[]}""")).Is(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_rule_is_made_listed_and_removed()
    {
        const string wanted = """{"action":"add-header","position":7,"sender":"*@news.test","header":"Subject: *sale*","text":"X-News: yes"}""";
        var added = (await _api.PostAsync("/api/v1/rules", wanted)).Is(HttpStatusCode.Created).Json!;
        (await _api.PostAsync("/api/v1/rules", """{"action":"reject","position":3,"network":"192.0.2.7","text":"no"}""")).Is(HttpStatusCode.Created);
        var listed = (await _api.GetAsync("/api/v1/rules")).Json!["items"]!.AsArray();
        Assert.Equal(["192.0.2.7/32", null], listed.Select(rule => (string?)rule!["network"]));
        Assert.Equal(["reject", "add-header"], listed.Select(rule => (string?)rule!["action"]));
        (await _api.DeleteAsync($"/api/v1/rules/{added["id"]}")).Is(HttpStatusCode.OK);
        (await _api.DeleteAsync($"/api/v1/rules/{added["id"]}")).Is(HttpStatusCode.NotFound);
        (await _api.PostAsync("/api/v1/rules", """{"action":"reject"}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/rules", """{"action":"discard","listener":"imap"}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/rules", """{"action":"add-header","text":"no field"}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/rules", """{"action":"discard","header":"no field"}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/rules", """{"action":"discard","position":-1}""")).Is(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_network_is_banned_listed_and_served_again()
    {
        const string wanted = """{"network":"192.0.2.0/24","reason":"x","lifetimeSeconds":60}""";
        var added = (await _api.PostAsync("/api/v1/bans", wanted)).Is(HttpStatusCode.Created);
        Assert.Equal("192.0.2.0/24", (string?)added.Json!["network"]);
        (await _api.PostAsync("/api/v1/bans", """{"network":"2001:db8::7"}""")).Is(HttpStatusCode.Created);
        var listed = (await _api.GetAsync("/api/v1/bans")).Json!["items"]!.AsArray();
        Assert.Equal(["192.0.2.0/24", "2001:db8::7/128"], listed.Select(ban => (string?)ban!["network"]));
        (await _api.DeleteAsync("/api/v1/bans/192.0.2.0%2F24")).Is(HttpStatusCode.OK);
        (await _api.DeleteAsync("/api/v1/bans/192.0.2.0%2F24")).Is(HttpStatusCode.NotFound);
        (await _api.PostAsync("/api/v1/bans", """{"network":"192.0.2.1/24"}""")).Is(HttpStatusCode.BadRequest);
        (await _api.PostAsync("/api/v1/bans", """{"network":"192.0.2.1","lifetimeSeconds":0}""")).Is(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task The_dns_records_are_compared_with_what_is_published()
    {
        await _api.PostAsync("/api/v1/domains", """{"name":"example.test"}""");
        var records = (await _api.GetAsync("/api/v1/domains/example.test/dns")).Is(HttpStatusCode.OK).Json!["records"]!.AsArray();
        string StateOf(string type, string name) =>
            (string)records.Single(r => (string?)r!["type"] == type && ((string)r["name"]!).StartsWith(name, StringComparison.Ordinal))!["state"]!;
        Assert.Equal("published", StateOf("MX", "example.test"));
        Assert.Equal("published", StateOf("A", "mail.example.test"));
        Assert.Equal("different", StateOf("PTR", "1.2.0.192"));
        Assert.Equal("published", StateOf("TXT", "example.test"));
        Assert.Equal("published", StateOf("SRV", "_imaps._tcp"));
        Assert.Equal("different", StateOf("SRV", "_submissions._tcp"));
        Assert.Equal("missing", StateOf("SRV", "_submission._tcp"));
        (await _api.GetAsync("/api/v1/domains/else.test/dns")).Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_makes_no_sense_is_a_problem_that_says_so()
    {
        await Problem(HttpStatusCode.NotFound, "not-found", _api.GetAsync("/api/v1/nothing"));
        await Problem(HttpStatusCode.NotFound, "not-found", _api.GetAsync("/api/v1"));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.GetAsync("/api/v1/domains?domian=x"));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.GetAsync("/api/v1/accounts/nobody"));
        await Problem(HttpStatusCode.NotFound, "not-found", _api.GetAsync("/api/v1/accounts/nobody@example.test"));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/domains", "{"));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/domains", "null"));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/domains", "{}"));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/domains", """{"name":null}"""));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/domains", """{"name":"a.test","nmae":1}"""));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/accounts", """{"address":"a@a.test","role":2}"""));
        await Problem(HttpStatusCode.BadRequest, "invalid", _api.PostAsync("/api/v1/domains"));
        var large = $$"""{"name":"{{new string('a', AdminLimits.BodyOctetsMax)}}"}""";
        await Problem(
            HttpStatusCode.RequestEntityTooLarge, "too-large",
            _api.SendAsync(HttpMethod.Post, "/api/v1/domains", large, request => request.Headers.ExpectContinue = true));
        var wrongVerb = await _api.PutAsync("/api/v1/domains", "{}");
        wrongVerb.Is(HttpStatusCode.MethodNotAllowed);
    }

    [Fact]
    public async Task A_method_that_is_not_allowed_hears_which_are()
    {
        using var response = await _api.Http.PutAsync(new Uri("/api/v1/domains", UriKind.Relative), null);
        Assert.Equal(["GET", "POST"], response.Content.Headers.Allow);
    }

    private static async Task Problem(HttpStatusCode status, string kind, Task<Answer> asked)
    {
        var answer = (await asked).Is(status);
        Assert.Equal("application/problem+json", answer.MediaType);
        Assert.Equal(kind, (string?)answer.Json!["kind"]);
        Assert.Equal((int)status, (int)answer.Json["status"]!);
        Assert.NotEmpty((string)answer.Json["detail"]!);
    }
}
