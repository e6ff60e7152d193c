using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Posthorn.Jmap.Tests;

public sealed class CoreTests
{
    [Fact]
    public async Task The_session_names_the_account_its_limits_and_absolute_addresses()
    {
        await using var server = await TestServer.StartAsync();
        using var http = server.Http();
        var response = await http.GetAsync(new Uri(server.Origin, "/.well-known/jmap"));
        var session = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        Assert.Equal(TestServer.User, session["username"]!.GetValue<string>());
        Assert.Equal(new Uri(server.Origin, "/jmap").ToString(), session["apiUrl"]!.GetValue<string>());
        Assert.Equal("A" + server.Account, session["primaryAccounts"]!["urn:ietf:params:jmap:mail"]!.GetValue<string>());
        Assert.Equal(64, session["capabilities"]!["urn:ietf:params:jmap:core"]!["maxCallsInRequest"]!.GetValue<int>());
        Assert.Contains("{blobId}", session["downloadUrl"]!.GetValue<string>(), StringComparison.Ordinal);
        http.DefaultRequestHeaders.IfNoneMatch.Add(response.Headers.ETag!);
        Assert.Equal(HttpStatusCode.NotModified, (await http.GetAsync(new Uri(server.Origin, "/.well-known/jmap"))).StatusCode);
    }

