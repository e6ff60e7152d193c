using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Jmap;

/// <summary>Uploads (RFC 8620 §6.1): durable before they are answered, seen by their account alone.</summary>
internal sealed class UploadEndpoint(JmapParts parts)
{
    private readonly Places _places = new(JmapLimits.ConcurrentUploadsMax);

    public async Task ServeAsync(HttpContext context, Identity identity, string path)
    {
        if (AccountIds.Find(identity, path.Trim('/')) is not { } account)
        {
            await Replies.RefuseAsync(context, new Refusal(RefusalKind.NotFound, "there is no such account"));
            return;
        }
        if (context.Request.ContentLength > JmapLimits.UploadOctetsMax) throw TooLarge();
        if (!_places.TryEnter(account.Value))
        {
            throw new RequestErrorException("limit", "too many uploads at the same time") { Limit = "maxConcurrentUpload" };
        }
        try
        {
            // The store counts.
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = null;
            var added = await parts.Store.Uploads.AddAsync(account, context.Request.Body, JmapLimits.UploadOctetsMax, context.RequestAborted);
            if (!added.TryGet(out var upload))
            {
                if (added.Refusal!.Kind == RefusalKind.TooLarge) throw TooLarge();
                await Replies.RefuseAsync(context, added.Refusal);
                return;
            }
            Log.Uploaded(parts.Log, identity.Login, upload.SizeBytes);
            using var output = new ResponseBuffer();
            using (var json = new Utf8JsonWriter(output))
            {
                json.WriteStartObject();
                json.WriteString("accountId"u8, AccountIds.Of(account));
                json.WriteString("blobId"u8, BlobName.Of(upload.Blob));
                json.WriteString("type"u8, TypeOf(context.Request.ContentType));
                json.WriteNumber("size"u8, upload.SizeBytes);
                json.WriteEndObject();
            }
            await Replies.WriteAsync(context, StatusCodes.Status201Created, output.Written, Replies.Json);
        }
        finally
        {
            _places.Leave(account.Value);
        }
    }

    private static RequestErrorException TooLarge() =>
        new("limit", $"a file has at most {JmapLimits.UploadOctetsMax} octets") { Limit = "maxSizeUpload" };

    private static string TypeOf(string? contentType) => string.IsNullOrWhiteSpace(contentType) ? "application/octet-stream" : contentType.Trim();
}
