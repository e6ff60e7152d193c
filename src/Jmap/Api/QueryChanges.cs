using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>What every /queryChanges has (RFC 8620 §5.6).</summary>
internal sealed record QueryChanges(string Since, long? Max, bool CalculateTotal)
{
    public static QueryChanges Read(Arguments arguments)
    {
        var max = arguments.Unsigned("maxChanges");
        if (max == 0) throw MethodErrorException.Invalid("maxChanges", "a number above zero is needed");
        _ = arguments.OptionalText("upToId"); // it may be passed over (RFC 8620 §5.6)
        return new QueryChanges(arguments.Text("sinceQueryState"), max, arguments.Flag("calculateTotal"));
    }

    /// <summary>The objects that have changed since, all of them.</summary>
    public async ValueTask<ObjectChanges> ReadAsync(MethodCall call, AccountId account, ObjectKind kind)
    {
        if (!StateText.TryParse(Since, out var position) || position.Skip != 0) throw new MethodErrorException("cannotCalculateChanges");
        var changes = await call.Store.Changes.ObjectsAsync(account, kind, position, JmapLimits.ChangesMax, call.Cancellation);
        return changes is { HasMore: false } ? changes : throw new MethodErrorException("cannotCalculateChanges");
    }

    public void Write(MethodCall call, AccountId account, AccountState state, List<string> removed, List<(string Id, int Index)> added, int total)
    {
        if (removed.Count + added.Count > Max) throw new MethodErrorException("tooManyChanges");
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteString("oldQueryState"u8, Since);
        json.WriteString("newQueryState"u8, StateText.Of(state));
        if (CalculateTotal) json.WriteNumber("total"u8, total);
        json.WriteStartArray("removed"u8);
        foreach (var id in removed) json.WriteStringValue(id);
        json.WriteEndArray();
        json.WriteStartArray("added"u8);
        foreach (var (id, index) in added)
        {
            json.WriteStartObject();
            json.WriteString("id"u8, id);
            json.WriteNumber("index"u8, index);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
