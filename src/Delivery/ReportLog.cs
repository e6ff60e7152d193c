using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>Events 5070 to 5089: reports of other servers, and ours to them.</summary>
internal static partial class ReportLog
{
    [LoggerMessage(5070, LogLevel.Information, "The report in message {Message} to {Recipient} from <{Sender}> is stored")]
    public static partial void Stored(ILogger log, string message, EmailAddress recipient, ReversePath sender);

    [LoggerMessage(
        5071, LogLevel.Warning,
        "The report in message {Message} to {Recipient} from <{Sender}> is refused, the postmaster gets it: {Name}, {Reason}")]
    public static partial void Refused(ILogger log, string message, EmailAddress recipient, ReversePath sender, string name, string reason);

    [LoggerMessage(5072, LogLevel.Information, "Message {Message} to {Recipient} from <{Sender}> is no report and goes to the postmaster")]
    public static partial void NoReport(ILogger log, string message, EmailAddress recipient, ReversePath sender);

    [LoggerMessage(5073, LogLevel.Information, "Report {Report} goes to {Destination}")]
    public static partial void Sent(ILogger log, string report, string destination);

    [LoggerMessage(5074, LogLevel.Warning, "Report {Report} is not taken by {Destination}: {Reason}")]
    public static partial void NotSent(ILogger log, string report, string destination, string reason);

    [LoggerMessage(5075, LogLevel.Warning, "{Domain} cannot be told of a message that failed")]
    public static partial void FailureNotSent(ILogger log, Exception error, Domain domain);
}
