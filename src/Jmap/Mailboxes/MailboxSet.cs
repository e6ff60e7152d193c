using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Mailbox/set (RFC 8621 §2.5). Each mailbox is an action of its own; those that others of the call need come first.</summary>
internal static class MailboxSet
{
    private static readonly string[] ServerSet = ["id", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads", "myRights"];

    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only([.. SetRequest.ArgumentNames, "onDestroyRemoveEmails"]);
        var request = SetRequest.Read(call);
        var onlyEmpty = !call.Arguments.Flag("onDestroyRemoveEmails");
        var before = await StateText.NowAsync(call, request.Account);
        if (request.Expected is { } expected && expected != before) throw new MethodErrorException("stateMismatch");
        var result = new SetResult(call, request.Account);
        await CreateAsync(call, request, result);
        foreach (var entry in request.Update) await UpdateAsync(call, request, entry, result);
        await DestroyAsync(call, request, onlyEmpty, result);
        result.Write(before, await StateText.NowAsync(call, request.Account));
    }

    // A mailbox may lie below one that this call creates, whichever stands first.
    private static async ValueTask CreateAsync(MethodCall call, SetRequest request, SetResult result)
    {
        var waiting = request.Create.ToList();
        while (waiting.Count > 0)
        {
            var ready = waiting.FindAll(entry => !Waits(call, entry.Value, waiting));
            if (ready.Count == 0) ready = waiting; // each waits for another: they are refused
            foreach (var entry in ready) await CreateOneAsync(call, request, entry, result);
            waiting = waiting.Except(ready).ToList();
        }
    }

    private static bool Waits(MethodCall call, JsonElement written, List<JsonProperty> waiting) =>
        written.TryGetProperty("parentId"u8, out var parent) && parent.ValueKind == JsonValueKind.String
        && parent.GetString() is { } id && id.StartsWith('#') && call.Resolve(id) is null && waiting.Exists(entry => entry.Name == id[1..]);

    private static async ValueTask CreateOneAsync(MethodCall call, SetRequest request, JsonProperty entry, SetResult result)
    {
        try
        {
            var update = Read(call, request.Account, entry.Value);
            if (update.Name is null) throw Invalid("name", "a mailbox has a name");
            var created = await call.Store.Mailboxes.CreateAsync(request.Account, update, null, call.Cancellation);
            if (!created.TryGet(out var mailbox))
            {
                result.NotCreated(entry.Name, ErrorOf(created.Refusal!));
                return;
            }
            var given = entry.Value.EnumerateObject().Select(static p => p.Name).ToHashSet(StringComparer.Ordinal);
            result.Created(entry.Name, ObjectId.Of(request.Account, mailbox.Id), json =>
            {
                foreach (var property in MailboxWriter.Properties.Except(given))
                    MailboxWriter.WriteProperty(json, request.Account, new IndexedMailbox(mailbox, null!, default), property);
            });
        }
        catch (SetErrorException refused)
        {
            result.NotCreated(entry.Name, refused.Error);
        }
    }

    private static async ValueTask UpdateAsync(MethodCall call, SetRequest request, JsonProperty entry, SetResult result)
    {
        try
        {
            if (call.Resolve(entry.Name) is not { } id || !ObjectId.TryMailbox(id, request.Account, out var number)
                || await call.Store.Mailboxes.FindAsync(request.Account, number, call.Cancellation) is not { } now)
            {
                throw new SetErrorException(SetError.Missing);
            }
            var update = Read(call, request.Account, entry.Value, await UnchangedAsync(call, request.Account, now, entry.Value));
            var changed = await call.Store.Mailboxes.UpdateAsync(request.Account, number, update, null, call.Cancellation);
            if (changed.Ok) result.Updated(id);
            else result.NotUpdated(entry.Name, ErrorOf(changed.Refusal!));
        }
        catch (SetErrorException refused)
        {
            result.NotUpdated(entry.Name, refused.Error);
        }
    }

