using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Mailbox/get (RFC 8621 §2.1).</summary>
internal static class MailboxGet
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only("accountId", "ids", "properties");
        var account = call.Account();
        var ids = call.Arguments.Ids("ids");
        var properties = PropertyList.Read(call.Arguments, MailboxWriter.Properties, MailboxWriter.Properties);
        using var index = await OpenAsync(call, account);
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteString("state"u8, StateText.Of(index.State));
        var missing = new List<string>();
        json.WriteStartArray("list"u8);
        if (ids is null)
        {
            foreach (var mailbox in index.Mailboxes) MailboxWriter.Write(json, account, mailbox, properties);
        }
        else
        {
            foreach (var id in ids.Distinct(StringComparer.Ordinal))
            {
                if (call.Resolve(id) is { } known && ObjectId.TryMailbox(known, account, out var number) && index.Find(number) is { } found)
                    MailboxWriter.Write(json, account, found, properties);
                else
                    missing.Add(id);
            }
        }
        json.WriteEndArray();
        PropertyList.WriteNotFound(json, missing);
        json.WriteEndObject();
    }

    public static async ValueTask<AccountIndex> OpenAsync(MethodCall call, AccountId account) =>
        await call.Store.OpenIndexAsync(account, call.Cancellation) ?? throw new MethodErrorException("accountNotFound");
}
