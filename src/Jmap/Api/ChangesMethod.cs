using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Every /changes (RFC 8620 §5.2).</summary>
internal static class ChangesMethod
{
    public static async ValueTask RunAsync(
        MethodCall call, ObjectKind kind, Func<AccountId, long, string> idOf, Action<Utf8JsonWriter, ObjectChanges>? extra = null)
    {
        call.Arguments.Only("accountId", "sinceState", "maxChanges");
        var account = call.Account();
        var since = call.Arguments.Text("sinceState");
        var max = call.Arguments.Unsigned("maxChanges") ?? JmapLimits.ChangesMax;
        if (max == 0) throw MethodErrorException.Invalid("maxChanges", "a number above zero is needed");
        if (!StateText.TryParse(since, out var position)) throw new MethodErrorException("cannotCalculateChanges");
        var changes = await call.Store.Changes.ObjectsAsync(
            account, kind, position, (int)Math.Min(max, JmapLimits.ChangesMax), call.Cancellation)
            ?? throw new MethodErrorException("cannotCalculateChanges");
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteString("oldState"u8, since);
        json.WriteString("newState"u8, StateText.Of(changes.UpTo));
        json.WriteBoolean("hasMoreChanges"u8, changes.HasMore);
        extra?.Invoke(json, changes);
        WriteIds(json, "created"u8, changes.Created);
        WriteIds(json, "updated"u8, changes.Updated);
        WriteIds(json, "destroyed"u8, changes.Destroyed);
        json.WriteEndObject();

        void WriteIds(Utf8JsonWriter to, ReadOnlySpan<byte> name, IReadOnlyList<long> ids)
        {
            to.WriteStartArray(name);
            foreach (var id in ids) to.WriteStringValue(idOf(account, id));
            to.WriteEndArray();
        }
    }
}
