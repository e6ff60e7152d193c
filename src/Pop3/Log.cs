using Microsoft.Extensions.Logging;

namespace Posthorn.Pop3;

/// <summary>What POP3 says in the log. Event ids 8000 to 8099.</summary>
internal static partial class Log
{
    [LoggerMessage(8000, LogLevel.Error, "pop3 {Session}: {Verb} failed")]
    public static partial void CommandFailed(ILogger log, Exception error, string session, string verb);

    [LoggerMessage(8001, LogLevel.Information, "pop3 {Session}: closed after {Count} bad commands in a row")]
    public static partial void TooManyBadCommands(ILogger log, string session, int count);

    [LoggerMessage(8002, LogLevel.Information, "pop3 {Session}: closed after {Count} failed log-ins")]
    public static partial void TooManyLogins(ILogger log, string session, int count);

    [LoggerMessage(8003, LogLevel.Information, "pop3 {Session}: STLS failed: {Reason}")]
    public static partial void TlsFailed(ILogger log, string session, string? reason);

    [LoggerMessage(8004, LogLevel.Information, "pop3 {Session}: {Login} logged in, {Messages} messages")]
    public static partial void LoggedIn(ILogger log, string session, string login, int messages);

    [LoggerMessage(8005, LogLevel.Information, "pop3 {Session}: {Login} is not let in: {Reason}")]
    public static partial void NotLetIn(ILogger log, string session, string login, string reason);

    [LoggerMessage(8006, LogLevel.Information, "pop3 {Session}: {Login} leaves, {Retrieved} messages retrieved, {Deleted} deleted")]
    public static partial void Left(ILogger log, string session, string login, int retrieved, int deleted);
}
