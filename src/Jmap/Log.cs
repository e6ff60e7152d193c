using Microsoft.Extensions.Logging;

namespace Posthorn.Jmap;

/// <summary>What JMAP says in the log. Event ids 16000 to 16099.</summary>
internal static partial class Log
{
    [LoggerMessage(16000, LogLevel.Error, "jmap: {Method} failed for {Login}")]
    public static partial void MethodFailed(ILogger log, Exception error, string method, string login);

    [LoggerMessage(16001, LogLevel.Error, "jmap: {Method} {Path} failed")]
    public static partial void RequestFailed(ILogger log, Exception error, string method, string path);

    [LoggerMessage(16002, LogLevel.Information, "jmap: {Login} uploaded {Octets} octets")]
    public static partial void Uploaded(ILogger log, string login, long octets);
}
