using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Identity;

/// <summary>Says who is logged in at a request, and carries a session to and from the browser.</summary>
internal sealed class SessionDoor(WebSessions sessions)
{
    /// <summary>The session that the browser shows, also one that waits for a second factor; null for a stranger.</summary>
    public async ValueTask<WebLogin?> FindAsync(HttpContext context) =>
        Cookie.Get(context, Cookie.Session) is { } secret ? await sessions.FindAsync(secret, context.RequestAborted) : null;

    /// <summary>Logs the browser in under a new session; the one that it may have had ends.</summary>
    public async ValueTask<Result<WebSession>> BeginAsync(HttpContext context, AccountId account, Proven proven, WebLogin? before)
    {
        var begun = await sessions.BeginAsync(account, proven, OriginOf(context), context.RequestAborted);
        if (!begun.TryGet(out var issued)) return begun.Refusal!;
        if (before is not null) await sessions.EndAsync(before.Account.Id, before.Session.Id, context.RequestAborted);
        Cookie.Set(context, Cookie.Session, issued.Secret);
        return issued.Session;
    }

    /// <summary>The session goes on with a further proof, under a new id.</summary>
    public async ValueTask<Result<WebSession>> RenewAsync(HttpContext context, WebSession session, LoginMethods added)
    {
        var renewed = await sessions.RenewAsync(session, added, context.RequestAborted);
        if (!renewed.TryGet(out var issued)) return renewed.Refusal!;
        Cookie.Set(context, Cookie.Session, issued.Secret);
        return issued.Session;
    }

    public async ValueTask EndAsync(HttpContext context, WebLogin login)
    {
        await sessions.EndAsync(login.Account.Id, login.Session.Id, context.RequestAborted);
        Cookie.Clear(context, Cookie.Session);
        Cookie.Clear(context, Cookie.Form);
    }

    public static SessionOrigin OriginOf(HttpContext context) =>
        new(context.Connection.RemoteIpAddress, context.Request.Headers.UserAgent.ToString());
}
