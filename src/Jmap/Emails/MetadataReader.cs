using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>mailboxIds, keywords and receivedAt as clients set them (RFC 8621 §4.1.1).</summary>
internal static class MetadataReader
{
    public static List<MailboxId> Mailboxes(MethodCall call, AccountId account, JsonElement value)
    {
        var mailboxes = new List<MailboxId>();
        foreach (var name in Names(value, "mailboxIds")) mailboxes.Add(Mailbox(call, account, name, "mailboxIds/" + name));
        return mailboxes.Count > 0 ? mailboxes : throw Invalid("mailboxIds", "an Email lies in one mailbox at least");
    }

    public static MailboxId Mailbox(MethodCall call, AccountId account, string name, string path) =>
        call.Resolve(name) is { } id && ObjectId.TryMailbox(id, account, out var mailbox) ? mailbox : throw Invalid(path, "there is no such mailbox");

    public static (SystemFlags Flags, List<string> Keywords) Keywords(JsonElement value)
    {
        var flags = SystemFlags.None;
        var keywords = new List<string>();
        foreach (var name in Names(value, "keywords"))
        {
            var flag = Jmap.Keywords.FlagOf(name);
            if (flag != SystemFlags.None) flags |= flag;
            else keywords.Add(Keyword(name, "keywords/" + name));
        }
        if (keywords.Count > StoreLimits.KeywordsPerEmailMax) throw new SetErrorException(new SetError("tooManyKeywords"));
        return (flags, keywords);
    }

    public static string Keyword(string name, string path) =>
        Store.Keyword.IsValid(name) ? name.ToLowerInvariant() : throw Invalid(path, "it is no keyword");

    public static DateTimeOffset Time(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String && Dates.TryParseUtc(value.GetString()!, out var at) ? at
            : throw Invalid(path, "a UTCDate is needed");

    // A set is an object whose values are true.
    private static List<string> Names(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object) throw Invalid(path, "an object is needed");
        var names = new List<string>();
        foreach (var entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.True) throw Invalid(path + "/" + entry.Name, "it is true");
            names.Add(entry.Name);
        }
        return names;
    }

    private static SetErrorException Invalid(string property, string why) => new(SetError.Invalid(property, why));
}
