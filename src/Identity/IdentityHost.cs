using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Posthorn.Directory;

namespace Posthorn.Identity;

// The room of what people see over HTTP: the first page, log-in, the pages of their account, and who they are to others.
//
// What holds here:
//  * Routes.All is the table of everything that is answered: the dispatch, who may enter, and the list of what the tests attack.
//  * Who is logged in is SessionDoor's to say, from one cookie; what a session may do is Directory's. A page gets a Visit that has passed the
//    door, and no page looks at a cookie.
//  * A form is taken only from our own page, in this browser, in this session: FormToken and the browser's own word about the origin.
//    The dispatch checks it before a page runs, so no page can forget it.
//  * Text becomes markup by being encoded (Html). A page runs no script but its own, known by its hash, and stands in no frame.
//  * Where a person is sent afterwards is a page of the table (ReturnTarget), never an address that came from outside.
//  * Nothing tells whether an account exists to somebody who is not logged in to it.
//
// Locks: none.
// What this room must never do: keep a rule about log-ins, reach into a database, trust a header about who asks, put a secret into a log.

/// <summary>Everything that the server shows to people.</summary>
public sealed class IdentityHost
{
    private readonly IdentityParts _parts;
    private readonly SessionDoor _door;
    private readonly ILogger _log;

    private IdentityHost(IdentityParts parts)
    {
        _parts = parts;
        _door = new SessionDoor(parts.Directory.Sessions);
        _log = parts.Logs.CreateLogger("Posthorn.Identity");
    }

    /// <summary>Answers what no other part of the application has answered, so it is mapped last.</summary>
    public static void Map(WebApplication app, IdentityParts parts)
    {
        var host = new IdentityHost(parts);
        app.Use(next => context => context.GetEndpoint() is null ? host.ServeAsync(context) : next(context));
    }

    private async Task ServeAsync(HttpContext context)
    {
        try
        {
            await AnswerAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
        }
        catch (BadHttpRequestException wrong) when (!context.Response.HasStarted)
        {
            await PageShell.WriteAsync(context, _parts, ErrorPages.Unreadable(wrong.StatusCode));
        }
        catch (Exception failure) when (!context.Response.HasStarted)
        {
            var passes = _parts.IsUnavailable(failure);
            if (passes) Log.Unavailable(_log, failure.Message);
            else Log.Mistake(_log, failure, PatternOf(context));
            await PageShell.WriteAsync(context, _parts, passes ? ErrorPages.Unavailable : ErrorPages.Mistake);
        }
    }

    // Never the path itself: it may hold a secret.
    private static string PatternOf(HttpContext context) =>
        Routes.Find(context.Request.Method, context.Request.Path.Value ?? "", out _, out _)?.Path ?? "(no page)";

    private async Task AnswerAsync(HttpContext context)
    {
        if (Routes.Find(context.Request.Method, context.Request.Path.Value ?? "", out var key, out var pathIsThere) is not { } route)
        {
            await NothingAsync(context, pathIsThere);
            return;
        }
        if (route.Entry == Entry.Program)
        {
            await route.RunAsync(new Visit(context, _parts, _door, _log, route, key, null, Form.Empty));
            return;
        }
        // A form that was sent in the clear has been read by others already; showing one would invite the next.
        if (!Door.IsPrivate(context))
        {
            await PageShell.WriteAsync(context, _parts, ErrorPages.InTheClear);
            return;
        }
        var login = await _door.FindAsync(context);
        if ((EntryRefused(context, route, login) ?? await OwedAsync(context, route, login)) is { } elsewhere)
        {
            PageShell.Redirect(context, elsewhere);
            return;
        }
        var form = Form.Empty;
        if (HttpMethods.IsPost(context.Request.Method))
        {
            if (await Form.ReadAsync(context) is not { } read || !FormToken.Accepts(context, read))
            {
                Log.ForeignForm(_log, route.Path, context.Connection.RemoteIpAddress);
                await PageShell.WriteAsync(context, _parts, ErrorPages.ForeignForm);
                return;
            }
            form = read;
        }
        await route.RunAsync(new Visit(context, _parts, _door, _log, route, key, login, form));
    }

    // Where somebody goes who may not enter as he is.
    private string? EntryRefused(HttpContext context, Route route, WebLogin? login)
    {
        if (route.Entry is Entry.Anyone) return null;
        var back = ReturnTarget.Of(route, context.Request);
        if (route.Entry is Entry.Halfway) return login is { Session.IsWhole: false } ? null : LogInPage.Path;
        if (login is not { Session.IsWhole: true }) return back.After(LogInPage.Path);
        var since = _parts.Time.GetUtcNow() - login.Session.AuthenticatedAt;
        var isPost = HttpMethods.IsPost(context.Request.Method);
        return route.Entry is Entry.Fresh && since > (isPost ? IdentityLimits.FreshForFormTime : IdentityLimits.FreshTime)
            ? back.After(AgainPage.Path)
            : null;
    }

    // Where the domain demands a second factor, whoever has none sets one up before anything else.
    private async ValueTask<string?> OwedAsync(HttpContext context, Route route, WebLogin? login)
    {
        if (route.Entry is not (Entry.Person or Entry.Fresh) || login is null || login.Session.Methods.IsMfa) return null;
        if (TwoStepPage.IsSetUp(route) || !await _parts.Directory.SecondFactors.IsOwedAsync(login.Account, context.RequestAborted)) return null;
        return TwoStepPage.Path + "?demanded";
    }

    // A browser names text/html first; everybody else gets a problem (RFC 9457).
    private Task NothingAsync(HttpContext context, bool isThere)
    {
        if (context.Request.Headers.Accept.ToString().StartsWith("text/html", StringComparison.OrdinalIgnoreCase))
        {
            return PageShell.WriteAsync(context, _parts, isThere ? ErrorPages.WrongMethod : ErrorPages.Nothing);
        }
        context.Response.StatusCode = isThere ? StatusCodes.Status405MethodNotAllowed : StatusCodes.Status404NotFound;
        return PageShell.WriteBytesAsync(
            context,
            isThere
                ? """{"title":"Method Not Allowed","status":405,"detail":"this path takes other methods","kind":"invalid"}"""u8.ToArray()
                : """{"title":"Not Found","status":404,"detail":"there is nothing at this path","kind":"not-found"}"""u8.ToArray(),
            "application/problem+json");
    }
}
