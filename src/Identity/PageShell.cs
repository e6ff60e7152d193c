using System.Text;
using Microsoft.AspNetCore.Http;

namespace Posthorn.Identity;

/// <summary>
/// What every page has around it: head, bar, tabs, and the headers under which it can be neither framed, cached nor made to run anything.
/// </summary>
internal static class PageShell
{
    // A posthorn: a mouthpiece, one coil, a bell.
    private static readonly Html Horn = Html.Of($"""
        <svg class="horn" viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3.2" stroke-linecap="round" aria-hidden="true">
        <circle cx="21" cy="24" r="10.5"/><path d="M3.500 10.500v6M3.500 13.500H21M21 34.500h12l11-6.500v13l-11-6.500"/></svg>
        """);

    // RFC 6797 §6.1: a year, for this host only; what else lies under its name is not this server's to decide.
    private const string StrictTransport = "max-age=31536000";

    private static readonly (string Path, string Name)[] Tabs =
    [
        (OverviewPage.Path, "Overview"),
        (DevicesPage.Path, "Devices"),
        (SessionsPage.Path, "Sessions"),
        (PasswordPage.Path, "Password"),
        (TwoStepPage.Path, "Two-step"),
        (PasskeysPage.Path, "Passkeys"),
        (HistoryPage.Path, "History"),
    ];

    /// <param name="visit">Null where nobody was looked for: on pages about errors.</param>
    public static Task WriteAsync(HttpContext context, IdentityParts parts, Page page, Visit? visit = null)
    {
        var isInside = visit is { IsLoggedIn: true } && !page.IsNarrow;
        var text = Html.Of($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{page.Title} – {parts.Facts.Hostname.Unicode}</title>
            <style>{PageStyle.Text}</style>
            </head>
            <body{(isInside ? default : page.IsNarrow ? Html.Of($" class=\"narrow\"") : Html.Of($" class=\"first\""))}>
            <a class="skip" href="#content">Skip to the content</a>
            {(isInside ? Inside(parts, visit!) : default)}
            <main id="content">
            {(isInside ? default : Horn)}
            {page.Content}
            </main>
            <footer><p>Posthorn, a mail server in one program.</p></footer>
            {(page.Script.ToString().Length == 0 ? default : Html.Of($"<script>{page.Script}</script>"))}
            </body>
            </html>
            """);
        context.Response.StatusCode = page.Status;
        context.Response.Headers.ContentSecurityPolicy = PolicyOf(page);
        return WriteBytesAsync(context, Encoding.UTF8.GetBytes(text.ToString()), "text/html; charset=utf-8");
    }

    public static async Task WriteBytesAsync(HttpContext context, ReadOnlyMemory<byte> body, string contentType)
    {
        Protect(context);
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method)) await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    public static void Redirect(HttpContext context, string target)
    {
        Protect(context);
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = target;
    }

    // A form of ours needs to say where it comes from, which no-referrer would forbid (Fetch §3.2: the Origin would be null).
    private static void Protect(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "publickey-credentials-get=(self), publickey-credentials-create=(self)";
        if (context.Request.IsHttps) headers.StrictTransportSecurity = StrictTransport;
    }

    // Content Security Policy level 3: style and script are known by their hashes.
    private static string PolicyOf(Page page)
    {
        var script = page.Script.ToString().Length == 0 ? "" : $"script-src {PageStyle.HashOf(page.Script)}; ";
        var forms = page.FormOrigin is { } origin ? $"'self' {origin}" : "'self'";
        return $"default-src 'none'; {script}style-src {PageStyle.Hash}; base-uri 'none'; form-action {forms}; frame-ancestors 'none'";
    }

    private static Html Inside(IdentityParts parts, Visit visit) => Html.Of($"""
        <header class="bar">
        <a href="{OverviewPage.Path}">{Horn}<span>{parts.Facts.Hostname.Unicode}</span></a>
        <span class="who">{visit.Account.Address.ToString()}</span>
        <form method="post" action="{LogOutPage.Path}">{visit.FormFields(LogOutPage.Path)}<button class="quiet small">Log out</button></form>
        </header>
        <nav class="tabs" aria-label="Your account"><ul>
        {Html.Join(Tabs.Select(tab => Tab(tab.Path, tab.Name, visit)))}
        </ul></nav>
        """);

    private static Html Tab(string path, string name, Visit visit)
    {
        var isHere = path == OverviewPage.Path ? visit.Route.Path == path : visit.Route.Path.StartsWith(path, StringComparison.Ordinal);
        return Html.Of($"<li><a href=\"{path}\"{(isHere ? Html.Of($" aria-current=\"page\"") : default)}>{name}</a></li>");
    }
}
