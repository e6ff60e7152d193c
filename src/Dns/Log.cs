using Microsoft.Extensions.Logging;

namespace Posthorn.Dns;

internal static partial class Log
{
    [LoggerMessage(2001, LogLevel.Information, "Asking the resolvers {Servers}")]
    public static partial void Asking(ILogger log, string servers);

    [LoggerMessage(2002, LogLevel.Warning, "No resolver is set up on this system: every question will fail")]
    public static partial void NobodyToAsk(ILogger log);

    [LoggerMessage(2003, LogLevel.Debug, "{Type} of {Name}: {Failure}")]
    public static partial void QuestionFailed(ILogger log, string type, string name, string failure);

    [LoggerMessage(2004, LogLevel.Information, "Zone file {File}: {Records} records answer every question")]
    public static partial void ZoneRead(ILogger log, string file, int records);

    [LoggerMessage(2005, LogLevel.Warning, "Zone file {File} has changed and cannot be used, so the records read before still answer: {Reason}")]
    public static partial void ZoneNotRead(ILogger log, string file, string reason);
}
