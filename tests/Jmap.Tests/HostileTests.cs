using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Posthorn.Jmap.Tests;

public sealed class HostileTests
{
    /// <summary>Every argument of every method, given each JSON type that it does not take.</summary>
    [Theory]
    [InlineData("Mailbox/get", "ids", "properties")]
    [InlineData("Mailbox/changes", "sinceState", "maxChanges")]
    [InlineData("Mailbox/query", "filter", "sort", "position", "anchor", "anchorOffset", "limit", "calculateTotal", "sortAsTree", "filterAsTree")]
    [InlineData("Mailbox/set", "ifInState", "create", "update", "destroy", "onDestroyRemoveEmails")]
    [InlineData("Thread/get", "ids", "properties")]
    [InlineData("Email/get", "ids", "properties", "bodyProperties", "fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues",
        "maxBodyValueBytes")]
    [InlineData("Email/query", "filter", "sort", "position", "anchor", "anchorOffset", "limit", "calculateTotal", "collapseThreads")]
    [InlineData("Email/queryChanges", "filter", "sort", "sinceQueryState", "maxChanges", "collapseThreads", "calculateTotal")]
    [InlineData("Email/set", "ifInState", "create", "update", "destroy")]
    [InlineData("Email/import", "ifInState", "emails")]
    [InlineData("Email/parse", "blobIds", "properties")]
    [InlineData("SearchSnippet/get", "filter", "emailIds")]
    public async Task A_wrong_type_is_named(string method, params string[] arguments)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        string[] values = ["true", "-1", "1.5", "1e400", "\"x\"", "[1]", "[\"a b\"]", "{\"a\":1}", "{\"operator\":\"XOR\",\"conditions\":[]}"];
        foreach (var argument in arguments)
        {
            var refused = 0;
            foreach (var value in values)
            {
                var (status, body) = await client.PostAsync(
                    """{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["""
                    + $"\"{method}\",{{\"accountId\":\"{client.Account}\",{Needed(method, argument)}\"{argument}\":{value}}},\"0\"]]}}");
                Assert.True(status == 200, $"{method} {argument} {value}: {body.ToJsonString()}");
                Answers.Check(body);
                var answer = body["methodResponses"]![0]!;
                if (answer[0]!.GetValue<string>() != "error") continue;
                refused++;
                Assert.NotEqual("serverFail", answer[1]!["type"]!.GetValue<string>());
            }
            Assert.True(refused >= 5, $"{method} {argument}: {refused} of {values.Length} refused");
        }
        Assert.Equal("invalidArguments", await client.ErrorAsync(method, """{"nonsense":1,"ids":[],"blobIds":[],"emailIds":[]}"""));
    }

    [Fact]
    public async Task A_filter_of_ten_thousand_nodes_and_a_thousand_references_cost_little()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var wide = string.Join(',', Enumerable.Repeat("""{"hasKeyword":"a"}""", 10_000));
        Assert.Equal("unsupportedFilter", await client.ErrorAsync("Email/query", """{"filter":{"operator":"OR","conditions":[""" + wide + "]}}"));
        var deep = string.Concat(Enumerable.Repeat("""{"operator":"NOT","conditions":[""", 24)) + """{"subject":"x"}"""
            + string.Concat(Enumerable.Repeat("]}", 24));
        Assert.Empty((await client.CallAsync("Email/query", $$"""{"filter":{{deep}} }"""))["ids"]!.AsArray());
        var references = string.Join(
            ',', Enumerable.Range(0, 1000).Select(static i => $$$"""
                "#a{{{i}}}":{"resultOf":"0","name":"Core/echo","path":"/x/*"}
                """));
        var many = string.Join(',', Enumerable.Repeat("1", 1000));
        var got = await client.CallsAsync(
            """["Core/echo",{"x":[""" + many + """]},"0"]""", """["Core/echo",{""" + references + """},"1"]""");
        Assert.Equal("invalidResultReference", got[1]![1]!["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task Blobs_and_ids_of_others_are_not_found_and_tell_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var ann = server.Client();
        using var bob = server.Client(TestServer.Other);
        await server.DeliverAsync("hers");
        var id = (await ann.CallAsync("Email/query"))["ids"]![0]!.GetValue<string>();
        var email = (await ann.CallAsync("Email/get", $$"""{"ids":["{{id}}"],"properties":["blobId","threadId"]}"""))["list"]![0]!;
        var (blob, thread) = (email["blobId"]!.GetValue<string>(), email["threadId"]!.GetValue<string>());
        Assert.Equal(id, (await bob.CallAsync("Email/get", $$"""{"ids":["{{id}}"]}"""))["notFound"]![0]!.GetValue<string>());
        Assert.Equal(thread, (await bob.CallAsync("Thread/get", $$"""{"ids":["{{thread}}"]}"""))["notFound"]![0]!.GetValue<string>());
        Assert.Equal(blob, (await bob.CallAsync("Email/parse", $$"""{"blobIds":["{{blob}}"]}"""))["notFound"]![0]!.GetValue<string>());
        Assert.Equal(404, (int)(await bob.Http.GetAsync(new Uri(server.Origin, $"/jmap/download/{bob.Account}/{blob}/x"))).StatusCode);
        var inbox = (await bob.MailboxIdsAsync())["INBOX"];
        var set = await bob.CallAsync("Email/set", $$"""
            {"create":{"a":{"mailboxIds":{"{{inbox}}":true},"attachments":[{"blobId":"{{blob}}"}]},
                       "b":{"mailboxIds":{"F1-1x":true} } },
             "update":{"{{id}}":{"keywords/$seen":true} },"destroy":["{{id}}"]}
            """);
        Assert.Equal(blob, set["notCreated"]!["a"]!["notFound"]![0]!.GetValue<string>());
        Assert.Equal("invalidProperties", set["notCreated"]!["b"]!["type"]!.GetValue<string>());
        Assert.Equal("notFound", set["notUpdated"]![id]!["type"]!.GetValue<string>());
        Assert.Equal("notFound", set["notDestroyed"]![id]!["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task An_upload_that_stops_half_way_leaves_nothing_and_the_server_goes_on()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Client();
        var secret = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestServer.User}:{TestServer.Password}"));
        for (var i = 0; i < JmapLimits.ConcurrentUploadsMax * 2; i++)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(server.Origin.Host, server.Origin.Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /jmap/upload/{client.Account}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {secret}\r\nContent-Length: 1000000\r\n\r\nhalf"));
        }
        JsonObject? blob = null;
        for (var i = 0; i < 100 && blob is null; i++)
        {
            using var content = new ByteArrayContent("whole"u8.ToArray());
            using var response = await client.Http.PostAsync(new Uri(server.Origin, $"/jmap/upload/{client.Account}/"), content);
            if ((int)response.StatusCode == 201) blob = JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject();
            else await Task.Yield();
        }
        Assert.Equal("whole", Encoding.UTF8.GetString(await client.DownloadAsync(blob!["blobId"]!.GetValue<string>())));
        Assert.Equal(1L, await server.Db.ReadAsync(static db => db.Prepare("SELECT COUNT(*) FROM upload").Scalar()));
    }

    private static string Needed(string method, string argument) => (method, argument) switch
    {
        ("Email/get" or "Thread/get", not "ids") => "\"ids\":[],",
        ("Email/parse", not "blobIds") => "\"blobIds\":[],",
        ("SearchSnippet/get", not "emailIds") => "\"emailIds\":[],",
        ("Email/import", not "emails") => "\"emails\":{},",
        ("Mailbox/changes" or "Email/changes", not "sinceState") => "\"sinceState\":\"0-0\",",
        ("Email/queryChanges", not "sinceQueryState") => "\"sinceQueryState\":\"0-0\",",
        _ => "",
    };
}
