using Microsoft.Extensions.Logging;

namespace Posthorn.Imap;

/// <summary>What IMAP says in the log. Event ids 7000 to 7099.</summary>
internal static partial class Log
{
    [LoggerMessage(7000, LogLevel.Error, "imap {Session}: {Verb} failed")]
    public static partial void CommandFailed(ILogger log, Exception error, string session, string verb);

    [LoggerMessage(7001, LogLevel.Information, "imap {Session}: closed after {Count} malformed commands in a row")]
    public static partial void TooManyBadCommands(ILogger log, string session, int count);

    [LoggerMessage(7002, LogLevel.Information, "imap {Session}: closed after {Count} failed log-ins")]
    public static partial void TooManyLogins(ILogger log, string session, int count);

    [LoggerMessage(7003, LogLevel.Information, "imap {Session}: STARTTLS failed: {Reason}")]
    public static partial void TlsFailed(ILogger log, string session, string? reason);

    [LoggerMessage(7004, LogLevel.Debug, "imap {Session}: the client is {Client}")]
    public static partial void ClientId(ILogger log, string session, string client);

    [LoggerMessage(7005, LogLevel.Information, "imap {Session}: {Login} logged in")]
    public static partial void LoggedIn(ILogger log, string session, string login);

    [LoggerMessage(7006, LogLevel.Information, "imap {Session}: {Login} logged out, the connection stays")]
    public static partial void LoggedOut(ILogger log, string session, string login);
}
