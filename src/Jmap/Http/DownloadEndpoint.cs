using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Jmap;

/// <summary>Downloads (RFC 8620 §6.2): a blob under the name and type that the client wants, whole or in a range (RFC 9110 §14).</summary>
internal sealed class DownloadEndpoint(JmapParts parts)
{
    private const int BufferOctets = 64 * 1024;

    private static readonly Refusal Nothing = new(RefusalKind.NotFound, "there is no such blob");

    public async Task ServeAsync(HttpContext context, Identity identity)
    {
        var segments = Segments(context);
        var ct = context.RequestAborted;
        using var blob = segments.Length == 3 && AccountIds.Find(identity, segments[0]) is { } account
            ? await OpenBlob.OpenAsync(parts.Store, account, segments[1], ct) : null;
        if (blob is null)
        {
            await Replies.RefuseAsync(context, Nothing);
            return;
        }
        var length = await blob.LengthAsync(ct);
        WriteHeaders(context, segments[1], segments[2]);
        if (context.Request.Headers.IfNoneMatch.ToString() == context.Response.Headers.ETag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        var (from, to) = RangeOf(context, length);
        if (from > to && length > 0)
        {
            context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{length}");
            context.Response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
            return;
        }
        if (to - from + 1 < length)
        {
            context.Response.StatusCode = StatusCodes.Status206PartialContent;
            context.Response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {from}-{to}/{length}");
        }
        context.Response.ContentLength = to - from + 1;
        if (!HttpMethods.IsHead(context.Request.Method)) await CopyAsync(blob, from, to - from + 1, context);
    }

    // What a blob's id names never changes. Nothing that was in a mail runs in this server's name.
    private static void WriteHeaders(HttpContext context, string id, string name)
    {
        var headers = context.Response.Headers;
        var type = context.Request.Query["accept"].ToString();
        headers.ContentType = type.Length is > 0 and < 200 && MediaTypeHeaderValue.TryParse(type, out _) ? type : "application/octet-stream";
        headers.ContentDisposition = Disposition(name);
        headers.CacheControl = "private, immutable, max-age=31536000";
        headers.ETag = $"\"{id}\"";
        headers.AcceptRanges = "bytes";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
    }

    // RFC 6266 §4.3, RFC 8187: the name in ASCII for the old, in UTF-8 for everybody else.
    private static string Disposition(string name)
    {
        var plain = new StringBuilder();
        foreach (var c in name) plain.Append(c is >= ' ' and <= '~' and not ('"' or '\\' or '%' or '/') ? c : '_');
        var whole = Uri.EscapeDataString(string.Concat(name.Where(static c => !char.IsControl(c))));
        return $"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}";
    }

    // RFC 9110 §14.2: one range; whatever else stands there is passed over, and the whole is answered.
    private static (long From, long To) RangeOf(HttpContext context, long length)
    {
        var whole = (0L, length - 1);
        var range = context.Request.GetTypedHeaders().Range;
        if (range is not { Unit.Value: "bytes", Ranges.Count: 1 }) return whole;
        var ifRange = context.Request.Headers.IfRange.ToString();
        if (ifRange.Length > 0 && ifRange != context.Response.Headers.ETag) return whole;
        var one = range.Ranges.First();
        if (one.From is { } from) return (from, Math.Min(one.To ?? long.MaxValue, length - 1));
        return one.To is > 0 and var last ? (Math.Max(0, length - last), length - 1) : (1, 0);
    }

    private static async Task CopyAsync(OpenBlob blob, long skip, long count, HttpContext context)
    {
        await using var stream = blob.Read();
        var buffer = new byte[BufferOctets];
        while (count > 0)
        {
            var read = await stream.ReadAsync(buffer, context.RequestAborted);
            if (read == 0) return;
            var passed = (int)Math.Min(skip, read);
            skip -= passed;
            var taken = (int)Math.Min(read - passed, count);
            count -= taken;
            if (taken > 0) await context.Response.Body.WriteAsync(buffer.AsMemory(passed, taken), context.RequestAborted);
        }
    }

    // The path as it was sent: a name may have an encoded slash in it.
    private static string[] Segments(HttpContext context)
    {
        var target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var query = target.IndexOf('?', StringComparison.Ordinal);
        var path = query < 0 ? target : target[..query];
        var start = path.IndexOf(JmapHost.DownloadPath, StringComparison.Ordinal);
        return start < 0 ? [] : [.. path[(start + JmapHost.DownloadPath.Length)..].Split('/',
            StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString)];
    }
}
