using System.Buffers;
using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Jmap;

// The room of JMAP (RFC 8620, RFC 8621): the store's own model over HTTP, and the only API that the webmail uses.
//
// What holds here:
//  * One table of methods (Methods) is dispatch, capability gate and metric label. A method is a file and a line there.
//  * A method reads its arguments first, completely, and names the one that is wrong; then it asks the store; then it writes. What it has
//    written before it fails is taken back, so an answer is a response or an error and never half of one.
//  * State strings are the account's change number with its epoch (StateText). A /get tells the number of the snapshot that it read; a
//    /query tells one that everything it saw is at least as new as.
//  * Rules about mail are the store's. Here is the form only: JSON to values, values to JSON.
//  * JSON is read through JsonDocument and written through Utf8JsonWriter: no reflection, and nothing of a request outlives it.
//
// Locks: none. Places counts what each account has under way.
// What this room must never do: trust an id before the store has found it in the account, open a message for what the list shows, keep
// state between requests.

/// <summary>JMAP over HTTP.</summary>
public sealed class JmapHost
{
    public const string ApiPath = "/jmap";
    public const string WellKnownPath = "/.well-known/jmap";
    public const string UploadPath = "/jmap/upload";
    public const string DownloadPath = "/jmap/download";
    public const string EventSourcePath = "/jmap/eventsource";

    private static readonly Refusal NotHere = new(RefusalKind.NotFound, "there is nothing at this path");

    private readonly JmapParts _parts;
    private readonly Door _door;
    private readonly Places _requests = new(JmapLimits.ConcurrentRequestsMax);
    private readonly UploadEndpoint _uploads;
    private readonly DownloadEndpoint _downloads;

    internal JmapHost(JmapParts parts)
    {
        _parts = parts;
        _door = new Door(parts);
        _uploads = new UploadEndpoint(parts);
        _downloads = new DownloadEndpoint(parts);
    }

    /// <summary>Takes the paths of JMAP, and lets every other pass.</summary>
    public static void Map(IApplicationBuilder app, JmapParts parts)
    {
        var host = new JmapHost(parts);
        app.Use(next => context => Takes(context) ? host.ServeAsync(context) : next(context));
    }

    private static bool Takes(HttpContext context) =>
        context.Request.Path.StartsWithSegments(ApiPath, StringComparison.Ordinal)
        || context.Request.Path.Equals(WellKnownPath, StringComparison.Ordinal);

    private async Task ServeAsync(HttpContext context)
    {
        try
        {
            var admitted = await _door.AdmitAsync(context);
            if (!admitted.TryGet(out var identity)) await Replies.RefuseAsync(context, admitted.Refusal!);
            else await RouteAsync(context, identity);
        }
        catch (RequestErrorException refused)
        {
            await Replies.RefuseAsync(context, refused);
        }
        catch (RefusalException refused)
        {
            await Replies.RefuseAsync(context, refused.Refusal);
        }
        catch (BadHttpRequestException bad)
        {
            await Replies.ProblemAsync(context, bad.StatusCode, "the request is malformed or too large");
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (Exception failure)
        {
            Log.RequestFailed(_parts.Log, failure, context.Request.Method, context.Request.Path);
            if (context.Response.HasStarted) context.Abort();
            else if (_parts.IsUnavailable(failure)) await Replies.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, "try again later");
            else await Replies.ProblemAsync(context, StatusCodes.Status500InternalServerError, "the server made a mistake; its log says which");
        }
    }

    private Task RouteAsync(HttpContext context, Identity identity)
    {
        var path = context.Request.Path;
        var isRead = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var isPost = HttpMethods.IsPost(context.Request.Method);
        if (path == WellKnownPath) return isRead ? SessionAsync(context, identity) : WrongMethodAsync(context, "GET");
        if (path == ApiPath || path == ApiPath + "/") return isPost ? CallAsync(context, identity) : WrongMethodAsync(context, "POST");
        if (path.StartsWithSegments(UploadPath, out var upload))
            return isPost ? _uploads.ServeAsync(context, identity, upload.Value!) : WrongMethodAsync(context, "POST");
        if (path.StartsWithSegments(DownloadPath, out _))
            return isRead ? _downloads.ServeAsync(context, identity) : WrongMethodAsync(context, "GET");
        return Replies.RefuseAsync(context, NotHere);
    }

    private static Task WrongMethodAsync(HttpContext context, string allowed)
    {
        context.Response.Headers.Allow = allowed;
        return Replies.ProblemAsync(context, StatusCodes.Status405MethodNotAllowed, "this path takes " + allowed);
    }

    private static async Task SessionAsync(HttpContext context, Identity identity)
    {
        var tag = $"\"{Session.StateOf(identity)}\"";
        context.Response.Headers.ETag = tag;
        if (context.Request.Headers.IfNoneMatch.ToString() == tag)
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        using var output = new ResponseBuffer();
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            Session.Write(json, identity, Session.OriginOf(context));
        }
        await Replies.WriteAsync(context, StatusCodes.Status200OK, output.Written, Replies.Json);
    }

    private async Task CallAsync(HttpContext context, Identity identity)
    {
        var started = Stopwatch.GetTimestamp();
        if (!IsJson(context.Request.ContentType)) throw new RequestErrorException("notJSON", "the content type is application/json");
        if (!_requests.TryEnter(identity.Account.Value))
        {
            throw new RequestErrorException("limit", "too many requests at the same time") { Limit = "maxConcurrentRequests" };
        }
        try
        {
            using var body = new ResponseBuffer();
            await ReadBodyAsync(context, body);
            using var request = RequestReader.Read(body.Written);
            using var output = new ResponseBuffer();
            await Dispatcher.RunAsync(new RequestScope(_parts, identity, context.RequestAborted), request, output);
            await Replies.WriteAsync(context, StatusCodes.Status200OK, output.Written, Replies.Json);
        }
        finally
        {
            _requests.Leave(identity.Account.Value);
            Meters.Answered(Stopwatch.GetElapsedTime(started));
        }
    }

    private static bool IsJson(string? type)
    {
        var end = type?.IndexOf(';', StringComparison.Ordinal) ?? -1;
        return (end < 0 ? type : type![..end])?.Trim().Equals(Replies.Json, StringComparison.OrdinalIgnoreCase) == true;
    }

    private static async Task ReadBodyAsync(HttpContext context, ResponseBuffer body)
    {
        if (context.Request.ContentLength > JmapLimits.RequestOctetsMax) throw TooLarge();
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = null; // counted below
        while (true)
        {
            var read = await context.Request.Body.ReadAsync(body.GetMemory(16 * 1024), context.RequestAborted);
            if (read == 0) return;
            body.Advance(read);
            if (body.Length > JmapLimits.RequestOctetsMax) throw TooLarge();
        }
    }

    private static RequestErrorException TooLarge() =>
        new("limit", $"a request has at most {JmapLimits.RequestOctetsMax} octets") { Limit = "maxSizeRequest" };
}
