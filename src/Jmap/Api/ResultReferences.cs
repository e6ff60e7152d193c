using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Posthorn.Jmap;

/// <summary>The answers so far of one request, and what arguments take from them (RFC 8620 §3.7).</summary>
internal sealed class ResultReferences(ResponseBuffer buffer) : IDisposable
{
    private readonly List<Answer> _answers = [];
    private readonly List<JsonDocument> _documents = [];
    private int _elements;

    public void Add(string method, string callId, int start, int length) => _answers.Add(new Answer(method, callId, start, length));

    /// <summary>The arguments with each <c>#name</c> resolved.</summary>
    public Arguments Resolve(JsonElement written)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var argument in written.EnumerateObject())
        {
            if (!argument.Name.StartsWith('#'))
            {
                values[argument.Name] = argument.Value;
                continue;
            }
            var name = argument.Name[1..];
            if (written.TryGetProperty(name, out _)) throw MethodErrorException.Invalid(name, "it is given twice, once as a reference");
            values[name] = Follow(argument.Value);
        }
        return new Arguments(values);
    }

    public void Dispose() => _documents.ForEach(document => document.Dispose());

    private JsonElement Follow(JsonElement reference)
    {
        if (reference.ValueKind != JsonValueKind.Object
            || !reference.TryGetProperty("resultOf"u8, out var of) || of.ValueKind != JsonValueKind.String
            || !reference.TryGetProperty("name"u8, out var name) || name.ValueKind != JsonValueKind.String
            || !reference.TryGetProperty("path"u8, out var path) || path.ValueKind != JsonValueKind.String)
        {
            throw Bad("a reference has resultOf, name and path");
        }
        var callId = of.GetString();
        var answer = _answers.Find(a => a.CallId == callId) ?? throw Bad("no call before this one has that id");
        if (answer.Method != name.GetString()) throw Bad("the call was answered by another name");
        answer.Document ??= Keep(JsonDocument.Parse(buffer.Slice(answer.Start, answer.Length).ToArray()));
        var pointer = path.GetString()!;
        if (pointer.Length > 0 && pointer[0] != '/') throw Bad("a path begins with a slash");
        var tokens = pointer.Length == 0 ? [] : pointer[1..].Split('/');
        if (tokens.Length > JmapLimits.JsonDepthMax) throw Bad("the path is too long");
        if (!tokens.Contains("*")) return Walk(answer.Document.RootElement, tokens);
        var found = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(found))
        {
            json.WriteStartArray();
            Collect(answer.Document.RootElement, tokens, json, isFlat: true);
            json.WriteEndArray();
        }
        return Keep(JsonDocument.Parse(found.WrittenMemory)).RootElement;
    }

    private static JsonElement Walk(JsonElement value, ReadOnlySpan<string> tokens)
    {
        foreach (var token in tokens) value = Step(value, token);
        return value;
    }

    private static JsonElement Step(JsonElement value, string token)
    {
        // RFC 6901 §4
        token = token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(token, out var property)) return property;
        if (value.ValueKind == JsonValueKind.Array && int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && index < value.GetArrayLength() && (token.Length == 1 || token[0] != '0'))
        {
            return value[index];
        }
        throw Bad("the path leads nowhere");
    }

    // RFC 8620 §3.7: a star takes each item of an array; where that gives arrays, their items are joined.
    private void Collect(JsonElement value, ReadOnlySpan<string> tokens, Utf8JsonWriter json, bool isFlat)
    {
        var star = tokens.IndexOf("*");
        if (star < 0)
        {
            value = Walk(value, tokens);
            if (value.ValueKind == JsonValueKind.Array && !isFlat)
            {
                foreach (var item in value.EnumerateArray()) Write(item, json);
            }
            else
            {
                Write(value, json);
            }
            return;
        }
        value = Walk(value, tokens[..star]);
        if (value.ValueKind != JsonValueKind.Array) throw Bad("a star stands for the items of an array");
        foreach (var item in value.EnumerateArray()) Collect(item, tokens[(star + 1)..], json, isFlat: false);
    }

    private void Write(JsonElement value, Utf8JsonWriter json)
    {
        if (++_elements > JmapLimits.ReferencedElementsMax) throw Bad("the references bring too much");
        value.WriteTo(json);
    }

    private JsonDocument Keep(JsonDocument document)
    {
        _documents.Add(document);
        return document;
    }

    private static MethodErrorException Bad(string why) => new("invalidResultReference", why);

    private sealed class Answer(string method, string callId, int start, int length)
    {
        public string Method { get; } = method;

        public string CallId { get; } = callId;

        public int Start { get; } = start;

        public int Length { get; } = length;

        public JsonDocument? Document { get; set; }
    }
}
