using System.Text.Json;
using System.Text.Unicode;

namespace Posthorn.Jmap;

/// <summary>Why a whole request is refused (RFC 8620 §3.6.1).</summary>
public sealed class RequestErrorException(string type, string detail) : Exception(detail)
{
    /// <summary>Behind <c>urn:ietf:params:jmap:error:</c>.</summary>
    public string Error { get; } = type;

    /// <summary>For the type "limit": its name.</summary>
    public string? Limit { get; init; }
}

/// <summary>One call as the client wrote it.</summary>
internal readonly record struct WrittenCall(string Method, JsonElement Arguments, string CallId);

/// <summary>Reads a request object (RFC 8620 §3.3). Bounded by depth, size and calls; I-JSON only (RFC 7493).</summary>
internal sealed class RequestReader : IDisposable
{
    private readonly JsonDocument _document;

    private RequestReader(JsonDocument document) => _document = document;

    public List<string> Using { get; } = [];

    public List<WrittenCall> Calls { get; } = [];

    /// <summary>Null when the client wants none back.</summary>
    public Dictionary<string, string>? CreatedIds { get; private set; }

    /// <exception cref="RequestErrorException">It is no request.</exception>
    public static RequestReader Read(ReadOnlyMemory<byte> body)
    {
        var reader = new RequestReader(Parse(body));
        try
        {
            reader.ReadRoot();
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    public void Dispose() => _document.Dispose();

    private static JsonDocument Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            if (!Utf8.IsValid(body.Span)) throw new RequestErrorException("notJSON", "the request is not UTF-8");
            var document = JsonDocument.Parse(
                body, new JsonDocumentOptions { MaxDepth = JmapLimits.JsonDepthMax, AllowDuplicateProperties = false });
            if (body.Span.IndexOf("\\u"u8) >= 0) CheckSurrogates(body.Span);
            return document;
        }
        catch (Exception bad) when (bad is JsonException or InvalidOperationException)
        {
            throw new RequestErrorException("notJSON", "the request is not I-JSON");
        }
    }

    // RFC 7493 §2.1: no escape that is half of a pair.
    private static void CheckSurrogates(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = JmapLimits.JsonDepthMax });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) _ = reader.GetString();
        }
    }

    private void ReadRoot()
    {
        var root = _document.RootElement;
        if (root.ValueKind != JsonValueKind.Object) throw NotRequest("a request is an object");
        if (!root.TryGetProperty("using"u8, out var uses) || uses.ValueKind != JsonValueKind.Array) throw NotRequest("using: an array is needed");
        foreach (var capability in uses.EnumerateArray())
        {
            if (capability.ValueKind != JsonValueKind.String) throw NotRequest("using: Strings are needed");
            Using.Add(capability.GetString()!);
        }
        if (!root.TryGetProperty("methodCalls"u8, out var calls) || calls.ValueKind != JsonValueKind.Array)
        {
            throw NotRequest("methodCalls: an array is needed");
        }
        if (calls.GetArrayLength() > JmapLimits.CallsMax)
        {
            throw new RequestErrorException("limit", $"at most {JmapLimits.CallsMax} calls are in one request") { Limit = "maxCallsInRequest" };
        }
        foreach (var call in calls.EnumerateArray()) Calls.Add(ReadCall(call));
        if (root.TryGetProperty("createdIds"u8, out var created) && created.ValueKind != JsonValueKind.Null) ReadCreatedIds(created);
    }

    private static WrittenCall ReadCall(JsonElement call)
    {
        if (call.ValueKind != JsonValueKind.Array || call.GetArrayLength() != 3) throw NotRequest("a call is an array of three");
        if (call[0].ValueKind != JsonValueKind.String || call[1].ValueKind != JsonValueKind.Object || call[2].ValueKind != JsonValueKind.String)
        {
            throw NotRequest("a call is a name, an object of arguments, and an id");
        }
        return new WrittenCall(call[0].GetString()!, call[1], call[2].GetString()!);
    }

    private void ReadCreatedIds(JsonElement created)
    {
        if (created.ValueKind != JsonValueKind.Object) throw NotRequest("createdIds: an object is needed");
        CreatedIds = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in created.EnumerateObject())
        {
            if (pair.Value.ValueKind != JsonValueKind.String) throw NotRequest("createdIds: ids are needed");
            CreatedIds[pair.Name] = pair.Value.GetString()!;
        }
    }

    private static RequestErrorException NotRequest(string why) => new("notRequest", why);
}
