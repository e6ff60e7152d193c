using System.Net;
using Microsoft.AspNetCore.Http;
using Posthorn.Core;

namespace Posthorn.Identity;

/// <summary>What is known of the connection under a request.</summary>
internal static class Door
{
    /// <summary>Nobody on the way reads along: TLS, or a program of this machine. A header can only take that away.</summary>
    public static bool IsPrivate(HttpContext context) => context.Request.IsHttps || IsLoopback(context);

    private static bool IsLoopback(HttpContext context)
    {
        var headers = context.Request.Headers;
        return (context.Connection.RemoteIpAddress is not { } remote || IPAddress.IsLoopback(remote.Unmapped()))
            && !headers.ContainsKey("Forwarded") && !headers.ContainsKey("X-Forwarded-For") && !headers.ContainsKey("X-Real-IP");
    }
}
