using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>A parameter of the query that a route knows; every other one is refused.</summary>
internal sealed record QueryParameter(string Name, string Type, string Description)
{
    public static readonly QueryParameter After = new("after", "string", "Where the page begins: the `next` of the one before.");

    public static readonly QueryParameter Limit = new(
        "limit", "integer", $"Items of the page: at most {AdminLimits.PageItemsMax}, {AdminLimits.PageItemsDefault} when left out.");

    public static readonly QueryParameter Domain = new("domain", "string", "Only what belongs to this domain.");
}

/// <summary>One line of the table: what is asked, what it takes, what it answers, who does it. The OpenAPI document is written from it.</summary>
/// <param name="Name">The operation's id.</param>
/// <param name="Path">Below <c>/api/v1</c>, with at most one parameter: <c>/accounts/{address}</c>.</param>
/// <param name="Answer">The shape of the answer, or of each of its lines when they come one by one.</param>
internal sealed record Route(
    string Method, string Path, string Name, string Summary, JsonTypeInfo? Body, JsonTypeInfo Answer, Func<Call, Task> RunAsync)
{
    private readonly string[] _segments = Path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    public int Status { get; init; } = StatusCodes.Status200OK;

    public string MediaType { get; init; } = Json;

    public IReadOnlyList<QueryParameter> Query { get; init; } = [];

    public const string Json = "application/json";

    public const string Lines = "application/x-ndjson";

    /// <summary>The parameter's name; none for a path without one.</summary>
    public string? Parameter => Array.Find(_segments, s => s[0] == '{')?[1..^1];

    /// <summary>The first part of the path, under which the document groups the operations.</summary>
    public string Tag => _segments[0];

    public static Route Of<TAnswer>(
        string method, string path, string name, string summary, JsonTypeInfo<TAnswer> answer, Func<Call, ValueTask<Result<TAnswer>>> run) =>
        new(method, path, name, summary, null, answer, async call => await AnswerAsync(call, await run(call), answer));

    public static Route Of<TBody, TAnswer>(
        string method,
        string path,
        string name,
        string summary,
        JsonTypeInfo<TBody> body,
        JsonTypeInfo<TAnswer> answer,
        Func<Call, TBody, ValueTask<Result<TAnswer>>> run) =>
        new(method, path, name, summary, body, answer, async call => await AnswerAsync(call, await run(call, await ReadAsync(call, body)), answer));

    /// <param name="segments">Of the path that was asked for, still encoded.</param>
    /// <param name="key">What stands for the parameter, decoded.</param>
    public bool Matches(ReadOnlySpan<string> segments, out string key)
    {
        key = "";
        if (segments.Length != _segments.Length) return false;
        for (var i = 0; i < segments.Length; i++)
        {
            // RFC 3986 §2.4: split first, then decode, since an address may hold a slash.
            var segment = Uri.UnescapeDataString(segments[i]);
            if (_segments[i][0] == '{') key = segment;
            else if (segment != _segments[i]) return false;
        }
        return Parameter is null || key.Length > 0;
    }

    private static async Task<TBody> ReadAsync<TBody>(Call call, JsonTypeInfo<TBody> body)
    {
        if (!call.Http.Request.HasJsonContentType()) throw Call.Invalid("the body must be JSON: Content-Type: application/json");
        try
        {
            return await JsonSerializer.DeserializeAsync(call.Http.Request.Body, body, call.Ct) ?? throw Call.Invalid("the body must be an object");
        }
        catch (JsonException wrong)
        {
            // Where, and never what: a password must not come back in a message.
            throw Call.Invalid($"the body is not what it must be, at {wrong.Path ?? "$"}; /api/v1/openapi.json has the shapes");
        }
    }

    private static Task AnswerAsync<TAnswer>(Call call, Result<TAnswer> result, JsonTypeInfo<TAnswer> answer)
    {
        if (!result.TryGet(out var value)) return Replies.RefuseAsync(call.Http, result.Refusal!);
        return Replies.WriteAsync(call.Http, JsonSerializer.SerializeToUtf8Bytes(value, answer), Json);
    }
}
