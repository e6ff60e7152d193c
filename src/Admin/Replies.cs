using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>The one place where the domain's no becomes HTTP's (RFC 9110 §15, RFC 9457).</summary>
internal static class Replies
{
    public static readonly Refusal NotHere = new(RefusalKind.NotFound, "there is nothing at this path");

    /// <summary>The world failed; the log says how.</summary>
    public static readonly Refusal Unavailable = new(RefusalKind.TemporarilyUnavailable, "the server cannot do it now; try again later");

    public static Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        var status = StatusOf(refusal.Kind);
        // RFC 9110 §11.6.1: a 401 says how to authenticate. RFC 6750 §3: the error is named only when there was a token.
        if (status == StatusCodes.Status401Unauthorized)
        {
            context.Response.Headers.WWWAuthenticate = context.Request.Headers.Authorization.Count == 0
                ? "Bearer realm=\"posthorn\""
                : "Bearer realm=\"posthorn\", error=\"invalid_token\"";
        }
        if (status == StatusCodes.Status503ServiceUnavailable) context.Response.Headers.RetryAfter = "5";
        return ProblemAsync(context, status, refusal.Text, JsonNamingPolicy.KebabCaseLower.ConvertName(refusal.Kind.ToString()));
    }

    /// <summary>We are wrong; the log says where.</summary>
    public static Task MistakeAsync(HttpContext context) => ProblemAsync(
        context, StatusCodes.Status500InternalServerError, "the server made a mistake; its log says which", "internal");

    public static Task ProblemAsync(HttpContext context, int status, string detail, string kind)
    {
        context.Response.StatusCode = status;
        var problem = new Problem(ReasonPhrases.GetReasonPhrase(status), status, detail, kind);
        return WriteAsync(context, JsonSerializer.SerializeToUtf8Bytes(problem, AdminJson.Default.Problem), "application/problem+json");
    }

    public static async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> body, string contentType)
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (context.Response.Headers.CacheControl.Count == 0) context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static int StatusOf(RefusalKind kind) => kind switch
    {
        RefusalKind.NotFound => StatusCodes.Status404NotFound,
        RefusalKind.AlreadyExists => StatusCodes.Status409Conflict,
        RefusalKind.NotAuthenticated => StatusCodes.Status401Unauthorized,
        RefusalKind.Forbidden => StatusCodes.Status403Forbidden,
        RefusalKind.OverQuota => StatusCodes.Status507InsufficientStorage,
        RefusalKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        RefusalKind.TooMany or RefusalKind.RateLimited => StatusCodes.Status429TooManyRequests,
        // No request here carries a precondition, which is what 412 would be about (RFC 9110 §15.5.13).
        RefusalKind.Conflict => StatusCodes.Status409Conflict,
        RefusalKind.Disabled => StatusCodes.Status409Conflict,
        RefusalKind.TemporarilyUnavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status400BadRequest,
    };
}
