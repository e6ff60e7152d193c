using Microsoft.Extensions.Logging;

namespace Posthorn.Admin;

/// <summary>What the API says in the log. Event ids 9000 to 9099.</summary>
internal static partial class Log
{
    [LoggerMessage(9000, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(ILogger log, Exception error, string method, string path);

    [LoggerMessage(9001, LogLevel.Warning, "{Method} {Path} from {Remote} refused: {Reason}")]
    public static partial void NotAdmitted(ILogger log, string method, string path, string remote, string reason);

    [LoggerMessage(9002, LogLevel.Information, "Verification begun by {By}")]
    public static partial void VerificationBegun(ILogger log, string by);

    [LoggerMessage(9003, LogLevel.Information, "Verification ended with {Findings} findings")]
    public static partial void VerificationEnded(ILogger log, int findings);

    [LoggerMessage(9004, LogLevel.Error, "Verification failed")]
    public static partial void VerificationFailed(ILogger log, Exception error);

    [LoggerMessage(9005, LogLevel.Error, "The check {Check} of readiness failed")]
    public static partial void CheckFailed(ILogger log, Exception error, string check);
}
