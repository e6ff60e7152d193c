using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Posthorn.Identity;

/// <summary>
/// Proves that a form comes from our own page in the same browser and session: an HMAC of the form's path under what the browser's cookies
/// hold, which another site can neither read nor set.
/// </summary>
/// <remarks>Beside it stands the browser's word: Sec-Fetch-Site, or else Origin (RFC 6454 §7), must say that our own page sent it.</remarks>
internal static class FormToken
{
    public const string Field = "form-token";

    private const int SecretLength = 43;

    /// <summary>For a form that is sent to this path. Gives the browser a cookie if it has none yet.</summary>
    public static string Of(HttpContext context, string path)
    {
        if (Secret(context) is null) Cookie.Set(context, Cookie.Form, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
        return Base64Url.EncodeToString(Mac(context, "form " + path));
    }

    /// <summary>An HMAC that only this browser in this session gets for these words.</summary>
    public static byte[] Mac(HttpContext context, string words) => HMACSHA256.HashData(
        Encoding.UTF8.GetBytes($"{Secret(context)} {Cookie.Get(context, Cookie.Session)}"), Encoding.UTF8.GetBytes(words));

    public static bool Accepts(HttpContext context, Form form)
    {
        if (!IsOurs(context.Request) || Secret(context) is null) return false;
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        return form[Field].Length == SecretLength && Base64Url.IsValid(form[Field])
            && Base64Url.TryDecodeFromChars(form[Field], given, out var written) && written == given.Length
            && CryptographicOperations.FixedTimeEquals(given, Mac(context, "form " + context.Request.Path.Value));
    }

    // Fetch Metadata §2.4; what a browser without it sends is an Origin. One of them every browser sends with a form.
    internal static bool IsOurs(HttpRequest request)
    {
        if (request.Headers.TryGetValue("Sec-Fetch-Site", out var site)) return site == "same-origin";
        return request.Headers.Origin is [{ } origin]
            && string.Equals(origin, $"{request.Scheme}://{request.Host.Value}", StringComparison.OrdinalIgnoreCase);
    }

    private static string? Secret(HttpContext context) => Cookie.Get(context, Cookie.Form) is { Length: SecretLength } secret ? secret : null;
}
