using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Posthorn.Admin.Tests;

/// <param name="Json">Null when the answer is not JSON.</param>
internal sealed record Answer(HttpStatusCode Status, string Text, JsonNode? Json, HttpResponseHeaders Headers, string? MediaType)
{
    public Answer Is(HttpStatusCode status)
    {
        Assert.True(status == Status, $"{(int)Status} {Text}");
        return this;
    }
}

/// <summary>Calls the API and holds each answer against the OpenAPI document.</summary>
internal sealed class TestClient(HttpClient http)
{
    private JsonObject? _document;

    public HttpClient Http => http;

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<Answer> PostAsync(string path, string? json = null) => SendAsync(HttpMethod.Post, path, json);

    public Task<Answer> PutAsync(string path, string json) => SendAsync(HttpMethod.Put, path, json);

    public Task<Answer> PatchAsync(string path, string json) => SendAsync(HttpMethod.Patch, path, json);

    public Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? json = null, Action<HttpRequestMessage>? with = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        with?.Invoke(request);
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var media = response.Content.Headers.ContentType?.MediaType;
        var node = media is "application/json" or "application/problem+json" ? JsonNode.Parse(text) : null;
        if (path.StartsWith("/api/v1/", StringComparison.Ordinal) && !path.EndsWith("openapi.json", StringComparison.Ordinal))
        {
            _document ??= (JsonObject)JsonNode.Parse(await http.GetStringAsync(new Uri("/api/v1/openapi.json", UriKind.Relative)))!;
            if (node is not null) Shape.Check(_document, method, path, (int)response.StatusCode, node);
        }
        return new Answer(response.StatusCode, text, node, response.Headers, media);
    }
}
