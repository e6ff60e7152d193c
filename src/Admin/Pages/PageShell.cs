using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Posthorn.Admin;

/// <summary>What every page has around it: head, style, and a policy under which nothing but this style is loaded and nothing runs.</summary>
internal static class PageShell
{
    private static readonly Html Style = Html.Of($$"""
        :root{color-scheme:light dark;--ground:#f7f5f0;--card:#fff;--ink:#1f2328;--soft:#5a6169;--line:#dfdbd2;--brand:#8a5a00;--brass:#d49a2a}
        @media(prefers-color-scheme:dark){
        :root{--ground:#15171a;--card:#1e2125;--ink:#eceae5;--soft:#a9adb3;--line:#34383e;--brand:#f0c064;--brass:#f0c064}
        }
        *{box-sizing:border-box}
        body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
        main,footer{max-width:46rem;margin:0 auto;padding:0 1.25rem}
        main{padding-top:clamp(2rem,7vw,4.5rem)}
        h1{font-size:clamp(1.6rem,5.5vw,2.3rem);line-height:1.15;letter-spacing:-.015em;margin:1rem 0 .5rem;overflow-wrap:anywhere}
        h2{font-size:1.05rem;margin:0 0 .75rem}
        p{margin:.5rem 0;max-width:38rem}
        .lead{color:var(--soft);font-size:1.1rem}
        .horn{display:block;width:3rem;height:3rem;color:var(--brass)}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:1rem;margin:2rem 0 1rem}
        .card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.15rem 1.25rem}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1rem;margin:0}
        dt{color:var(--soft)}
        dd{margin:0;font-weight:600;overflow-wrap:anywhere}
        .log-in{grid-column:1/-1}
        details{border-top:1px solid var(--line);padding:.9rem 0}
        details+details{margin-top:-1px}
        summary{cursor:pointer;font-weight:600}
        table{border-collapse:collapse;margin:.75rem 0 .25rem;width:100%}
        th,td{text-align:left;padding:.4rem 1rem .4rem 0;border-bottom:1px solid var(--line)}
        th{color:var(--soft);font-weight:500}
        a{color:var(--brand)}
        :focus-visible{outline:3px solid var(--brass);outline-offset:3px;border-radius:.25rem}
        footer{color:var(--soft);font-size:.9rem;padding-top:2rem;padding-bottom:3rem}
        """);

    // A posthorn: one coil, a bell, a mouthpiece.
    private static readonly Html Horn = Html.Of($"""
        <svg class="horn" viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3.2" stroke-linecap="round" aria-hidden="true">
        <circle cx="21" cy="25" r="11"/><path d="M4 13h17c7 0 12 5 14 9l9-8v22l-9-8"/><path d="M4 10v6"/></svg>
        """);

    // Content Security Policy level 3: the style is known by its hash.
    private static readonly string Policy = "default-src 'none'; style-src 'sha256-"
        + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style.ToString())))
        + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static Task WriteAsync(HttpContext context, int status, string title, Html content)
    {
        var page = Html.Of($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{title}</title>
            <style>{Style}</style>
            </head>
            <body>
            <main>
            {Horn}
            {content}
            </main>
            <footer><p>Posthorn, a mail server in one program.</p></footer>
            </body>
            </html>
            """);
        context.Response.StatusCode = status;
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        return Replies.WriteAsync(context, Encoding.UTF8.GetBytes(page.ToString()), "text/html; charset=utf-8");
    }
}
