using System.Text;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Email/parse (RFC 8621 §4.9): a blob read as a message.</summary>
internal static class EmailParse
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only([.. EmailProperties.ArgumentNames, "accountId", "blobIds"]);
        var account = call.Account();
        var ids = call.Arguments.Ids("blobIds") ?? throw MethodErrorException.Invalid("blobIds", "an array is needed");
        var wanted = EmailProperties.Read(call.Arguments, isParsed: true);
        List<string> missing = [], unreadable = [];
        var json = call.Json;
        json.WriteStartObject();
        call.WriteAccount(account);
        var any = false;
        foreach (var id in ids.Distinct(StringComparer.Ordinal))
        {
            using var blob = call.Resolve(id) is { } known ? await OpenBlob.OpenAsync(call.Store, account, known, call.Cancellation) : null;
            if (blob is null)
            {
                missing.Add(id);
                continue;
            }
            if (await ReadAsync(call, account, id, blob, wanted) is not { } parsed)
            {
                unreadable.Add(id);
                continue;
            }
            if (!any) json.WriteStartObject("parsed"u8);
            any = true;
            json.WritePropertyName(id);
            EmailWriter.Write(json, parsed.Record.Facts(parsed.Content), wanted);
        }
        if (any) json.WriteEndObject();
        else json.WriteNull("parsed"u8);
        WriteIds("notParsable", unreadable);
        WriteIds("notFound", missing);
        json.WriteEndObject();

        void WriteIds(string name, List<string> list)
        {
            if (list.Count == 0)
            {
                json.WriteNull(name);
                return;
            }
            json.WriteStartArray(name);
            foreach (var one in list) json.WriteStringValue(one);
            json.WriteEndArray();
        }
    }

    private static async ValueTask<(EmailRecord Record, EmailContent Content)?> ReadAsync(
        MethodCall call, AccountId account, string id, OpenBlob blob, EmailProperties wanted)
    {
        if (await blob.LengthAsync(call.Cancellation) is 0 or > JmapLimits.ParsedMessageOctetsMax) return null;
        StagedMessage staged;
        await using (var stream = blob.Read()) staged = await call.Store.StageAsync(stream, call.Cancellation);
        var summary = staged.Summary;
        // Every row of octets is a message to the reader; one without any field of a header is none to a client.
        if (!HasHeader(summary)) return null;
        var record = new EmailRecord(account, id, staged.Length, summary.HasAttachment)
        {
            Envelope = summary.Envelope,
            Structure = summary.Structure,
            PreviewUtf8 = Encoding.UTF8.GetBytes(summary.Preview),
        };
        var content = await EmailContent.ReadAsync(
            record, wanted, async () => await call.Store.OpenAsync(staged, call.Cancellation), call.Cancellation);
        return content is null ? null : (record, content);
    }

    private static bool HasHeader(MessageSummary summary)
    {
        foreach (var place in new StructureView(summary.Structure).Headers)
        {
            if (!place.Name.IsEmpty) return true;
        }
        return false;
    }
}
