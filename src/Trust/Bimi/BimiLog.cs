using Microsoft.Extensions.Logging;

namespace Posthorn.Trust;

/// <summary>Events 4550 to 4559: marks of senders.</summary>
internal static partial class BimiLog
{
    [LoggerMessage(4550, LogLevel.Information, "The mark of {Domain} ({Selector}) is certified for {Organization}")]
    public static partial void MarkFound(ILogger log, string domain, string selector, string organization);

    [LoggerMessage(4551, LogLevel.Information, "The mark of {Domain} ({Selector}) is not shown: {Reason}")]
    public static partial void NoMark(ILogger log, string domain, string selector, string reason);
}
