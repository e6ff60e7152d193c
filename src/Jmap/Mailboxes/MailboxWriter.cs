using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>A Mailbox object (RFC 8621 §2).</summary>
internal static class MailboxWriter
{
    public static readonly string[] Properties =
    [
        "id", "name", "parentId", "role", "sortOrder", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads", "myRights", "isSubscribed",
    ];

    private static readonly (string Name, bool ForInbox)[] Rights =
    [
        ("mayReadItems", true), ("mayAddItems", true), ("mayRemoveItems", true), ("maySetSeen", true), ("maySetKeywords", true),
        ("mayCreateChild", true), ("mayRename", false), ("mayDelete", false), ("maySubmit", true),
    ];

    /// <summary>RFC 6154 §2 in lower case, as RFC 8621 §2 asks.</summary>
    public static string? RoleName(MailboxRole? role) => role switch
    {
        MailboxRole.Inbox => "inbox",
        MailboxRole.Drafts => "drafts",
        MailboxRole.Sent => "sent",
        MailboxRole.Junk => "junk",
        MailboxRole.Trash => "trash",
        MailboxRole.Archive => "archive",
        MailboxRole.Flagged => "flagged",
        MailboxRole.All => "all",
        MailboxRole.Important => "important",
        _ => null,
    };

    public static MailboxRole? RoleOf(string name) =>
        Enum.GetValues<MailboxRole>().FirstOrDefault(role => RoleName(role) == name) is var found && found != 0 ? found : null;

    public static void Write(Utf8JsonWriter json, AccountId account, IndexedMailbox indexed, IReadOnlyList<string> properties)
    {
        json.WriteStartObject();
        foreach (var property in properties) WriteProperty(json, account, indexed, property);
        json.WriteEndObject();
    }

    public static void WriteProperty(Utf8JsonWriter json, AccountId account, IndexedMailbox indexed, string property)
    {
        var (mailbox, counts) = (indexed.Mailbox, indexed.Counts);
        switch (property)
        {
            case "id": json.WriteString("id"u8, ObjectId.Of(account, mailbox.Id)); break;
            case "name": json.WriteString("name"u8, mailbox.Name); break;
            case "parentId": WriteText(json, property, mailbox.Parent is { } parent ? ObjectId.Of(account, parent) : null); break;
            case "role": WriteText(json, property, RoleName(mailbox.Role)); break;
            case "sortOrder": json.WriteNumber("sortOrder"u8, mailbox.SortOrder); break;
            case "totalEmails": json.WriteNumber("totalEmails"u8, counts.Emails); break;
            case "unreadEmails": json.WriteNumber("unreadEmails"u8, counts.UnreadEmails); break;
            case "totalThreads": json.WriteNumber("totalThreads"u8, counts.Threads); break;
            case "unreadThreads": json.WriteNumber("unreadThreads"u8, counts.UnreadThreads); break;
            case "isSubscribed": json.WriteBoolean("isSubscribed"u8, mailbox.Subscribed); break;
            case "myRights": WriteRights(json, mailbox.Id == Mailbox.Inbox); break;
        }
    }

    private static void WriteRights(Utf8JsonWriter json, bool isInbox)
    {
        json.WriteStartObject("myRights"u8);
        foreach (var (name, forInbox) in Rights) json.WriteBoolean(name, forInbox || !isInbox);
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? value)
    {
        if (value is null) json.WriteNull(name);
        else json.WriteString(name, value);
    }
}
