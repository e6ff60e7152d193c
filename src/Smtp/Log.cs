using Microsoft.Extensions.Logging;

namespace Posthorn.Smtp;

/// <summary>What SMTP says in the log. Event ids 6000 to 6099.</summary>
internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Error, "smtp {Session}: {Verb} failed")]
    public static partial void CommandFailed(ILogger log, Exception error, string session, string verb);

    [LoggerMessage(6001, LogLevel.Information, "smtp {Session}: closed after {Count} bad commands in a row")]
    public static partial void TooManyBadCommands(ILogger log, string session, int count);

    [LoggerMessage(6002, LogLevel.Information, "smtp {Session}: closed after {Count} failed log-ins")]
    public static partial void TooManyLogins(ILogger log, string session, int count);

    [LoggerMessage(6003, LogLevel.Information, "smtp {Session}: closed after {Count} refused recipients")]
    public static partial void TooManyRecipientsRefused(ILogger log, string session, int count);

    [LoggerMessage(6004, LogLevel.Information, "smtp {Session}: closed after {Count} turns without a message")]
    public static partial void TooManyTurns(ILogger log, string session, int count);

    [LoggerMessage(6005, LogLevel.Information, "smtp {Session}: STARTTLS failed: {Reason}")]
    public static partial void TlsFailed(ILogger log, string session, string? reason);

    [LoggerMessage(6006, LogLevel.Information, "smtp {Session}: {Login} logged in")]
    public static partial void LoggedIn(ILogger log, string session, string login);

    [LoggerMessage(6007, LogLevel.Information, "smtp {Session}: recipient refused: {Reason}")]
    public static partial void RecipientRefused(ILogger log, string session, string reason);
}
