using System.Net;
using Microsoft.Extensions.Logging;

namespace Posthorn.Delivery;

/// <summary>Events 5100 to 5199: what happens between us and other servers.</summary>
internal static partial class OutboundLog
{
    [LoggerMessage(5101, LogLevel.Debug, "Session with {Host} at {Remote}, {Tls}")]
    public static partial void Opened(ILogger log, string host, IPEndPoint remote, string tls);

    [LoggerMessage(5102, LogLevel.Information, "TLS with {Host} failed: {Reason}")]
    public static partial void TlsFailed(ILogger log, string host, string reason);

    [LoggerMessage(5103, LogLevel.Information, "Message {Message} is not taken by {Host}: {Status} {Reply}")]
    public static partial void NotTaken(ILogger log, string message, string host, string status, string reply);

    [LoggerMessage(5104, LogLevel.Error, "Message {Message}: the attempt failed here")]
    public static partial void Broken(ILogger log, Exception error, string message);
}
