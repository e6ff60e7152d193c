using System.Text.Json;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Email/import (RFC 8621 §4.8): uploaded messages become Emails as they are.</summary>
internal static class EmailImport
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only("accountId", "ifInState", "emails");
        var account = call.Account();
        var expected = StateText.Expected(call.Arguments);
        var emails = call.Arguments.Map("emails") ?? throw MethodErrorException.Invalid("emails", "an object is needed");
        if (emails.EnumerateObject().Count() > JmapLimits.SetObjectsMax) throw new MethodErrorException("requestTooLarge");
        var before = await StateText.NowAsync(call, account);
        if (expected is { } state && state != before) throw new MethodErrorException("stateMismatch");
        var result = new SetResult(call, account);
        foreach (var entry in emails.EnumerateObject())
        {
            try
            {
                var delivered = await ImportAsync(call, account, entry.Value, expected);
                result.Created(entry.Name, ObjectId.Of(account, delivered.Email), json => EmailSet.WriteCreated(json, account, delivered));
            }
            catch (SetErrorException refused)
            {
                result.NotCreated(entry.Name, refused.Error);
            }
            expected = null;
        }
        result.Write(before, await StateText.NowAsync(call, account), onlyCreates: true);
    }

    private static async ValueTask<Delivered> ImportAsync(MethodCall call, AccountId account, JsonElement written, AccountState? guard)
    {
        if (written.ValueKind != JsonValueKind.Object) throw new SetErrorException(SetError.Invalid("emails", "an object is needed"));
        foreach (var property in written.EnumerateObject())
        {
            if (property.Name is not ("blobId" or "mailboxIds" or "keywords" or "receivedAt"))
                throw new SetErrorException(SetError.Invalid(property.Name, "it cannot be set"));
        }
        var mailboxes = MetadataReader.Mailboxes(call, account, written.TryGetProperty("mailboxIds"u8, out var ids) ? ids : default);
        var (flags, keywords) = written.TryGetProperty("keywords"u8, out var set) && set.ValueKind != JsonValueKind.Null
            ? MetadataReader.Keywords(set) : (SystemFlags.None, []);
        var blobId = written.TryGetProperty("blobId"u8, out var named) && named.ValueKind == JsonValueKind.String ? call.Resolve(named.GetString()!)
            : null;
        using var blob = blobId is null ? null : await OpenBlob.OpenAsync(call.Store, account, blobId, call.Cancellation);
        if (blob is null) throw new SetErrorException(SetError.Invalid("blobId", "there is no such blob"));
        var receivedAt = written.TryGetProperty("receivedAt"u8, out var at) && at.ValueKind != JsonValueKind.Null
            ? MetadataReader.Time(at, "receivedAt") : await ReceivedAsync(call, blob);
        StagedMessage staged;
        await using (var stream = blob.Read()) staged = await call.Store.StageAsync(stream, call.Cancellation);
        if (staged.Length == 0) throw new SetErrorException(new SetError("invalidEmail", "the blob is empty"));
        var created = await call.Store.Emails.CreateAsync(account, staged.ToEmail(flags, keywords, receivedAt), mailboxes, guard, call.Cancellation);
        return created.TryGet(out var delivered) ? delivered : throw new SetErrorException(EmailSet.ErrorOf(created.Refusal!));
    }

    // The newest Received stands first; its date is behind the last semicolon (RFC 5321 §4.4).
    private static async ValueTask<DateTimeOffset> ReceivedAsync(MethodCall call, OpenBlob blob)
    {
        var header = new byte[64 * 1024];
        await using var stream = blob.Read();
        var length = await stream.ReadAtLeastAsync(header, header.Length, throwOnEndOfStream: false, call.Cancellation);
        if (HeaderScan.TryFind(header.AsSpan(0, length), "received"u8, out var value)
            && value.LastIndexOf((byte)';') is var semicolon and >= 0 && InternetDate.TryParse(value[(semicolon + 1)..], out var at))
        {
            return at;
        }
        return call.Scope.Parts.Time.GetUtcNow();
    }
}
