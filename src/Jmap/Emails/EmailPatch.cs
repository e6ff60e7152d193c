using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Reads a PatchObject of an Email (RFC 8620 §5.3): whole sets, or single members by a path.</summary>
internal static class EmailPatch
{
    /// <exception cref="SetErrorException">It changes what cannot be changed.</exception>
    public static EmailUpdate Read(MethodCall call, AccountId account, EmailId email, JsonElement patch)
    {
        var update = new EmailUpdate(email);
        List<string> added = [], removed = [];
        List<MailboxId> into = [], from = [];
        SystemFlags raised = 0, lowered = 0;
        foreach (var property in patch.EnumerateObject())
        {
            var (root, member) = Split(property.Name);
            if (member is not null && patch.TryGetProperty(root, out _)) throw new SetErrorException(new SetError("invalidPatch", property.Name));
            switch (root, member)
            {
                case ("keywords", null):
                    var (flags, keywords) = property.Value.ValueKind == JsonValueKind.Null ? (SystemFlags.None, [])
                        : MetadataReader.Keywords(property.Value);
                    update = update with { ReplacesKeywords = true };
                    raised |= flags;
                    added.AddRange(keywords);
                    break;
                case ("mailboxIds", null):
                    update = update with { ReplacesMailboxes = true };
                    into.AddRange(MetadataReader.Mailboxes(call, account, property.Value));
                    break;
                case ("keywords", _):
                    var isSet = IsSet(property);
                    var flag = Keywords.FlagOf(member);
                    if (flag != SystemFlags.None)
                    {
                        if (isSet) raised |= flag;
                        else lowered |= flag;
                    }
                    else
                    {
                        (isSet ? added : removed).Add(MetadataReader.Keyword(member, property.Name));
                    }
                    break;
                case ("mailboxIds", _):
                    (IsSet(property) ? into : from).Add(MetadataReader.Mailbox(call, account, member, property.Name));
                    break;
                default: throw new SetErrorException(SetError.Invalid(property.Name, "it cannot be changed"));
            }
        }
        return update with
        {
            AddedFlags = raised,
            RemovedFlags = lowered,
            AddedKeywords = added,
            RemovedKeywords = removed,
            AddedMailboxes = into,
            RemovedMailboxes = from,
        };
    }

    private static (string Root, string? Member) Split(string path)
    {
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0) return (path, null);
        // RFC 6901 §4
        return (path[..slash], path[(slash + 1)..].Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal));
    }

    private static bool IsSet(JsonProperty property) => property.Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.Null => false,
        _ => throw new SetErrorException(SetError.Invalid(property.Name, "it is true or null")),
    };
}
