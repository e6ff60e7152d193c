using System.Text.Json;
using System.Text.Json.Nodes;

namespace Posthorn.Admin.Tests;

/// <summary>Holds an answer against its schema: the part of JSON Schema that the document uses, strictly.</summary>
internal static class Shape
{
    private static readonly string[] Known =
        ["$ref", "type", "properties", "required", "items", "enum", "default", "additionalProperties", "pattern", "format"];

    public static void Check(JsonObject document, HttpMethod method, string path, int status, JsonNode answer)
    {
        if (Operation(document, method, path) is not { } operation) return; // no such path, or not this method: a problem without a schema
        var responses = operation["responses"]!.AsObject();
        var content = (responses[$"{status}"] ?? responses["default"])!["content"]!.AsObject().Single();
        var faults = new List<string>();
        Check(document, content.Value!["schema"]!, answer, "$", faults);
        Assert.True(faults.Count == 0, $"{method} {path} {status}: {string.Join("; ", faults)}\n{answer}");
    }

    public static JsonObject? Operation(JsonObject document, HttpMethod method, string path)
    {
        var asked = path["/api/v1/".Length..].Split('?')[0].Split('/');
        foreach (var (template, operations) in document["paths"]!.AsObject())
        {
            var parts = template.Split('/', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length != asked.Length || !parts.Zip(asked).All(pair => pair.First[0] == '{' || pair.First == pair.Second)) continue;
            return (JsonObject?)operations![method.Method.ToLowerInvariant()];
        }
        return null;
    }

    private static void Check(JsonObject document, JsonNode schema, JsonNode? value, string at, List<string> faults)
    {
        if (schema is not JsonObject rules) return; // true
        foreach (var (keyword, _) in rules) Assert.Contains(keyword, Known);
        if (rules["$ref"] is { } reference)
        {
            Check(document, document["components"]!["schemas"]![reference.GetValue<string>().Split('/')[^1]]!, value, at, faults);
            return;
        }
        if (rules["enum"] is JsonArray words && !words.Any(word => JsonNode.DeepEquals(word, value)))
        {
            faults.Add($"{at} is none of {words.ToJsonString()}");
        }
        if (rules["type"] is { } type && !Types(type).Contains(TypeOf(value)) && !(TypeOf(value) == "integer" && Types(type).Contains("number")))
        {
            faults.Add($"{at} is {TypeOf(value)}, not {type.ToJsonString()}");
        }
        if (value is JsonObject members)
        {
            foreach (var name in rules["required"]?.AsArray() ?? [])
            {
                if (!members.ContainsKey(name!.GetValue<string>())) faults.Add($"{at} lacks {name}");
            }
            foreach (var (name, member) in members)
            {
                var known = rules["properties"]?[name] ?? rules["additionalProperties"];
                if (known is null) faults.Add($"{at} has {name}, which the schema does not name");
                else Check(document, known, member, $"{at}.{name}", faults);
            }
        }
        if (value is JsonArray items && rules["items"] is { } item)
        {
            foreach (var (i, one) in items.Index()) Check(document, item, one, $"{at}[{i}]", faults);
        }
    }

    private static IEnumerable<string> Types(JsonNode type) =>
        type is JsonArray several ? several.Select(one => one!.GetValue<string>()) : [type.GetValue<string>()];

    private static string TypeOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "null",
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => value.AsValue().TryGetValue<long>(out _) ? "integer" : "number",
        _ => "boolean",
    };
}
