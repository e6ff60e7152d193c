using System.Text.Json;
using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Email/get (RFC 8621 §4.2). What a list shows is written from the stored columns, in one read of the database.</summary>
internal static class EmailGet
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only([.. EmailProperties.ArgumentNames, "accountId", "ids"]);
        var account = call.Account();
        var ids = call.Arguments.Ids("ids") ?? throw new MethodErrorException("requestTooLarge", "ids: name the Emails");
        var wanted = EmailProperties.Read(call.Arguments);
        var (asked, missing) = Resolve(call, account, ids);
        var emails = asked.Select(static a => a.Email).ToArray();
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        json.WriteStartArray("list"u8);
        var found = new bool[emails.Length];
        var state = wanted.NeedsOctets
            ? await WriteWithContentAsync(call, account, emails, wanted, found)
            : await WriteAsync(call, account, emails, wanted, found);
        json.WriteEndArray();
        json.WriteString("state"u8, StateText.Of(state ?? throw new MethodErrorException("accountNotFound")));
        for (var i = 0; i < found.Length; i++)
        {
            if (!found[i]) missing.Add(asked[i].Id);
        }
        PropertyList.WriteNotFound(json, missing);
        json.WriteEndObject();
    }

    /// <summary>The Emails that ids name, each once, and the ids that name none.</summary>
    public static (List<(string Id, EmailId Email)> Found, List<string> Missing) Resolve(MethodCall call, AccountId account, IEnumerable<string> ids)
    {
        var found = new List<(string, EmailId)>();
        var missing = new List<string>();
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            if (call.Resolve(id) is { } known && ObjectId.TryEmail(known, account, out var email)) found.Add((id, email));
            else missing.Add(id);
        }
        return (found, missing);
    }

    private static ValueTask<AccountState?> WriteAsync(
        MethodCall call, AccountId account, EmailId[] emails, EmailProperties wanted, bool[] found)
    {
        var parts = (wanted.NeedsEnvelope ? DetailParts.Envelope : 0) | (wanted.Names.Contains("preview") ? DetailParts.Preview : 0);
        var json = call.Json;
        return call.Store.Emails.ReadAsync(account, emails, parts, (int index, in EmailDetail detail, EmailPlaces places) =>
        {
            found[index] = true;
            EmailWriter.Write(json, FactsOf(account, detail, places), wanted);
        }, call.Cancellation);
    }

    private static EmailFacts FactsOf(AccountId account, in EmailDetail detail, EmailPlaces places) => new()
    {
        Account = account,
        Email = detail.Email,
        Thread = detail.Thread,
        Places = places,
        ReceivedAt = detail.ReceivedAt,
        BlobId = BlobName.Of(account, detail.Email),
        SizeBytes = detail.SizeBytes,
        HasAttachment = detail.HasAttachment,
        Envelope = detail.Envelope,
        PreviewUtf8 = detail.PreviewUtf8,
    };

    private static async ValueTask<AccountState?> WriteWithContentAsync(
        MethodCall call, AccountId account, EmailId[] emails, EmailProperties wanted, bool[] found)
    {
        var records = new EmailRecord?[emails.Length];
        var state = await ReadRecordsAsync(call, account, emails, records);
        for (var i = 0; i < records.Length; i++)
        {
            if (records[i] is not { } record) continue;
            var content = await EmailContent.ReadAsync(
                record, wanted,
                () => call.Store.Emails.OpenMessageAsync(record.Email!.Value, record.StoredBlob, record.TracePrefix, call.Cancellation),
                call.Cancellation);
            if (content is null) continue; // destroyed since: its bytes are gone
            found[i] = true;
            EmailWriter.Write(call.Json, record.Facts(content), wanted);
        }
        return state;
    }

    public static ValueTask<AccountState?> ReadRecordsAsync(MethodCall call, AccountId account, EmailId[] emails, EmailRecord?[] records)
    {
        const DetailParts Parts = DetailParts.Envelope | DetailParts.Structure | DetailParts.Preview | DetailParts.TracePrefix;
        return call.Store.Emails.ReadAsync(account, emails, Parts, (int index, in EmailDetail detail, EmailPlaces places) =>
            records[index] = new EmailRecord(account, BlobName.Of(account, detail.Email), detail.SizeBytes, detail.HasAttachment)
            {
                Email = detail.Email,
                Thread = detail.Thread,
                Places = places,
                ReceivedAt = detail.ReceivedAt,
                Envelope = detail.Envelope.ToArray(),
                Structure = detail.Structure.ToArray(),
                PreviewUtf8 = detail.PreviewUtf8.ToArray(),
                PrefixLength = detail.TracePrefixLength,
                StoredBlob = detail.Blob,
                TracePrefix = detail.TracePrefix.ToArray(),
            }, call.Cancellation);
    }
}
