using System.IO.Pipelines;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>Email/set (RFC 8621 §4.6). Created Emails are an action each; all updates are one, and all destructions.</summary>
internal static class EmailSet
{
    public static async ValueTask RunAsync(MethodCall call)
    {
        call.Arguments.Only(SetRequest.ArgumentNames);
        var request = SetRequest.Read(call);
        var before = await StateText.NowAsync(call, request.Account);
        if (request.Expected is { } expected && expected != before) throw new MethodErrorException("stateMismatch");
        var result = new SetResult(call, request.Account);
        // The first action decides whether the state is still the one that the client knows.
        var guard = request.Expected;
        foreach (var entry in request.Create)
        {
            await CreateAsync(call, request.Account, entry, guard, result);
            guard = null;
        }
        if (request.Update.Count > 0) await UpdateAsync(call, request, guard, result);
        if (request.Destroy.Count > 0) await DestroyAsync(call, request, request.Update.Count > 0 ? null : guard, result);
        result.Write(before, await StateText.NowAsync(call, request.Account));
    }

    /// <summary>What the answer tells of a new Email.</summary>
    public static void WriteCreated(Utf8JsonWriter json, AccountId account, Delivered delivered)
    {
        json.WriteString("id"u8, ObjectId.Of(account, delivered.Email));
        json.WriteString("blobId"u8, BlobName.Of(account, delivered.Email));
        json.WriteString("threadId"u8, ObjectId.Of(account, delivered.Thread));
        json.WriteNumber("size"u8, delivered.SizeBytes);
    }

    /// <summary>A refusal of the store, for one Email.</summary>
    public static SetError ErrorOf(Refusal refusal)
    {
        if (ReferenceEquals(refusal, EmailRefusals.StateMismatch)) throw new MethodErrorException("stateMismatch");
        if (ReferenceEquals(refusal, EmailRefusals.NoMailbox) || ReferenceEquals(refusal, EmailRefusals.NoSuchMailbox))
        {
            return SetError.Invalid("mailboxIds", refusal.Text);
        }
        return ReferenceEquals(refusal, EmailRefusals.TooManyKeywords) || refusal.Kind == RefusalKind.TooMany
            ? new SetError("tooManyKeywords", refusal.Text) : SetError.Of(refusal);
    }

    private static async ValueTask CreateAsync(MethodCall call, AccountId account, JsonProperty entry, AccountState? guard, SetResult result)
    {
        try
        {
            var written = entry.Value;
            var mailboxes = MetadataReader.Mailboxes(call, account, written.TryGetProperty("mailboxIds"u8, out var ids) ? ids : default);
            var (flags, keywords) = written.TryGetProperty("keywords"u8, out var set) && set.ValueKind != JsonValueKind.Null
                ? MetadataReader.Keywords(set) : (SystemFlags.None, []);
            var receivedAt = written.TryGetProperty("receivedAt"u8, out var at) && at.ValueKind != JsonValueKind.Null
                ? MetadataReader.Time(at, "receivedAt") : call.Scope.Parts.Time.GetUtcNow();
            using var draft = await EmailDraft.ReadAsync(call, account, written);
            var staged = await StageAsync(call, draft);
            var created = await call.Store.Emails.CreateAsync(account, staged.ToEmail(flags, keywords, receivedAt), mailboxes, guard,
                call.Cancellation);
            if (created.TryGet(out var delivered))
            {
                result.Created(entry.Name, ObjectId.Of(account, delivered.Email), json => WriteCreated(json, account, delivered));
            }
            else
            {
                result.NotCreated(entry.Name, ErrorOf(created.Refusal!));
            }
        }
        catch (SetErrorException refused)
        {
            result.NotCreated(entry.Name, refused.Error);
        }
    }

    // The message goes to the blobs while it is written: it is never whole in memory beside its attachments.
    private static async ValueTask<StagedMessage> StageAsync(MethodCall call, EmailDraft draft)
    {
        var pipe = new Pipe();
        var writing = WriteAsync(draft, pipe.Writer, call.Cancellation);
        try
        {
            return await call.Store.StageAsync(pipe.Reader.AsStream(), call.Cancellation);
        }
        finally
        {
            await pipe.Reader.CompleteAsync();
            await writing;
        }
    }

    private static async Task WriteAsync(EmailDraft draft, PipeWriter writer, CancellationToken ct)
    {
        try
        {
            await using var stream = writer.AsStream(leaveOpen: true);
            await OutgoingMessage.WriteAsync(draft.Fields, draft.Body, stream, ct);
            await writer.CompleteAsync();
        }
        catch (Exception failure)
        {
            await writer.CompleteAsync(failure); // whoever reads hears of it
        }
    }

    private static async ValueTask UpdateAsync(MethodCall call, SetRequest request, AccountState? guard, SetResult result)
    {
        var updates = new List<(string Id, EmailUpdate Update)>();
        var seen = new HashSet<EmailId>();
        foreach (var entry in request.Update)
        {
            try
            {
                if (call.Resolve(entry.Name) is not { } id || !ObjectId.TryEmail(id, request.Account, out var email) || !seen.Add(email))
                    throw new SetErrorException(SetError.Missing);
                updates.Add((id, EmailPatch.Read(call, request.Account, email, entry.Value)));
            }
            catch (SetErrorException refused)
            {
                result.NotUpdated(entry.Name, refused.Error);
            }
        }
        var done = await call.Store.Emails.UpdateAsync(request.Account, updates.ConvertAll(static u => u.Update), guard, call.Cancellation);
        if (!done.TryGet(out var refusals))
        {
            var error = ErrorOf(done.Refusal!);
            foreach (var (id, _) in updates) result.NotUpdated(id, error);
            return;
        }
        for (var i = 0; i < refusals.Length; i++)
        {
            if (refusals[i] is { } refusal) result.NotUpdated(updates[i].Id, ErrorOf(refusal));
            else result.Updated(updates[i].Id);
        }
    }

    private static async ValueTask DestroyAsync(MethodCall call, SetRequest request, AccountState? guard, SetResult result)
    {
        var (asked, missing) = EmailGet.Resolve(call, request.Account, request.Destroy);
        foreach (var id in missing) result.NotDestroyed(id, SetError.Missing);
        var done = await call.Store.Emails.DestroyAsync(request.Account, asked.ConvertAll(static a => a.Email), guard, call.Cancellation);
        if (!done.TryGet(out var refusals))
        {
            var error = ErrorOf(done.Refusal!);
            foreach (var (id, _) in asked) result.NotDestroyed(id, error);
            return;
        }
        for (var i = 0; i < refusals.Length; i++)
        {
            if (refusals[i] is { } refusal) result.NotDestroyed(asked[i].Id, ErrorOf(refusal));
            else result.Destroyed(ObjectId.Of(request.Account, asked[i].Email));
        }
    }
}
