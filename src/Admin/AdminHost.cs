using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Admin;

// The room of what the server says about itself to programs over HTTP: the API under /api/v1, /healthz, /readyz and /metrics. Pages for
// people are somebody else's.
//
// What holds here:
//  * Every request of the API carries an Authority before its route runs: from the admin socket, which only its owner can open, or from a
//    bearer token. Nothing that a client writes into a request makes it anything else than it is; headers can only take trust away.
//  * What may be done is Directory's and Delivery's decision. This room asks them with the Authority, also before it shows something.
//  * One table of routes is the dispatch, the OpenAPI document and the list of what the tests try. The shapes are the records of Api/*View.cs.
//  * A secret is in an answer once, when it is made, and in no log and no refusal. What went wrong inside stands in the log only.
//  * Bodies, pages and series of metrics have an end: AdminLimits.
//
// Locks: none. One verification runs at a time.
// What this room must never do: reach into a database, keep a rule about mail, trust a header.

/// <summary>Everything that the server says over HTTP about itself.</summary>
public sealed class AdminHost : IDisposable
{
    private readonly AdminParts _parts;
    private readonly MetricsCollector _collector = new();
    private readonly ApiServer _api;
    private readonly Readiness _readiness;
    private readonly MetricsPage _metrics;
    private readonly StsPage _sts;
    private readonly MarkPage _marks;
    private readonly ClientSetup _setup;

    internal AdminHost(AdminParts parts, CancellationToken stopping)
    {
        _parts = parts;
        var log = parts.Logs.CreateLogger("Posthorn.Admin");
        var door = new Door(parts.Directory);
        _api = new ApiServer(parts, door, log, stopping);
        _readiness = new Readiness(parts, log);
        _metrics = new MetricsPage(parts, door, _collector);
        _sts = new StsPage(parts);
        _marks = new MarkPage(parts);
        _setup = new ClientSetup(parts);
    }

    internal IReadOnlyList<Route> Routes => _api.Routes;

    /// <summary>Answers its own paths, sends plain HTTP to HTTPS, and lets everything else pass to what is mapped after it.</summary>
    public static void Map(WebApplication app, AdminParts parts)
    {
        var host = new AdminHost(parts, app.Lifetime.ApplicationStopping);
        app.Lifetime.ApplicationStopped.Register(host.Dispose);
        app.Use(next => context => context.GetEndpoint() is null ? host.ServeAsync(context, next) : next(context));
    }

    public void Dispose() => _collector.Dispose();

    private Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        if (ApiServer.Takes(context)) return _api.ServeAsync(context);
        if (ClientSetup.Takes(context)) return _setup.ServeAsync(context);
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method)) return next(context);
        return context.Request.Path.Value switch
        {
            "/healthz" => Replies.WriteAsync(context, "ok\n"u8.ToArray(), "text/plain; charset=utf-8"),
            "/readyz" => _readiness.ServeAsync(context),
            "/metrics" => _metrics.ServeAsync(context),
            _ when IsInTheClear(context) => RedirectAsync(context),
            StsPage.Path => _sts.ServeAsync(context),
            _ when MarkPage.Takes(context.Request.Path) => _marks.ServeAsync(context),
            _ => next(context),
        };
    }

    // From this machine itself nobody needs TLS, and its self-signed certificate would only be in the way.
    private bool IsInTheClear(HttpContext context) =>
        _parts.Facts.HttpsPort is not null && !context.Request.IsHttps && AdminSocket.Of(context) is null && !Door.IsLoopback(context);

    // RFC 9110 §15.4.9: the same request again, over TLS. The name that was asked for stays when it can be one.
    private Task RedirectAsync(HttpContext context)
    {
        var host = Domain.TryParse(context.Request.Host.Host, out var asked) ? asked : _parts.Facts.Hostname;
        var target = new UriBuilder(Uri.UriSchemeHttps, host.Ascii, _parts.Facts.HttpsPort!.Value, context.Request.Path)
        {
            Query = context.Request.QueryString.Value,
        };
        context.Response.Redirect(target.Uri.AbsoluteUri, permanent: true, preserveMethod: true);
        return Task.CompletedTask;
    }
}