    [Fact]
    public async Task Nobody_gets_in_without_the_password()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var (user, password) in ((string?, string)[])[(null, ""), (TestServer.User, "wrong"), ("nobody@example.test", TestServer.Password)])
        {
            using var http = server.Http(user, password);
            var response = await http.GetAsync(new Uri(server.Origin, "/.well-known/jmap"));
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Contains(response.Headers.WwwAuthenticate, h => h.Scheme == "Basic");
        }
    }

    [Fact]
    public async Task Echo_gives_back_what_it_got()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var answer = (await client.CallsAsync("""["Core/echo",{"hello":[1,{"x":"ü"}]},"c"]"""))[0]!;
        Assert.Equal("""["Core/echo",{"hello":[1,{"x":"ü"}]},"c"]""", answer.ToJsonString(Relaxed));
    }

    [Theory]
    [InlineData("{", "notJSON")]
    [InlineData("[]", "notRequest")]
    [InlineData("""{"using":[],"methodCalls":{}}""", "notRequest")]
    [InlineData("""{"using":[],"methodCalls":[["Core/echo",[],"0"]]}""", "notRequest")]
    [InlineData("""{"using":[],"using":[],"methodCalls":[]}""", "notJSON")]
    [InlineData("""{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":1,"a":2},"0"]]}""", "notJSON")]
    [InlineData("""{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":"\ud800"},"0"]]}""", "notJSON")]
    [InlineData("""{"using":["urn:example:nothing"],"methodCalls":[]}""", "unknownCapability")]
    public async Task A_request_that_is_none_is_told_why(string body, string error)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var (status, problem) = await client.PostAsync(body);
        Assert.Equal(400, status);
        Assert.Equal("urn:ietf:params:jmap:error:" + error, problem["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task Limits_are_enforced_and_named()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var calls = string.Join(',', Enumerable.Repeat("""["Core/echo",{},"0"]""", 65));
        var (_, many) = await client.PostAsync($$$"""{"using":["urn:ietf:params:jmap:core"],"methodCalls":[{{{calls}}}]}""");
        Assert.Equal("maxCallsInRequest", many["limit"]!.GetValue<string>());
        var (_, large) = await client.PostAsync(new string(' ', JmapLimits.RequestOctetsMax) + "{}");
        Assert.Equal("maxSizeRequest", large["limit"]!.GetValue<string>());
        var (_, deep) = await client.PostAsync(
            """{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":"""
            + new string('[', 5000) + new string(']', 5000) + """},"0"]]}""");
        Assert.EndsWith("notJSON", deep["type"]!.GetValue<string>(), StringComparison.Ordinal);
        var ids = string.Join(',', Enumerable.Range(0, 1001).Select(i => $"\"M1-{i}\""));
        Assert.Equal("requestTooLarge", await client.ErrorAsync("Email/get", $$$"""{"ids":[{{{ids}}}]}"""));
        var (_, text) = await client.PostAsync("{}", "text/plain");
        Assert.EndsWith("notJSON", text["type"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task References_follow_paths_with_stars()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        const string First = """["Core/echo",{"list":[{"ids":["a","b"]},{"ids":["c"]}],"one":{"x/y":"z"}},"0"]""";
        var got = await client.CallsAsync(
            First,
            """["Core/echo",{"#ids":{"resultOf":"0","name":"Core/echo","path":"/list/*/ids"}},"1"]""",
            """["Core/echo",{"#v":{"resultOf":"0","name":"Core/echo","path":"/one/x~1y"}},"2"]""",
            """["Core/echo",{"#v":{"resultOf":"9","name":"Core/echo","path":"/one"}},"3"]""",
            """["Core/echo",{"#v":{"resultOf":"0","name":"Email/get","path":"/one"}},"4"]""",
            """["Core/echo",{"#v":{"resultOf":"0","name":"Core/echo","path":"/two"}},"5"]""",
            """["Core/echo",{"v":1,"#v":{"resultOf":"0","name":"Core/echo","path":"/one"}},"6"]""",
            """["Core/echo",{"#v":{"resultOf":"0","name":"Core/echo","path":"/list/0/ids/01"}},"7"]""");
        Assert.Equal("""["a","b","c"]""", got[1]![1]!["ids"]!.ToJsonString());
        Assert.Equal("z", got[2]![1]!["v"]!.GetValue<string>());
        foreach (var i in (int[])[3, 4, 5, 7]) Assert.Equal("invalidResultReference", got[i]![1]!["type"]!.GetValue<string>());
        Assert.Equal("invalidArguments", got[6]![1]!["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_method_is_refused_that_is_unknown_or_whose_capability_is_not_used()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        Assert.Equal("unknownMethod", await client.ErrorAsync("Nothing/get", "{}"));
        var (_, body) = await client.PostAsync(
            $$$"""{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Mailbox/get",{"accountId":"{{{client.Account}}}"},"0"]]}""");
        Assert.Equal("unknownMethod", body["methodResponses"]![0]![1]!["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task Accounts_of_others_are_not_there()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        using var bob = server.Client(TestServer.Other);
        foreach (var method in (string[])["Mailbox/get", "Email/query", "Email/changes", "Email/set", "Thread/get"])
        {
            Assert.Equal("accountNotFound", await client.ErrorAsync(method, $$$"""{"accountId":"{{{bob.Account}}}","sinceState":"0-0"}"""
                .Replace(method == "Email/changes" ? "§" : ""","sinceState":"0-0" """.TrimEnd(), "", StringComparison.Ordinal)));
        }
        Assert.Equal("invalidArguments", await client.ErrorAsync("Mailbox/get", """{"accountId":5}"""));
    }

    [Fact]
    public async Task A_file_comes_back_as_it_went_up_and_only_to_its_account()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        using var bob = server.Client(TestServer.Other);
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 100_000).Select(i => i.ToString("x6", null))));
        var blob = (await client.UploadAsync(bytes, "application/x-thing"))["blobId"]!.GetValue<string>();
        Assert.Equal(bytes, await client.DownloadAsync(blob));
        var address = new Uri(server.Origin, $"/jmap/download/{client.Account}/{blob}/{Uri.EscapeDataString("größe/中.txt")}?accept=text/plain");
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Range = new(10, 19);
        var part = await client.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(bytes[10..20], await part.Content.ReadAsByteArrayAsync());
        Assert.Equal("text/plain", part.Content.Headers.ContentType!.MediaType);
        Assert.Equal("größe/中.txt", part.Content.Headers.ContentDisposition!.FileNameStar);
        Assert.Equal(HttpStatusCode.NotFound, (await bob.Http.GetAsync(address)).StatusCode);
        var stolen = new Uri(server.Origin, $"/jmap/download/{bob.Account}/{blob}/x");
        Assert.Equal(HttpStatusCode.NotFound, (await bob.Http.GetAsync(stolen)).StatusCode);
    }

    private static readonly System.Text.Json.JsonSerializerOptions Relaxed =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
