using System.Net;
using Microsoft.Extensions.Logging;

namespace Posthorn.Wire;

internal static partial class Log
{
    [LoggerMessage(1001, LogLevel.Debug, "{Listener} {Session}: connection from {Remote}")]
    public static partial void Accepted(ILogger log, string listener, string session, IPEndPoint remote);

    [LoggerMessage(1002, LogLevel.Debug, "{Listener} {Session}: connection from {Remote} is over: {Reason}")]
    public static partial void Closed(ILogger log, string listener, string session, IPEndPoint remote, string reason);

    [LoggerMessage(1003, LogLevel.Warning, "{Listener} {Session}: no place for {Remote}: too many connections")]
    public static partial void NoPlace(ILogger log, string listener, string session, IPEndPoint remote);

    [LoggerMessage(1004, LogLevel.Information, "{Listener} {Session}: TLS handshake with {Remote} failed: {Reason}")]
    public static partial void HandshakeFailed(ILogger log, string listener, string session, IPEndPoint remote, string? reason);

    [LoggerMessage(1005, LogLevel.Error, "{Listener} {Session}: the session with {Remote} failed")]
    public static partial void SpeakerFailed(ILogger log, Exception error, string listener, string session, IPEndPoint remote);

    [LoggerMessage(1006, LogLevel.Warning, "{Listener}: the trusted proxy {Proxy} sent no valid PROXY header")]
    public static partial void NoProxyHeader(ILogger log, string listener, IPEndPoint proxy);

    [LoggerMessage(1007, LogLevel.Information, "{Listener} {Session}: {Remote} is banned")]
    public static partial void Banned(ILogger log, string listener, string session, IPEndPoint remote);
}
