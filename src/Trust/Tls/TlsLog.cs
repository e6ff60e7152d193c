using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Trust;

/// <summary>Events 8500 to 8549: TLS between servers.</summary>
internal static partial class TlsLog
{
    [LoggerMessage(8500, LogLevel.Information, "The MTA-STS policy of {Domain} is fetched: {Mode}, id {Id}")]
    public static partial void StsFetched(ILogger log, Domain domain, string mode, string id);

    [LoggerMessage(8501, LogLevel.Warning, "The MTA-STS policy of {Domain} cannot be fetched: {Result}, {Reason}")]
    public static partial void StsFailed(ILogger log, Domain domain, string result, string reason);

    [LoggerMessage(8502, LogLevel.Warning, "The MTA-STS policy of {Domain} holds until {Until:u} and cannot be refreshed: {Reason}")]
    public static partial void StsNotRefreshed(ILogger log, Domain domain, DateTimeOffset until, string reason);

    [LoggerMessage(8503, LogLevel.Error, "The result of a session for {Domain} cannot be written down")]
    public static partial void ResultLost(ILogger log, Exception error, Domain domain);
}
