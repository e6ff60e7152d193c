using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Mailbox/changes (RFC 8621 §2.2).</summary>
internal static class MailboxChanges
{
    public static ValueTask RunAsync(MethodCall call) => ChangesMethod.RunAsync(
        call,
        ObjectKind.Mailbox,
        static (account, id) => ObjectId.Of(account, new MailboxId(id)),
        static (json, changes) =>
        {
            if (!changes.OnlyCounts)
            {
                json.WriteNull("updatedProperties"u8);
                return;
            }
            json.WriteStartArray("updatedProperties"u8);
            json.WriteStringValue("totalEmails"u8);
            json.WriteStringValue("unreadEmails"u8);
            json.WriteStringValue("totalThreads"u8);
            json.WriteStringValue("unreadThreads"u8);
            json.WriteEndArray();
        });
}
