using Microsoft.Extensions.Logging;

namespace Posthorn.Store;

/// <summary>Events 4000 to 4099.</summary>
internal static partial class Log
{
    [LoggerMessage(4001, LogLevel.Error, "The open mailboxes of account {Account} could not be brought up to date")]
    public static partial void RefreshFailed(ILogger log, long account, Exception error);

    [LoggerMessage(4002, LogLevel.Warning, "The change log could not be polled: {Reason}")]
    public static partial void PollFailed(ILogger log, string reason);

    [LoggerMessage(4003, LogLevel.Information, "Account {Account} is removed: {Emails} messages deleted")]
    public static partial void AccountPurged(ILogger log, long account, long emails);

    [LoggerMessage(4010, LogLevel.Warning, "Message {Email} of account {Account} could not be indexed; searches will read it: {Reason}")]
    public static partial void NotIndexed(ILogger log, long account, long email, string reason);

    [LoggerMessage(4011, LogLevel.Error, "The search index could not be written; it goes on later")]
    public static partial void IndexingFailed(ILogger log, Exception error);

    [LoggerMessage(4012, LogLevel.Warning, "The search index of account {Account} does not belong to this database and is built again")]
    public static partial void IndexRestarted(ILogger log, long account);
}
