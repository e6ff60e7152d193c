using Microsoft.AspNetCore.Http;

namespace Posthorn.Identity;

/// <summary>The cookies of this room: for this host only, unreadable by scripts, not sent with what other sites ask for.</summary>
/// <remarks>
/// RFC 6265bis §4.1.3.2: a name that begins with <c>__Host-</c> can be set over TLS by this host alone, by no subdomain and no neighbour
/// on the network. Plain HTTP is for this machine itself, where the name does without.
/// </remarks>
internal static class Cookie
{
    public const string Session = "posthorn";
    public const string Form = "posthorn-form";

    /// <summary>What the browser has, or will have after this answer.</summary>
    public static string? Get(HttpContext context, string name) =>
        context.Items.TryGetValue(ItemOf(name), out var set) ? (string?)set : context.Request.Cookies[NameOf(context, name)];

    /// <summary>Until the browser is closed.</summary>
    public static void Set(HttpContext context, string name, string value)
    {
        context.Items[ItemOf(name)] = value;
        context.Response.Cookies.Append(NameOf(context, name), value, Options(context));
    }

    public static void Clear(HttpContext context, string name)
    {
        context.Items[ItemOf(name)] = null;
        context.Response.Cookies.Delete(NameOf(context, name), Options(context));
    }

    private static string ItemOf(string name) => "cookie " + name;

    private static string NameOf(HttpContext context, string name) => context.Request.IsHttps ? "__Host-" + name : name;

    private static CookieOptions Options(HttpContext context) => new()
    {
        Path = "/",
        Secure = context.Request.IsHttps,
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
    };
}
