using Microsoft.AspNetCore.Http;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>The marks of senders, for mail programs that find their address in a message.</summary>
internal sealed class MarkPage(AdminParts parts)
{
    private const string Suffix = ".svg";

    public static bool Takes(PathString path) => path.Value!.StartsWith(Indicators.Path, StringComparison.Ordinal);

    public async Task ServeAsync(HttpContext context)
    {
        var name = context.Request.Path.Value![Indicators.Path.Length..];
        var image = parts.Trust.Indicators is { } marks && name.EndsWith(Suffix, StringComparison.Ordinal)
            ? await marks.ImageAsync(name[..^Suffix.Length], context.RequestAborted) : null;
        if (image is null)
        {
            await Replies.RefuseAsync(context, Replies.NotHere);
            return;
        }
        var headers = context.Response.Headers;
        headers.CacheControl = "public, max-age=31536000, immutable"; // its name is its hash
        headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
        headers.AccessControlAllowOrigin = "*";
        await Replies.WriteAsync(context, image, "image/svg+xml");
    }
}
