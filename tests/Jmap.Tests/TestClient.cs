using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Jmap.Tests;

/// <summary>A client that sends what it is told and reads what comes.</summary>
internal sealed class TestClient(HttpClient http, AccountId account) : IDisposable
{
    public HttpClient Http { get; } = http;

    public string Account { get; } = "A" + account;

    public void Dispose() => Http.Dispose();

    /// <summary>Sends a body as it stands.</summary>
    public async Task<(int Status, JsonObject Body)> PostAsync(string json, string type = "application/json")
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(json));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using var response = await Http.PostAsync(new Uri(Http.BaseAddress!, "/jmap"), content);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, JsonNode.Parse(text)!.AsObject());
    }

    /// <summary>Calls, each <c>["Method", {arguments}, "id"]</c>; $A stands for the account.</summary>
    public async Task<JsonArray> CallsAsync(params string[] calls)
    {
        var (status, body) = await PostAsync(
            """{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":["""
            + string.Join(',', calls).Replace("$A", Account, StringComparison.Ordinal) + "]}");
        Assert.True(status == 200, body.ToJsonString());
        Answers.Check(body);
        return body["methodResponses"]!.AsArray();
    }

    /// <summary>One call and the arguments of its answer, which is no error. The account is put in.</summary>
    public async Task<JsonObject> CallAsync(string method, string arguments = "{}")
    {
        var answer = await AnswerAsync(method, arguments);
        Assert.True(answer[0]!.GetValue<string>() == method, answer.ToJsonString());
        return answer[1]!.AsObject();
    }

    /// <summary>One call that fails, and the type of the error.</summary>
    public async Task<string> ErrorAsync(string method, string arguments)
    {
        var answer = await AnswerAsync(method, arguments);
        Assert.True(answer[0]!.GetValue<string>() == "error", answer.ToJsonString());
        return answer[1]!["type"]!.GetValue<string>();
    }

    public async Task<JsonArray> AnswerAsync(string method, string arguments)
    {
        var withAccount = JsonNode.Parse(arguments)!.AsObject();
        if (!withAccount.ContainsKey("accountId")) withAccount["accountId"] = Account;
        return (await CallsAsync($"[{JsonSerializer.Serialize(method)},{withAccount.ToJsonString()},\"0\"]"))[0]!.AsArray();
    }

    public async Task<JsonObject> UploadAsync(byte[] bytes, string type)
    {
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using var response = await Http.PostAsync(new Uri(Http.BaseAddress!, $"/jmap/upload/{Account}/"), content);
        Assert.Equal(201, (int)response.StatusCode);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!.AsObject();
    }

    public Task<byte[]> DownloadAsync(string blob) => Http.GetByteArrayAsync(new Uri(Http.BaseAddress!,
        $"/jmap/download/{Account}/{blob}/name?accept=text/plain"));

    public async Task<Dictionary<string, string>> MailboxIdsAsync()
    {
        var got = await CallAsync("Mailbox/get", """{"ids":null,"properties":["name"]}""");
        return got["list"]!.AsArray().ToDictionary(m => m!["name"]!.GetValue<string>(), m => m!["id"]!.GetValue<string>());
    }
}