    private static async ValueTask DestroyAsync(MethodCall call, SetRequest request, bool onlyEmpty, SetResult result)
    {
        var doomed = new List<(string Id, Mailbox Mailbox)>();
        foreach (var name in request.Destroy)
        {
            var found = call.Resolve(name) is { } id && ObjectId.TryMailbox(id, request.Account, out var number)
                ? await call.Store.Mailboxes.FindAsync(request.Account, number, call.Cancellation) : null;
            if (found is null) result.NotDestroyed(name, SetError.Missing);
            else doomed.Add((ObjectId.Of(request.Account, found.Id), found));
        }
        // Those below go before those above.
        foreach (var (id, mailbox) in doomed.OrderByDescending(static d => d.Mailbox.Path.Count(static c => c == MailboxPath.Delimiter)))
        {
            var gone = await call.Store.Mailboxes.DeleteAsync(request.Account, mailbox.Id, onlyEmpty, null, call.Cancellation);
            if (gone.Ok) result.Destroyed(id);
            else result.NotDestroyed(id, ErrorOf(gone.Refusal!));
        }
    }

    private static SetError ErrorOf(Refusal refusal)
    {
        if (ReferenceEquals(refusal, Store.Mailboxes.HasChildren)) return new SetError("mailboxHasChild");
        if (ReferenceEquals(refusal, Store.Mailboxes.HasMessages)) return new SetError("mailboxHasEmail");
        return refusal.Kind switch
        {
            RefusalKind.Conflict => SetError.Invalid("role", refusal.Text),
            RefusalKind.TooLarge => SetError.Invalid("name", refusal.Text),
            RefusalKind.TooMany => new SetError("overQuota", refusal.Text),
            _ => SetError.Of(refusal),
        };
    }

    // What only the server sets may be sent back as it is (RFC 8620 §5.3).
    private static async ValueTask<HashSet<string>> UnchangedAsync(MethodCall call, AccountId account, Mailbox mailbox, JsonElement written)
    {
        var same = new HashSet<string>(StringComparer.Ordinal);
        if (!ServerSet.Any(name => written.TryGetProperty(name, out _))) return same;
        using var index = await MailboxGet.OpenAsync(call, account);
        if (index.Find(mailbox.Id) is not { } indexed) return same;
        using var output = new ResponseBuffer();
        using (var json = new Utf8JsonWriter(output)) MailboxWriter.Write(json, account, indexed, ServerSet);
        using var now = JsonDocument.Parse(output.Written);
        foreach (var name in ServerSet)
        {
            if (written.TryGetProperty(name, out var value) && JsonElement.DeepEquals(value, now.RootElement.GetProperty(name))) same.Add(name);
        }
        return same;
    }

    private static MailboxUpdate Read(MethodCall call, AccountId account, JsonElement written, HashSet<string>? unchanged = null)
    {
        var update = new MailboxUpdate();
        foreach (var property in written.EnumerateObject())
        {
            if (unchanged?.Contains(property.Name) != true) update = Take(call, account, update, property);
        }
        return update;
    }

    private static MailboxUpdate Take(MethodCall call, AccountId account, MailboxUpdate update, JsonProperty property)
    {
        var (kind, value) = (property.Value.ValueKind, property.Value);
        switch (property.Name)
        {
            case "name" when kind == JsonValueKind.String: return update with { Name = value.GetString() };
            case "parentId" when kind == JsonValueKind.Null: return update with { SetsParent = true, Parent = null };
            case "parentId" when kind == JsonValueKind.String:
                if (call.Resolve(value.GetString()!) is { } id && ObjectId.TryMailbox(id, account, out var parent))
                    return update with { SetsParent = true, Parent = parent };
                throw Invalid("parentId", "there is no such mailbox");
            case "role" when kind == JsonValueKind.Null: return update with { SetsRole = true, Role = null };
            case "role" when kind == JsonValueKind.String:
                return update with
                {
                    SetsRole = true,
                    Role = MailboxWriter.RoleOf(value.GetString()!)
                    ?? throw Invalid("role", "there is no such role")
                };
            case "sortOrder" when Arguments.TryWhole(value, out var order) && order is >= 0 and <= int.MaxValue:
                return update with { SortOrder = (uint)order };
            case "isSubscribed" when kind is JsonValueKind.True or JsonValueKind.False: return update with { Subscribed = value.GetBoolean() };
            case "isSubscribed" when kind is JsonValueKind.Null: return update with { Subscribed = true }; // back to the default
            case "sortOrder" when kind is JsonValueKind.Null: return update with { SortOrder = 0 };
            default: throw Invalid(property.Name, "it cannot be set to this");
        }
    }

    private static SetErrorException Invalid(string property, string why) => new(SetError.Invalid(property, why));
}
