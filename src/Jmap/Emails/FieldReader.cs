using System.Text.Json;
using Posthorn.Mime;

namespace Posthorn.Jmap;

/// <summary>Header properties that a client sets: the convenient ones and <c>header:…</c> in every form (RFC 8621 §4.1.3).</summary>
internal static class FieldReader
{
    private static readonly Dictionary<string, string> Convenient = new(StringComparer.Ordinal)
    {
        ["messageId"] = "header:Message-ID:asMessageIds",
        ["inReplyTo"] = "header:In-Reply-To:asMessageIds",
        ["references"] = "header:References:asMessageIds",
        ["sender"] = "header:Sender:asAddresses",
        ["from"] = "header:From:asAddresses",
        ["to"] = "header:To:asAddresses",
        ["cc"] = "header:Cc:asAddresses",
        ["bcc"] = "header:Bcc:asAddresses",
        ["replyTo"] = "header:Reply-To:asAddresses",
        ["subject"] = "header:Subject:asText",
        ["sentAt"] = "header:Date:asDate",
    };

    /// <summary>The fields that a property stands for: none for null, several for <c>:all</c>.</summary>
    /// <exception cref="SetErrorException">It cannot be set to this.</exception>
    public static (string Name, IReadOnlyList<OutgoingField> Fields) Read(JsonProperty property)
    {
        var path = property.Name;
        var request = HeaderRequest.TryParse(Convenient.GetValueOrDefault(path, path)) ?? throw Invalid(path, "it cannot be set");
        var value = property.Value;
        if (value.ValueKind == JsonValueKind.Null) return (request.Field, []);
        if (!request.All) return (request.Field, [Field(request, value, path)]);
        if (value.ValueKind != JsonValueKind.Array) throw Invalid(path, "an array is needed");
        return (request.Field, [.. value.EnumerateArray().Select(item => Field(request, item, path))]);
    }

    private static OutgoingField Field(HeaderRequest request, JsonElement value, string path) => request.Form switch
    {
        HeaderForm.Text => OutgoingField.Text(request.Field, Line(Text(value, path), path)),
        HeaderForm.Addresses => OutgoingField.Addresses(request.Field, [new WrittenGroup(null, Addresses(value, path))]),
        HeaderForm.GroupedAddresses => OutgoingField.Addresses(request.Field, Groups(value, path)),
        HeaderForm.MessageIds => OutgoingField.Raw(request.Field, string.Join("\r\n ", Texts(value, path).Select(id => "<" + Id(id, path) + ">"))),
        HeaderForm.Date => OutgoingField.Raw(request.Field, Date(Text(value, path), path)),
        HeaderForm.URLs => OutgoingField.Raw(request.Field, string.Join(",\r\n ", Texts(value, path).Select(url => "<" + Id(url, path) + ">"))),
        _ => OutgoingField.Raw(request.Field, Raw(Text(value, path), path)),
    };

    private static List<WrittenGroup> Groups(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Array) throw Invalid(path, "an array is needed");
        var groups = new List<WrittenGroup>();
        foreach (var group in value.EnumerateArray())
        {
            if (group.ValueKind != JsonValueKind.Object || !group.TryGetProperty("addresses"u8, out var addresses)) throw Invalid(path,
                "groups are needed");
            groups.Add(new WrittenGroup(OptionalText(group, "name", path), Addresses(addresses, path)));
        }
        return groups;
    }

    private static List<WrittenAddress> Addresses(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Array) throw Invalid(path, "an array is needed");
        var addresses = new List<WrittenAddress>();
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object || OptionalText(item, "email", path) is not { } email) throw Invalid(path,
                "an email is needed");
            var at = email.LastIndexOf('@');
            addresses.Add(new WrittenAddress(
                OptionalText(item, "name", path) ?? "", at < 0 ? email : email[..at], at < 0 ? "" : email[(at + 1)..], false));
        }
        return addresses;
    }

    private static string? OptionalText(JsonElement item, string name, string path)
    {
        if (!item.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        return Line(Text(value, path), path);
    }

    private static string Date(string text, string path) =>
        Dates.TryParse(text, out var at) ? InternetDate.Format(at) : throw Invalid(path, "a Date is needed");

    // RFC 5322 §2.2.3: a line end is folding when white space follows.
    private static string Raw(string text, string path)
    {
        var unfolded = text.Replace("\r\n ", " ", StringComparison.Ordinal).Replace("\r\n\t", "\t", StringComparison.Ordinal);
        Line(unfolded, path);
        return text;
    }

    private static string Id(string text, string path) =>
        text.Length > 0 && !text.Any(static c => c is <= ' ' or '<' or '>' or '\x7F') ? text : throw Invalid(path, "it is no such value");

    private static string Line(string text, string path) =>
        text.Any(static c => c is '\r' or '\n' or '\0') ? throw Invalid(path, "a field has no line ends") : text;

    private static List<string> Texts(JsonElement value, string path) => value.ValueKind == JsonValueKind.Array
        ? [.. value.EnumerateArray().Select(item => Text(item, path))] : throw Invalid(path, "an array is needed");

    private static string Text(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Invalid(path, "a String is needed");

    private static SetErrorException Invalid(string property, string why) => new(SetError.Invalid(property, why));
}
