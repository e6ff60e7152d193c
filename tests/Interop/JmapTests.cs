using System.Text.Json;

namespace Posthorn.Interop;

/// <summary>JMAP as its clients speak it: jmap-jam, jmap-client-ts, Python's standard library and curl.</summary>
public sealed class JmapTests(PosthornServer server) : InteropTests(server), IClassFixture<PosthornServer>
{
    [Fact]
    public async Task Two_clients_list_upload_compose_find_and_read()
    {
        var person = await Server.AddPersonAsync();
        var output = (await Peer.NodeAsync("jmap.mjs", $"{Server.Https}", person.Address, person.Password)).Require();
        var steps = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(static s => s.GetProperty("step").GetString()!, static s => s.GetProperty("value").GetRawText());
        Assert.Equal($"\"{person.Address}\"", steps["account"]);
        Assert.Equal("""["draft"]""", steps["created"]);
        Assert.Equal("""[["Composed by jam: ä","jäm.txt","jamjamword in the body"]]""", steps["found"]);
        Assert.Equal("\"attached by jam\"", steps["downloaded"]);
        Assert.Equal("6", steps["client-ts"]);
    }

    [Fact]
    public async Task Mail_that_came_by_smtp_is_there_for_python_at_once()
    {
        var person = await Server.AddPersonAsync();
        await DeliverAsync(person, "By SMTP");
        var shown = await Peer.PythonAsync("jmap_walk.py", $"{Server.Https}", person.Address, person.Password);
        Assert.Equal("By SMTP\ndone\n", shown.Require());
    }

    [Fact]
    public async Task Curl_finds_the_session_and_calls()
    {
        var person = await Server.AddPersonAsync();
        var echo = await Peer.RunAsync("curl",
        [
            "-sSk", "-u", $"{person.Address}:{person.Password}", "-H", "Content-Type: application/json", "-d",
            """{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"hello":true},"c1"]]}""",
            $"https://127.0.0.1:{Server.Https}/jmap",
        ]);
        Assert.StartsWith("""{"methodResponses":[["Core/echo",{"hello":true},"c1"]],"sessionState":""", echo.Require(), StringComparison.Ordinal);
    }

    private async Task DeliverAsync(Person person, string subject) =>
        (await SwaksAsync("--from", "stranger@example.net", "--to", person.Address, "--header", $"Subject: {subject}")).Require();
}
