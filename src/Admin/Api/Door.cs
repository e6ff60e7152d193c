using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <summary>Who asks, and how far that reaches. The admin socket needs nothing but to be opened; everybody else needs a token.</summary>
internal sealed class Door(MailDirectory directory)
{
    private const string Scheme = "Bearer ";

    private static readonly Refusal NoToken = new(RefusalKind.NotAuthenticated, "this needs a token: Authorization: Bearer …");
    private static readonly Refusal InTheClear = new(RefusalKind.Forbidden, "tokens are taken over HTTPS only; this one has been seen in the clear");
    private static readonly Refusal OutOfScope = new(RefusalKind.Forbidden, "the token lacks the scope for this");

    /// <summary>For the API.</summary>
    public async ValueTask<Result<Authority>> AdmitAsync(HttpContext context)
    {
        if (AdminSocket.Of(context) is { } socket) return SocketAuthority(socket);
        var verified = await TokenAsync(context);
        if (!verified.TryGet(out var token)) return verified.Refusal!;
        return token.Authority is { } authority ? authority : OutOfScope;
    }

    /// <summary>For the metrics, which tell about the whole server: from this machine, or with a token that is not limited to a domain.</summary>
    /// <returns>Null when they may be seen.</returns>
    public async ValueTask<Refusal?> AdmitToMetricsAsync(HttpContext context)
    {
        if (AdminSocket.Of(context) is not null || IsLoopback(context)) return null;
        var verified = await TokenAsync(context);
        if (!verified.TryGet(out var token)) return verified.Refusal;
        return token.Domain is null && (token.Scopes & (TokenScopes.Metrics | TokenScopes.Admin)) != 0 ? null : OutOfScope;
    }

    /// <summary>The client is a program of this machine. A header can only take that away: whoever forwards is not the one who asks.</summary>
    public static bool IsLoopback(HttpContext context)
    {
        var headers = context.Request.Headers;
        return context.Connection.RemoteIpAddress is { } remote && IPAddress.IsLoopback(remote.Unmapped())
            && !headers.ContainsKey("Forwarded") && !headers.ContainsKey("X-Forwarded-For") && !headers.ContainsKey("X-Real-IP");
    }

    private static Authority SocketAuthority(AdminSocket socket) => socket.User is { } user
        ? Authority.OverEverything(string.Create(CultureInfo.InvariantCulture, $"user {user} of this machine"))
        : Authority.System;

    private async ValueTask<Result<ApiToken>> TokenAsync(HttpContext context)
    {
        // RFC 9110 §11.6.2: one field with one credential. Several would let a proxy and us see different ones.
        if (context.Request.Headers.Authorization is not [{ } header]) return NoToken;
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return NoToken;
        if (!context.Request.IsHttps && !IsLoopback(context)) return InTheClear;
        return await directory.Tokens.VerifyAsync(header[Scheme.Length..].Trim(), context.Connection.RemoteIpAddress, context.RequestAborted);
    }
}
