using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace Posthorn.Jmap.Tests;

/// <summary>Checks every answer against shapes written from RFC 8620 and RFC 8621.</summary>
internal static partial class Answers
{
    private static readonly string[] EmailOnlyIds = ["id", "blobId", "threadId"];

    public static void Check(JsonObject response)
    {
        Assert.Equal(["methodResponses", "sessionState"], response.Select(p => p.Key).Where(k => k != "createdIds"));
        foreach (var one in response["methodResponses"]!.AsArray())
        {
            var answer = one!.AsArray();
            Assert.Equal(3, answer.Count);
            var method = answer[0]!.GetValue<string>();
            var arguments = answer[1]!.AsObject();
            _ = answer[2]!.GetValue<string>();
            Shape(method, arguments);
        }
    }

    private static void Shape(string method, JsonObject o)
    {
        switch (method[(method.IndexOf('/', StringComparison.Ordinal) + 1)..])
        {
            case "error":
                Assert.NotEmpty(o["type"]!.GetValue<string>());
                Assert.All(o, p => Assert.Contains(p.Key, (string[])["type", "description"]));
                break;
            case "get" when method == "SearchSnippet/get":
                Keys(o, "accountId", "list", "notFound");
                break;
            case "get":
                Keys(o, "accountId", "state", "list", "notFound");
                Ids(o["notFound"]!);
                foreach (var item in o["list"]!.AsArray()) Item(method, item!.AsObject());
                break;
            case "changes":
                Keys(o, method == "Mailbox/changes"
                    ? ["accountId", "oldState", "newState", "hasMoreChanges", "created", "updated", "destroyed", "updatedProperties"]
                    : ["accountId", "oldState", "newState", "hasMoreChanges", "created", "updated", "destroyed"]);
                _ = o["hasMoreChanges"]!.GetValue<bool>();
                foreach (var list in (string[])["created", "updated", "destroyed"]) Ids(o[list]!);
                break;
            case "query":
                foreach (var key in (string[])["accountId", "queryState", "canCalculateChanges", "position", "ids"]) Assert.True(o.ContainsKey(key),
                    key);
                Ids(o["ids"]!);
                Number(o["position"]!);
                break;
            case "queryChanges":
                foreach (var key in (string[])["accountId", "oldQueryState", "newQueryState", "removed", "added"]) Assert.True(o.ContainsKey(key),
                    key);
                Ids(o["removed"]!);
                foreach (var added in o["added"]!.AsArray()) Keys(added!.AsObject(), "id", "index");
                break;
            case "set":
                Keys(o, "accountId", "oldState", "newState", "created", "updated", "destroyed", "notCreated", "notUpdated", "notDestroyed");
                foreach (var key in (string[])["notCreated", "notUpdated", "notDestroyed"]) Errors(o[key]);
                break;
            case "import":
                Keys(o, "accountId", "oldState", "newState", "created", "notCreated");
                Errors(o["notCreated"]);
                break;
            case "parse":
                Keys(o, "accountId", "parsed", "notParsable", "notFound");
                break;
        }
    }

    private static void Item(string method, JsonObject item)
    {
        foreach (var (key, value) in item)
        {
            switch (key)
            {
                case "id" or "threadId" or "blobId": Assert.Matches(IdForm(), value!.GetValue<string>()); break;
                case "size" or "totalEmails" or "unreadEmails" or "totalThreads" or "unreadThreads" or "sortOrder": Number(value!); break;
                case "receivedAt": Assert.Matches(UtcForm(), value!.GetValue<string>()); break;
                case "sentAt" when value is not null: Assert.Matches(DateForm(), value.GetValue<string>()); break;
                case "mailboxIds": Assert.All(value!.AsObject(), p => Assert.True(p.Value!.GetValue<bool>())); break;
                case "keywords":
                    Assert.All(value!.AsObject(), p => Assert.True(p.Value!.GetValue<bool>() && !p.Key.Any(char.IsAsciiLetterUpper)));
                    break;
                case "from" or "to" or "cc" or "bcc" or "sender" or "replyTo" when value is not null:
                    Assert.All(value.AsArray(), a => Keys(a!.AsObject(), "name", "email"));
                    break;
                case "messageId" or "inReplyTo" or "references" when value is not null:
                    Assert.All(value.AsArray(), id => Assert.NotEmpty(id!.GetValue<string>()));
                    break;
                case "hasAttachment" or "isSubscribed": _ = value!.GetValue<bool>(); break;
                case "preview": Assert.True(value!.GetValue<string>().Length <= 256); break;
                case "myRights":
                    Assert.Equal(9, value!.AsObject().Count(p =>
                    p.Value!.GetValueKind() is JsonValueKind.True or JsonValueKind.False)); break;
                case "emailIds": Ids(value!); break;
                case "bodyValues": Assert.All(value!.AsObject(), p => Keys(p.Value!.AsObject(), "value", "isEncodingProblem", "isTruncated")); break;
            }
        }
        Assert.True(method != "Email/get" || EmailOnlyIds.Any(item.ContainsKey));
    }

    private static void Errors(JsonNode? map)
    {
        if (map is null) return;
        Assert.All(map.AsObject(), p => Assert.NotEmpty(p.Value!["type"]!.GetValue<string>()));
    }

    private static void Ids(JsonNode list) => Assert.All(list.AsArray(), id => Assert.Matches(IdForm(), id!.GetValue<string>()));

    private static void Number(JsonNode value) => Assert.InRange(value.GetValue<long>(), 0, (1L << 53) - 1);

    private static void Keys(JsonObject o, params string[] keys) => Assert.Equal(keys.Order(), o.Select(p => p.Key).Order());

    [GeneratedRegex("^#?[A-Za-z0-9_-]{1,255}$")]
    private static partial Regex IdForm();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z$")]
    private static partial Regex UtcForm();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?(Z|[+-]\d\d:\d\d)$")]
    private static partial Regex DateForm();
}
