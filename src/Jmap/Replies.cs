using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Posthorn.Core;

namespace Posthorn.Jmap;

/// <summary>The one place where the domain's no becomes JMAP's or HTTP's (RFC 8620 §3.6, RFC 9457).</summary>
internal static class Replies
{
    public const string Json = "application/json";

    /// <summary>A refusal of a whole method.</summary>
    public static (string Type, string? Description) MethodError(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.Forbidden or RefusalKind.Disabled or RefusalKind.NotAuthenticated => ("forbidden", refusal.Text),
        RefusalKind.NotFound => ("accountNotFound", refusal.Text),
        RefusalKind.Conflict => ("stateMismatch", refusal.Text),
        RefusalKind.TemporarilyUnavailable => ("serverUnavailable", refusal.Text),
        RefusalKind.TooLarge or RefusalKind.TooMany => ("requestTooLarge", refusal.Text),
        _ => ("invalidArguments", refusal.Text),
    };

    public static Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        var status = refusal.Kind switch
        {
            RefusalKind.NotAuthenticated => StatusCodes.Status401Unauthorized,
            RefusalKind.Forbidden or RefusalKind.Disabled => StatusCodes.Status403Forbidden,
            RefusalKind.NotFound => StatusCodes.Status404NotFound,
            RefusalKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
            RefusalKind.OverQuota => StatusCodes.Status507InsufficientStorage,
            RefusalKind.TooMany or RefusalKind.RateLimited => StatusCodes.Status429TooManyRequests,
            RefusalKind.TemporarilyUnavailable => StatusCodes.Status503ServiceUnavailable,
            _ => StatusCodes.Status400BadRequest,
        };
        if (status == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Basic realm=\"posthorn\", charset=\"UTF-8\"";
        return ProblemAsync(context, status, refusal.Text, "about:blank", null);
    }

    public static Task RefuseAsync(HttpContext context, RequestErrorException refused) => ProblemAsync(
        context, StatusCodes.Status400BadRequest, refused.Message, "urn:ietf:params:jmap:error:" + refused.Error, refused.Limit);

    public static Task ProblemAsync(HttpContext context, int status, string detail, string type = "about:blank", string? limit = null)
    {
        using var output = new ResponseBuffer();
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            json.WriteString("title"u8, ReasonPhrases.GetReasonPhrase(status));
            json.WriteNumber("status"u8, status);
            json.WriteString("detail"u8, detail);
            if (limit is not null) json.WriteString("limit"u8, limit);
            json.WriteEndObject();
        }
        return WriteAsync(context, status, output.Written.ToArray(), "application/problem+json");
    }

    public static async Task WriteAsync(HttpContext context, int status, ReadOnlyMemory<byte> body, string contentType)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-cache, no-store, must-revalidate"; // RFC 8620 §2
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
