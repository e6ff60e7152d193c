using System.Net;
using System.Net.Sockets;
using System.Text;
using Posthorn.Directory;

namespace Posthorn.Admin.Tests;

/// <summary>Who gets in, tried as somebody who should not.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class DoorTests : IAsyncLifetime
{
    private const string Whole = "?all=true";

    private static readonly IPAddress Stranger = IPAddress.Parse("198.51.100.7");

    private TestHost _host = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TestHost.StartAsync();
        await _host.AccountAsync("boss@example.test", Role.Admin);
        await _host.AccountAsync("ann@example.test");
        await _host.AccountAsync("bob@other.test");
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task Only_the_owner_may_open_the_socket()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_host.SocketPath));
        (await _host.OverSocket().GetAsync("/api/v1/accounts")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_socket_that_a_killed_process_left_behind_is_replaced()
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("admin-").FullName;
        var path = Path.Combine(folder, AdminSocket.FileName);
        using (var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(path + ".old"));
            File.CreateSymbolicLink(path, path + ".old");
        }
        var options = new Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketTransportOptions();
        AdminSocket.Tune(options);
        using var bound = options.CreateBoundListenSocket(new UnixDomainSocketEndPoint(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        await Task.CompletedTask;
        System.IO.Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Every_route_refuses_who_has_no_token()
    {
        foreach (var path in await PathsAsync("ann@example.test", "example.test"))
        {
            foreach (var scheme in new[] { _host.OverHttps(), _host.OverHttp() })
            {
                var answer = await scheme.SendAsync(path.Method, path.Path, path.Body);
                answer.Is(HttpStatusCode.Unauthorized);
                Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
            }
        }
    }

    [Fact]
    public async Task Nothing_that_a_client_writes_makes_it_the_socket_or_this_machine()
    {
        _host.Remote = Stranger;
        string[][] tricks =
        [
            ["X-Forwarded-For", "127.0.0.1"], ["Forwarded", "for=127.0.0.1"], ["X-Real-IP", "127.0.0.1"], ["X-Forwarded-Proto", "https"],
            ["Host", "localhost"], ["X-Admin-Socket", "1"], ["Authorization", "Basic Ym9zczphIGxvbmcgcGFzc3dvcmQ="], ["Authorization", "Bearer"],
            ["Authorization", "Bearer "], ["Authorization", "Bearer pht_000000000000_" + new string('A', 43)],
        ];
        foreach (var trick in tricks)
        {
            foreach (var client in new[] { _host.OverHttps(), _host.OverHttp() })
            {
                foreach (var path in new[] { "/api/v1/accounts", "/metrics" })
                {
                    var answer = await client.SendAsync(HttpMethod.Get, path, null, r => r.Headers.TryAddWithoutValidation(trick[0], trick[1]));
                    Assert.True((int)answer.Status is 401 or 403 or 400, $"{trick[0]}: {trick[1]} at {path} got {answer.Status}");
                }
            }
        }
    }

    [Fact]
    public async Task A_token_in_the_clear_is_refused_but_from_this_machine_itself()
    {
        var token = await _host.TokenAsync(TokenScopes.Admin);
        (await _host.OverHttp(token).GetAsync("/api/v1/domains")).Is(HttpStatusCode.OK);
        var forwarded = await _host.OverHttp(token)
            .SendAsync(HttpMethod.Get, "/api/v1/domains", null, r => r.Headers.TryAddWithoutValidation("X-Forwarded-For", "198.51.100.7"));
        forwarded.Is(HttpStatusCode.Forbidden);
        _host.Remote = Stranger;
        (await _host.OverHttp(token).GetAsync("/api/v1/domains")).Is(HttpStatusCode.Forbidden);
        (await _host.OverHttps(token).GetAsync("/api/v1/domains")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Two_tokens_in_one_request_are_none()
    {
        var token = await _host.TokenAsync(TokenScopes.Admin);
        var answer = await RawAsync($"GET /api/v1/domains HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAuthorization: Bearer x\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 401", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_of_another_scope_administers_nothing()
    {
        foreach (var scope in new[] { TokenScopes.Metrics, TokenScopes.Scim, TokenScopes.Send })
        {
            (await _host.OverHttps(await _host.TokenAsync(scope)).GetAsync("/api/v1/domains")).Is(HttpStatusCode.Forbidden);
        }
    }

    [Fact]
    public async Task A_token_ends_when_its_time_is_over()
    {
        var api = _host.OverHttps(await _host.TokenAsync(TokenScopes.Admin, lifetime: TimeSpan.FromHours(1)));
        (await api.GetAsync("/api/v1/domains")).Is(HttpStatusCode.OK);
        _host.Clock.Advance(TimeSpan.FromHours(1));
        (await api.GetAsync("/api/v1/domains")).Is(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_token_of_one_network_opens_nothing_from_another()
    {
        var api = _host.OverHttps(await _host.TokenAsync(TokenScopes.Admin, null, null, "203.0.113.0/24"));
        (await api.GetAsync("/api/v1/domains")).Is(HttpStatusCode.Forbidden);
        _host.Remote = IPAddress.Parse("::ffff:203.0.113.9");
        (await api.GetAsync("/api/v1/domains")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_token_of_one_domain_touches_no_other()
    {
        await _host.QueueAsync("carl@other.test", "x@else.test");
        var api = _host.OverHttps(await _host.TokenAsync(TokenScopes.Admin, "example.test"));
        var paths = await PathsAsync("bob@other.test", "other.test");
        var before = await StateAsync();
        foreach (var (method, path, body) in paths)
        {
            var answer = await api.SendAsync(method, path, body);
            if (method == HttpMethod.Get && answer.Status == HttpStatusCode.OK)
            {
                Assert.DoesNotContain("other.test", answer.Text, StringComparison.Ordinal);
                continue;
            }
            // What is done to the whole queue is done to what belongs to the domain: nothing.
            if (path.EndsWith(Whole, StringComparison.Ordinal) && answer.Text == """{"count":0}""") continue;
            Assert.True(answer.Status is HttpStatusCode.Forbidden or HttpStatusCode.NotFound, $"{method} {path} got {answer.Status}: {answer.Text}");
        }
        Assert.Equal(before, await StateAsync());
        (await api.GetAsync("/api/v1/accounts/ann@example.test")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_token_of_one_domain_does_not_rise_above_it()
    {
        var api = _host.OverHttps(await _host.TokenAsync(TokenScopes.Admin, "example.test"));
        (await api.PostAsync("/api/v1/accounts", """{"address":"evil@example.test","role":"admin"}""")).Is(HttpStatusCode.Forbidden);
        (await api.PatchAsync("/api/v1/accounts/ann@example.test", """{"role":"admin"}""")).Is(HttpStatusCode.Forbidden);
        (await api.PutAsync("/api/v1/accounts/boss@example.test/password", """{"password":"mine now, boss"}""")).Is(HttpStatusCode.Forbidden);
        (await api.PostAsync("/api/v1/tokens", """{"scopes":["admin"]}""")).Is(HttpStatusCode.Forbidden);
        (await api.PostAsync("/api/v1/tokens", """{"scopes":["admin"],"domain":"other.test"}""")).Is(HttpStatusCode.Forbidden);
        (await api.PostAsync("/api/v1/domains", """{"name":"more.test"}""")).Is(HttpStatusCode.Forbidden);
        (await api.PatchAsync("/api/v1/domains/example.test", """{"administrator":"bob@other.test"}""")).Is(HttpStatusCode.Forbidden);
        (await api.PostAsync("/api/v1/verify")).Is(HttpStatusCode.Forbidden);
        foreach (var path in new[] { "destinations", "routes", "suppressions", "bans", "rules" })
        {
            (await api.GetAsync("/api/v1/" + path)).Is(HttpStatusCode.Forbidden);
        }
        (await api.GetAsync("/metrics")).Is(HttpStatusCode.OK); // it comes from this machine
        _host.Remote = Stranger;
        (await api.GetAsync("/metrics")).Is(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Metrics_are_for_this_machine_and_for_tokens_of_their_scope()
    {
        (await _host.OverHttp().GetAsync("/metrics")).Is(HttpStatusCode.OK);
        (await _host.OverSocket().GetAsync("/metrics")).Is(HttpStatusCode.OK);
        _host.Remote = Stranger;
        (await _host.OverHttps().GetAsync("/metrics")).Is(HttpStatusCode.Unauthorized);
        (await _host.OverHttps(await _host.TokenAsync(TokenScopes.Send)).GetAsync("/metrics")).Is(HttpStatusCode.Forbidden);
        (await _host.OverHttps(await _host.TokenAsync(TokenScopes.Metrics)).GetAsync("/metrics")).Is(HttpStatusCode.OK);
        (await _host.OverHttps(await _host.TokenAsync(TokenScopes.Metrics, "example.test")).GetAsync("/metrics")).Is(HttpStatusCode.Forbidden);
    }

    // Every line of the document, with its parameter filled in, and a body that would do something.
    private async Task<IReadOnlyList<(HttpMethod Method, string Path, string? Body)>> PathsAsync(string account, string domain)
    {
        var document = (await _host.OverSocket().GetAsync("/api/v1/openapi.json")).Json!;
        await _host.OverSocket().PostAsync("/api/v1/aliases", $$"""{"address":"info@{{domain}}","targets":["{{account}}"]}""");
        var queued = (await _host.OverSocket().GetAsync("/api/v1/queue")).Json!["items"]!.AsArray();
        var token = (await _host.OverSocket().PostAsync("/api/v1/tokens", $$"""{"scopes":["send"],"domain":"{{domain}}"}""")).Json!["id"];
        var report = await _host.ReportAsync(domain);
        var paths = new List<(HttpMethod, string, string?)>();
        foreach (var (template, operations) in document["paths"]!.AsObject())
        {
            var path = "/api/v1" + template
                .Replace("{domain}", domain, StringComparison.Ordinal)
                .Replace("/accounts/{address}", "/accounts/" + account, StringComparison.Ordinal)
                .Replace("/aliases/{address}", "/aliases/info@" + domain, StringComparison.Ordinal)
                .Replace("/queue/{id}", $"/queue/{(queued.Count > 0 ? queued[0]!["id"] : 1)}", StringComparison.Ordinal)
                .Replace("/reports/{id}", $"/reports/{report}", StringComparison.Ordinal)
                .Replace("/bans/{network}", "/bans/192.0.2.7", StringComparison.Ordinal)
                .Replace("/rules/{id}", "/rules/1", StringComparison.Ordinal)
                .Replace("/routes/{id}", "/routes/1", StringComparison.Ordinal)
                .Replace("/suppressions/{address}", "/suppressions/x@else.test", StringComparison.Ordinal)
                .Replace("/tokens/{id}", $"/tokens/{token}", StringComparison.Ordinal);
            foreach (var (verb, operation) in operations!.AsObject())
            {
                var body = operation!["requestBody"] is null ? null : Body(operation, account, domain);
                var whole = ((string)operation["operationId"]!).EndsWith("QueueEntries", StringComparison.Ordinal) ? Whole : "";
                paths.Add((new HttpMethod(verb.ToUpperInvariant()), path + whole, body));
            }
        }
        return paths;
    }

    private static string Body(System.Text.Json.Nodes.JsonNode operation, string account, string domain) => (string)operation["operationId"]! switch
    {
        "addDomain" => """{"name":"evil.test"}""",
        "changeDomain" => """{"catchAll":"evil@evil.test"}""",
        "addAccount" => $$"""{"address":"evil@{{domain}}","password":"evil password"}""",
        "changeAccount" => """{"name":"evil"}""",
        "setPassword" => """{"password":"evil password"}""",
        "addPasswordLink" => "{}",
        "addAppPassword" => """{"label":"evil"}""",
        "revokeAppPassword" => """{"which":"Phone"}""",
        "addAlias" => $$"""{"address":"evil@{{domain}}","targets":["{{account}}"]}""",
        "changeAlias" => """{"targets":["evil@evil.test"]}""",
        "importSigningKey" => """{"selector":"evil","pem":"evil"}""",
        "addBan" => """{"network":"192.0.2.0/24"}""",
        "addRule" => """{"action":"discard"}""",
        "addRoute" => """{"action":"fail"}""",
        "addSuppression" => """{"address":"x@else.test"}""",
        "routeQueueEntry" => """{"route":1}""",
        "addToken" => $$"""{"scopes":["admin"],"domain":"{{domain}}"}""",
        "setTlsOverride" => """{"requirement":"none"}""",
        "setDomainMtaSts" => """{"mode":"none"}""",
        var other => throw new InvalidOperationException($"what would {other} do?"),
    };

    private async Task<string> StateAsync()
    {
        var socket = _host.OverSocket();
        var text = new StringBuilder();
        foreach (var path in new[] { "domains", "accounts", "aliases", "queue", "tokens" })
        {
            var list = (await socket.GetAsync("/api/v1/" + path)).Json!;
            foreach (var item in list["items"]!.AsArray()) item!.AsObject().Remove("lastUsedAt");
            text.AppendLine(list.ToJsonString());
        }
        return text.ToString();
    }

    private async Task<string> RawAsync(string request)
    {
        var address = _host.OverHttp().Http.BaseAddress!;
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        return await reader.ReadLineAsync() ?? "";
    }
}
