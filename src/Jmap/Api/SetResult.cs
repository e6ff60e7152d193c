using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>What a /set asks for (RFC 8620 §5.3).</summary>
internal sealed record SetRequest(
    AccountId Account, AccountState? Expected, IReadOnlyList<JsonProperty> Create, IReadOnlyList<JsonProperty> Update, IReadOnlyList<string> Destroy)
{
    public static readonly string[] ArgumentNames = ["accountId", "ifInState", "create", "update", "destroy"];

    public static SetRequest Read(MethodCall call)
    {
        var account = call.Account();
        var create = Entries(call.Arguments, "create");
        var update = Entries(call.Arguments, "update");
        var destroy = call.Arguments.Ids("destroy") ?? [];
        if (create.Count + update.Count + destroy.Count > JmapLimits.SetObjectsMax)
        {
            throw new MethodErrorException("requestTooLarge", $"at most {JmapLimits.SetObjectsMax} objects are set at once");
        }
        return new SetRequest(account, StateText.Expected(call.Arguments), create, update, [.. destroy.Distinct(StringComparer.Ordinal)]);
    }

    private static List<JsonProperty> Entries(Arguments arguments, string name)
    {
        if (arguments.Map(name) is not { } map) return [];
        var entries = new List<JsonProperty>();
        foreach (var entry in map.EnumerateObject())
        {
            if (!Arguments.IsId(entry.Name)) throw MethodErrorException.Invalid($"{name}/{entry.Name}", "the key is an Id");
            if (entry.Value.ValueKind != JsonValueKind.Object) throw MethodErrorException.Invalid($"{name}/{entry.Name}", "an object is needed");
            entries.Add(entry);
        }
        return entries;
    }
}

/// <summary>What has become of each object of a /set.</summary>
internal sealed class SetResult(MethodCall call, AccountId account)
{
    private readonly List<(string Key, Action<Utf8JsonWriter> Write)> _created = [];
    private readonly List<(string Key, Action<Utf8JsonWriter>? Write)> _updated = [];
    private readonly List<string> _destroyed = [];
    private readonly List<(string Key, SetError Error)> _notCreated = [];
    private readonly List<(string Key, SetError Error)> _notUpdated = [];
    private readonly List<(string Key, SetError Error)> _notDestroyed = [];

    /// <summary>Later objects of this request may name it by its creation id.</summary>
    /// <param name="write">Writes the properties that the client does not know yet into the object.</param>
    public void Created(string creation, string id, Action<Utf8JsonWriter> write)
    {
        call.Scope.CreatedIds[creation] = id;
        _created.Add((creation, write));
    }

    /// <param name="write">Properties that have changed beyond what was asked; null when there are none.</param>
    public void Updated(string id, Action<Utf8JsonWriter>? write = null) => _updated.Add((id, write));

    public void Destroyed(string id) => _destroyed.Add(id);

    public void NotCreated(string creation, SetError error) => _notCreated.Add((creation, error));

    public void NotUpdated(string id, SetError error) => _notUpdated.Add((id, error));

    public void NotDestroyed(string id, SetError error) => _notDestroyed.Add((id, error));

    public void Write(AccountState before, AccountState after, bool onlyCreates = false, string? fromAccount = null)
    {
        var json = call.Json;
        json.WriteStartObject();
        if (fromAccount is not null) json.WriteString("fromAccountId"u8, fromAccount);
        call.WriteAccount(account);
        json.WriteString("oldState"u8, StateText.Of(before));
        json.WriteString("newState"u8, StateText.Of(after));
        WriteObjects(json, "created", _created, static (to, write) =>
        {
            to.WriteStartObject();
            write(to);
            to.WriteEndObject();
        });
        WriteObjects(json, "notCreated", _notCreated, static (to, error) => error.Write(to));
        if (!onlyCreates)
        {
            WriteObjects(json, "updated", _updated, static (to, write) =>
            {
                if (write is null)
                {
                    to.WriteNullValue();
                    return;
                }
                to.WriteStartObject();
                write(to);
                to.WriteEndObject();
            });
            WriteObjects(json, "notUpdated", _notUpdated, static (to, error) => error.Write(to));
            if (_destroyed.Count == 0)
            {
                json.WriteNull("destroyed"u8);
            }
            else
            {
                json.WriteStartArray("destroyed"u8);
                foreach (var id in _destroyed) json.WriteStringValue(id);
                json.WriteEndArray();
            }
            WriteObjects(json, "notDestroyed", _notDestroyed, static (to, error) => error.Write(to));
        }
        json.WriteEndObject();
    }

    private static void WriteObjects<T>(Utf8JsonWriter json, string name, List<(string Key, T Value)> objects, Action<Utf8JsonWriter, T> write)
    {
        if (objects.Count == 0)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        foreach (var (key, value) in objects)
        {
            json.WritePropertyName(key);
            write(json, value);
        }
        json.WriteEndObject();
    }
}
