using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>Writes the OpenAPI 3.1 document from the table of routes and the shapes they name, so that it cannot say anything else.</summary>
internal static class OpenApi
{
    private static readonly JsonSchemaExporterOptions Export = new() { TreatNullObliviousAsNonNullable = true };

    public static byte[] Write(IReadOnlyList<Route> routes, ServerFacts facts)
    {
        var paths = new JsonObject();
        foreach (var route in routes)
        {
            if (paths[route.Path] is not JsonObject operations) paths[route.Path] = operations = [];
            operations[route.Method.ToLowerInvariant()] = Operation(route);
        }
        var document = new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Posthorn",
                ["version"] = facts.Version,
                ["description"] = "Administers a mail server. Over the admin socket no token is asked for.",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = ApiServer.Prefix }),
            ["security"] = new JsonArray(new JsonObject { ["token"] = new JsonArray() }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = Schemas(routes),
                ["securitySchemes"] = new JsonObject
                {
                    ["token"] = new JsonObject
                    {
                        ["type"] = "http",
                        ["scheme"] = "bearer",
                        ["description"] = "A token with the scope admin, over HTTPS.",
                    },
                },
            },
        };
        return Encoding.UTF8.GetBytes(document.ToJsonString());
    }

    private static JsonObject Operation(Route route)
    {
        var operation = new JsonObject { ["operationId"] = route.Name, ["summary"] = route.Summary, ["tags"] = new JsonArray(route.Tag) };
        var parameters = new JsonArray();
        if (route.Parameter is { } inPath) parameters.Add((JsonNode)Parameter(inPath, "path", "string", null));
        foreach (var query in route.Query) parameters.Add((JsonNode)Parameter(query.Name, "query", query.Type, query.Description));
        if (parameters.Count > 0) operation["parameters"] = parameters;
        if (route.Body is { } body) operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(Route.Json, body) };
        operation["responses"] = new JsonObject
        {
            [route.Status.ToString(CultureInfo.InvariantCulture)] =
                new JsonObject { ["description"] = "Done.", ["content"] = Content(route.MediaType, route.Answer) },
            ["default"] = new JsonObject
            {
                ["description"] = "Not done.",
                ["content"] = Content("application/problem+json", AdminJson.Default.Problem),
            },
        };
        return operation;
    }

    private static JsonObject Parameter(string name, string place, string type, string? description)
    {
        var parameter = new JsonObject
        {
            ["name"] = name,
            ["in"] = place,
            ["required"] = place == "path",
            ["schema"] = new JsonObject { ["type"] = type },
        };
        if (description is not null) parameter["description"] = description;
        return parameter;
    }

    private static JsonObject Content(string mediaType, JsonTypeInfo shape) =>
        new() { [mediaType] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = "#/components/schemas/" + NameOf(shape.Type) } } };

    private static JsonObject Schemas(IReadOnlyList<Route> routes)
    {
        var shapes = routes.SelectMany(route => new[] { route.Body, route.Answer }).OfType<JsonTypeInfo>()
            .Append(AdminJson.Default.Problem).DistinctBy(shape => shape.Type).OrderBy(shape => NameOf(shape.Type), StringComparer.Ordinal);
        var schemas = new JsonObject();
        foreach (var shape in shapes) schemas[NameOf(shape.Type)] = shape.GetJsonSchemaAsNode(Export);
        return schemas;
    }

    // Page<AccountView> is AccountPage, AccountView is Account.
    private static string NameOf(Type type) => type.IsGenericType
        ? NameOf(type.GenericTypeArguments[0]) + "Page"
        : type.Name.EndsWith("View", StringComparison.Ordinal) ? type.Name[..^"View".Length] : type.Name;
}
