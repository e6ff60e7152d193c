using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Admin;

/// <summary>Finds the line of the table for a request, lets it in, runs it, and turns what goes wrong into a problem.</summary>
internal sealed class ApiServer
{
    public const string Prefix = "/api/v1";

    private const string DocumentPath = "openapi.json";

    private readonly AdminParts _parts;
    private readonly Door _door;
    private readonly ILogger _log;
    private readonly byte[] _document;

    public ApiServer(AdminParts parts, Door door, ILogger log, CancellationToken stopping)
    {
        (_parts, _door, _log) = (parts, door, log);
        Routes =
        [
            .. ServerRoutes.All, .. DomainRoutes.All, .. AccountRoutes.All, .. LoginRoutes.All, .. AppPasswordRoutes.All,
            .. AliasRoutes.All, .. QueueRoutes.All, .. ReportRoutes.All,
            .. RouteRoutes.All, .. SuppressionRoutes.All, .. TlsRoutes.All, .. TokenRoutes.All, .. TraceRoutes.All, .. BanRoutes.All,
            .. RuleRoutes.All,
            .. new VerifyRoutes(parts, log, stopping).All,
        ];
        _document = OpenApi.Write(Routes, parts.Facts);
    }

    public IReadOnlyList<Route> Routes { get; }

    public static bool Takes(HttpContext context) => context.Request.Path.StartsWithSegments(Prefix, StringComparison.Ordinal);

    public async Task ServeAsync(HttpContext context)
    {
        try
        {
            await FindAsync(context, Segments(context));
        }
        catch (RefusalException refused)
        {
            await Replies.RefuseAsync(context, refused.Refusal);
        }
        catch (BadHttpRequestException bad)
        {
            var kind = bad.StatusCode == StatusCodes.Status413PayloadTooLarge ? "too-large" : "invalid";
            await Replies.ProblemAsync(context, bad.StatusCode, kind == "too-large"
                ? $"a body has at most {AdminLimits.BodyOctetsMax} octets" : "the request is malformed", kind);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (Exception failure)
        {
            Log.RequestFailed(_log, failure, context.Request.Method, context.Request.Path);
            if (context.Response.HasStarted) context.Abort();
            else if (_parts.IsUnavailable(failure)) await Replies.RefuseAsync(context, Replies.Unavailable);
            else await Replies.MistakeAsync(context);
        }
    }

    private async Task FindAsync(HttpContext context, string[] segments)
    {
        if (segments is [DocumentPath] && HttpMethods.IsGet(context.Request.Method))
        {
            await Replies.WriteAsync(context, _document, Route.Json);
            return;
        }
        var allowed = new List<string>();
        foreach (var route in Routes)
        {
            if (!route.Matches(segments, out var key)) continue;
            if (context.Request.Method == route.Method)
            {
                await RunAsync(context, route, key);
                return;
            }
            allowed.Add(route.Method);
        }
        if (allowed.Count == 0) throw new RefusalException(Replies.NotHere);
        context.Response.Headers.Allow = string.Join(", ", allowed); // RFC 9110 §15.5.6
        await Replies.ProblemAsync(context, StatusCodes.Status405MethodNotAllowed, "this path takes " + string.Join(", ", allowed), "invalid");
    }

    private async Task RunAsync(HttpContext context, Route route, string key)
    {
        var admitted = await _door.AdmitAsync(context);
        if (!admitted.TryGet(out var by))
        {
            var remote = context.Connection.RemoteIpAddress?.ToString() ?? "-";
            Log.NotAdmitted(_log, route.Method, context.Request.Path, remote, admitted.Refusal!.Text);
            await Replies.RefuseAsync(context, admitted.Refusal);
            return;
        }
        foreach (var name in context.Request.Query.Keys)
        {
            if (!route.Query.Any(known => known.Name == name)) throw Call.Invalid("the query has a parameter that is not known here");
        }
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = AdminLimits.BodyOctetsMax;
        context.Response.StatusCode = route.Status;
        await route.RunAsync(new Call(context, _parts, by, key));
    }

    // The path as it was sent: what the server has decoded would no longer tell a slash in an address from one between segments.
    private static string[] Segments(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var query = target.IndexOf('?', StringComparison.Ordinal);
        var path = query < 0 ? target : target[..query];
        var start = path.IndexOf(Prefix, StringComparison.Ordinal);
        return start < 0 ? [] : path[(start + Prefix.Length)..].Split('/', StringSplitOptions.RemoveEmptyEntries);
    }
}
