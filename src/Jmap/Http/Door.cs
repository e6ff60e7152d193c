using System.Text;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Jmap;

/// <summary>Who asks (RFC 8620 §8.2): HTTP authentication, checked by the directory with each request.</summary>
internal sealed class Door(JmapParts parts)
{
    private const string Basic = "Basic ";

    private static readonly Refusal Nobody = new(RefusalKind.NotAuthenticated, "log in: Authorization: Basic …");
    private static readonly Refusal InTheClear = new(RefusalKind.Forbidden, "passwords are taken over HTTPS only");

    public async ValueTask<Result<Identity>> AdmitAsync(HttpContext context)
    {
        // RFC 9110 §11.6.2: one field with one credential. Several would let a proxy and us see different ones.
        if (context.Request.Headers.Authorization is not [{ } header]) return Nobody;
        var login = new LoginContext("jmap", context.Connection.RemoteIpAddress, context.Request.IsHttps);
        if (header.StartsWith(Basic, StringComparison.OrdinalIgnoreCase)) return await BasicAsync(header[Basic.Length..].Trim(), login, context);
        return Nobody;
    }

    // RFC 7617 §2, with UTF-8 as we announce.
    private async ValueTask<Result<Identity>> BasicAsync(string credentials, LoginContext login, HttpContext context)
    {
        if (!parts.Directory.Authenticator.AcceptsPasswords(login)) return InTheClear;
        var bytes = new byte[credentials.Length];
        if (!Convert.TryFromBase64String(credentials, bytes, out var length)) return Nobody;
        var colon = bytes.AsSpan(0, length).IndexOf((byte)':');
        if (colon < 0) return Nobody;
        using var password = new PasswordCredentials(Encoding.UTF8.GetString(bytes, 0, colon), bytes[(colon + 1)..length]);
        Array.Clear(bytes);
        return await parts.Directory.Authenticator.AuthenticateAsync(password, login, context.RequestAborted);
    }
}
