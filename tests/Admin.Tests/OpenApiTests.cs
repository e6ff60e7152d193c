using System.Text.Json.Nodes;

namespace Posthorn.Admin.Tests;

public sealed class OpenApiTests : IAsyncLifetime
{
    private TestHost _host = null!;
    private JsonObject _document = null!;

    public async ValueTask InitializeAsync()
    {
        _host = await TestHost.StartAsync();
        _document = (JsonObject)(await _host.OverHttps().GetAsync("/api/v1/openapi.json")).Is(System.Net.HttpStatusCode.OK).Json!;
    }

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public void The_document_is_of_version_3_1_and_says_how_to_get_in()
    {
        Assert.Equal("3.1.0", (string?)_document["openapi"]);
        Assert.Equal("/api/v1", (string?)_document["servers"]![0]!["url"]);
        Assert.Equal("bearer", (string?)_document["components"]!["securitySchemes"]!["token"]!["scheme"]);
    }

    [Fact]
    public void Each_operation_has_a_name_of_its_own_a_summary_and_its_parameters()
    {
        var names = new HashSet<string>();
        foreach (var (path, operations) in _document["paths"]!.AsObject())
        {
            foreach (var (verb, operation) in operations!.AsObject())
            {
                Assert.True(names.Add((string)operation!["operationId"]!), $"{verb} {path}");
                Assert.EndsWith(".", (string)operation["summary"]!, StringComparison.Ordinal);
                var parameters = operation["parameters"]?.AsArray() ?? [];
                var inPath = parameters.Where(p => (string?)p!["in"] == "path").Select(p => "{" + (string)p!["name"]! + "}");
                Assert.Equal(path.Split('/').Where(part => part.StartsWith('{')), inPath);
                Assert.Contains("default", operation["responses"]!.AsObject().Select(response => response.Key));
            }
        }
    }

    [Fact]
    public void Every_command_of_the_contract_has_its_operation()
    {
        var operations = _document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject());
        var names = operations.Select(operation => (string)operation.Value!["operationId"]!).ToHashSet();
        string[] wanted =
        [
            "addDomain", "listDomains", "showDomain", "removeDomain", "showDomainDns", "addAccount", "listAccounts", "showAccount", "removeAccount",
            "disableAccount", "enableAccount", "setPassword", "restoreAccount", "addAlias", "listAliases", "removeAlias", "listQueue",
            "showQueueEntry", "retryQueueEntry", "holdQueueEntry", "releaseQueueEntry", "cancelQueueEntry", "addToken",
            "listTokens", "revokeToken", "verify",
        ];
        Assert.Empty(wanted.Except(names));
    }

    [Fact]
    public void Every_reference_leads_to_a_schema_and_every_schema_is_used()
    {
        var references = References(_document).ToHashSet();
        var schemas = _document["components"]!["schemas"]!.AsObject().Select(schema => "#/components/schemas/" + schema.Key).ToHashSet();
        Assert.Equal(schemas.Order(), references.Order());
    }

    [Fact]
    public void A_body_refuses_what_it_does_not_name_and_demands_what_it_needs()
    {
        var account = _document["components"]!["schemas"]!["NewAccountBody"]!;
        Assert.False((bool)account["additionalProperties"]!);
        Assert.Equal(["address"], account["required"]!.AsArray().Select(name => (string?)name));
        Assert.Equal(["user", "domain-admin", "admin"], account["properties"]!["role"]!["enum"]!.AsArray().Select(word => (string?)word));
    }

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => member.Key == "$ref" ? [(string)member.Value!] : References(member.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };
}
