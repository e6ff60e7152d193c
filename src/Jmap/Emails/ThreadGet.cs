using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Thread/get (RFC 8621 §3.1).</summary>
internal static class ThreadGet
{
    private static readonly string[] Properties = ["id", "emailIds"];

    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only("accountId", "ids", "properties");
        var account = call.Account();
        var ids = call.Arguments.Ids("ids") ?? throw new MethodErrorException("requestTooLarge", "ids: name the Threads");
        var properties = PropertyList.Read(call.Arguments, Properties, Properties);
        var missing = new List<string>();
        var asked = new List<(string Id, ThreadId Thread)>();
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            if (call.Resolve(id) is { } known && ObjectId.TryThread(known, account, out var thread)) asked.Add((known, thread));
            else missing.Add(id);
        }
        var (state, threads) = await call.Store.Emails.ThreadsAsync(account, asked.ConvertAll(static a => a.Thread), call.Cancellation);
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteString("state"u8, StateText.Of(state ?? throw new MethodErrorException("accountNotFound")));
        json.WriteStartArray("list"u8);
        for (var i = 0; i < asked.Count; i++)
        {
            if (threads[i].Count == 0)
            {
                missing.Add(asked[i].Id);
                continue;
            }
            json.WriteStartObject();
            json.WriteString("id"u8, asked[i].Id);
            if (properties.Contains("emailIds"))
            {
                json.WriteStartArray("emailIds"u8);
                foreach (var email in threads[i]) json.WriteStringValue(ObjectId.Of(account, email));
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        PropertyList.WriteNotFound(json, missing);
        json.WriteEndObject();
    }
}
