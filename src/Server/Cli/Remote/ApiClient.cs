using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Posthorn.Admin;

namespace Posthorn.Server;

/// <summary>Calls the API of a running server, over its admin socket or over the network with a token.</summary>
internal sealed class ApiClient : IDisposable
{
    private const int LineCharactersMax = 1024 * 1024;

    private readonly HttpClient _http;
    private readonly string _missing;

    private ApiClient(HttpClient http, string missing) => (_http, _missing) = (http, missing);

    /// <param name="data">The server's data directory, where its admin socket is.</param>
    public static ApiClient OverSocket(string data)
    {
        var path = Path.Combine(data, AdminSocket.FileName);
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        // The name only fills the Host field.
        var missing = $"no server is running on {data}; start it: posthorn serve --config {Path.Combine(data, "posthorn.toml")}";
        return new ApiClient(Over(handler, new Uri("http://localhost/api/v1/")), missing);
    }

    /// <param name="url">As <c>https://mail.example.org</c>; plain HTTP only to this machine.</param>
    /// <exception cref="CommandFailedException">The URL is none, or would carry the token in the clear.</exception>
    public static ApiClient OverNetwork(string url, string token)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + "/api/v1/", UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http"))
        {
            throw new CommandFailedException($"'{url}' is not a URL such as https://mail.example.org");
        }
        if (address.Scheme == "http" && !address.IsLoopback) throw new CommandFailedException("a token is sent over https only");
        var http = Over(new SocketsHttpHandler { AllowAutoRedirect = false }, address);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return new ApiClient(http, $"no server answers at {url}");
    }

    /// <summary>A part of a path: what it holds stays one segment.</summary>
    public static string Segment(string key) => Uri.EscapeDataString(key);

    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> shape, CancellationToken ct) => SendAsync(HttpMethod.Get, path, null, shape, ct);

    public Task<T> DoAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> shape, CancellationToken ct) =>
        SendAsync(method, path, null, shape, ct);

    public Task<T> SendAsync<TBody, T>(
        HttpMethod method, string path, TBody body, JsonTypeInfo<TBody> bodyShape, JsonTypeInfo<T> shape, CancellationToken ct) =>
        SendAsync(method, path, JsonSerializer.SerializeToUtf8Bytes(body, bodyShape), shape, ct);

    /// <summary>Every item of a list, page by page.</summary>
    public async Task<List<T>> ListAsync<T>(string path, JsonTypeInfo<Page<T>> shape, CancellationToken ct)
    {
        var all = new List<T>();
        string? after = null;
        do
        {
            var query = (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "limit=1000" + (after is null ? "" : "&after=" + Segment(after));
            var page = await GetAsync(path + query, shape, ct);
            all.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        return all;
    }

    /// <summary>A list that has an end of its own and comes in one piece.</summary>
    public async Task<IReadOnlyList<T>> WholeAsync<T>(string path, JsonTypeInfo<Page<T>> shape, CancellationToken ct) =>
        (await GetAsync(path, shape, ct)).Items;

    /// <summary>The lines of an answer that comes while the server works.</summary>
    public async IAsyncEnumerable<T> LinesAsync<T>(
        HttpMethod method, string path, JsonTypeInfo<T> shape, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path);
        using var response = await CallAsync(request, ct);
        await DemandSuccessAsync(response, ct);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(ct));
        while (await ReadLineAsync(reader, ct) is { } line)
        {
            if (line.Length > LineCharactersMax) throw new CommandFailedException("the server answered with a line that is too long");
            yield return JsonSerializer.Deserialize(line, shape) ?? throw new CommandFailedException("the server answered with an empty line");
        }
    }

    public void Dispose() => _http.Dispose();

    private static HttpClient Over(SocketsHttpHandler handler, Uri address) =>
        new(handler) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };

    private static async ValueTask<string?> ReadLineAsync(StreamReader reader, CancellationToken ct)
    {
        try
        {
            return await reader.ReadLineAsync(ct);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new CommandFailedException("the server ended before it was done", e);
        }
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, byte[]? body, JsonTypeInfo<T> shape, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }
        using var response = await CallAsync(request, ct);
        await DemandSuccessAsync(response, ct);
        try
        {
            return JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(ct), shape)
                ?? throw new CommandFailedException("the server answered with nothing");
        }
        catch (JsonException e)
        {
            throw new CommandFailedException("the server's answer makes no sense here; is it of another version?", e);
        }
    }

    private async Task<HttpResponseMessage> CallAsync(HttpRequestMessage request, CancellationToken ct)
    {
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException e)
        {
            throw new CommandFailedException(Explain(e), e);
        }
    }

    private string Explain(HttpRequestException failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case SocketException { SocketErrorCode: SocketError.AccessDenied }:
                    return "the admin socket may only be opened by the user that runs the server: sudo -u posthorn posthorn …";
                case AuthenticationException:
                    return "the server's certificate is not trusted here: SSL_CERT_FILE names a file with the ones that are";
                case SocketException or ArgumentOutOfRangeException:
                    return _missing;
            }
        }
        return $"{_missing} ({failure.Message})";
    }

    private static async Task DemandSuccessAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if (response.IsSuccessStatusCode) return;
        var status = (int)response.StatusCode;
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            throw new CommandFailedException(status == (int)HttpStatusCode.NotFound
                ? "what answers there is not Posthorn's API" : $"the server answered with status {status}");
        }
        Problem? problem;
        try
        {
            problem = JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(ct), AdminJson.Default.Problem);
        }
        catch (JsonException e)
        {
            throw new CommandFailedException($"the server answered with status {status}", e);
        }
        throw new CommandFailedException(problem?.Detail ?? $"the server answered with status {status}");
    }
}
