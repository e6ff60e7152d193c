using System.Net;
using Microsoft.Extensions.Logging;

namespace Posthorn.Identity;

internal static partial class Log
{
    [LoggerMessage(12000, LogLevel.Error, "A page could not be made, since the world failed: {Reason}")]
    public static partial void Unavailable(ILogger log, string reason);

    [LoggerMessage(12001, LogLevel.Error, "A page failed at {Path}")]
    public static partial void Mistake(ILogger log, Exception error, string path);

    [LoggerMessage(12002, LogLevel.Warning, "A form for {Path} from {Remote} did not come from our own page, or was too old; refused")]
    public static partial void ForeignForm(ILogger log, string path, IPAddress? remote);
}
