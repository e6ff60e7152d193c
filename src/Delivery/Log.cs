using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>Events 5000 to 5099. Each names the message, so that its way can be followed.</summary>
internal static partial class Log
{
    [LoggerMessage(
        5001, LogLevel.Information, "Message {Message} of {Octets} octets from <{Sender}> is taken for {Recipients} recipients, session {Session}")]
    public static partial void Accepted(ILogger log, string message, long octets, ReversePath sender, int recipients, string session);

    [LoggerMessage(5002, LogLevel.Information, "Message {Message} from <{Sender}> is refused, session {Session}: {Reason}")]
    public static partial void Refused(ILogger log, string message, ReversePath sender, string session, string reason);

    [LoggerMessage(5003, LogLevel.Information, "Message {Message} was checked: {Verdicts}")]
    public static partial void Judged(ILogger log, string message, string verdicts);

    [LoggerMessage(5050, LogLevel.Warning, "Milter {Milter} failed: {Reason}")]
    public static partial void MilterFailed(ILogger log, string milter, string reason);

    [LoggerMessage(5051, LogLevel.Information, "Message {Message} from <{Sender}> vanishes, session {Session}: a filter wants that")]
    public static partial void Discarded(ILogger log, string message, ReversePath sender, string session);

    [LoggerMessage(5052, LogLevel.Warning, "Message {Message} is held for an operator: {Reason}")]
    public static partial void Quarantined(ILogger log, string message, string reason);

    [LoggerMessage(5053, LogLevel.Information, "Rule {Rule} ({Action}) made by {By}")]
    public static partial void RuleAdded(ILogger log, long rule, RuleAction action, string by);

    [LoggerMessage(5054, LogLevel.Information, "Rule {Rule} removed by {By}")]
    public static partial void RuleRemoved(ILogger log, long rule, string by);

    [LoggerMessage(5010, LogLevel.Information, "Message {Message} is delivered to {Recipient}: {Reply}")]
    public static partial void Delivered(ILogger log, string message, EmailAddress recipient, string reply);

    [LoggerMessage(5011, LogLevel.Information, "Message {Message} is not delivered to {Recipient} yet, next attempt {Next:u}: {Status} {Reply}")]
    public static partial void Deferred(
        ILogger log, string message, EmailAddress recipient, DateTimeOffset next, string status, string reply);

    [LoggerMessage(5012, LogLevel.Warning, "Message {Message} cannot be delivered to {Recipient}: {Status} {Reply}")]
    public static partial void Failed(ILogger log, string message, EmailAddress recipient, string status, string reply);

    [LoggerMessage(5013, LogLevel.Information, "Message {Message} leads from {Recipient} to {Targets} recipients")]
    public static partial void Followed(ILogger log, string message, EmailAddress recipient, int targets);

    [LoggerMessage(5020, LogLevel.Information, "Message {Report} tells <{Sender}> what became of message {Message}")]
    public static partial void Reported(ILogger log, string report, EmailAddress sender, string message);

    [LoggerMessage(5021, LogLevel.Warning, "Nobody hears that message {Message} is not delivered: {Reason}")]
    public static partial void ReportDropped(ILogger log, string message, string reason);

    [LoggerMessage(5022, LogLevel.Information, "Nothing is sent to {Recipient} by account {Account} (0: by anybody): {Reason}")]
    public static partial void Suppressed(ILogger log, EmailAddress recipient, long account, string reason);

    [LoggerMessage(5030, LogLevel.Information, "{Recipients} queued recipients were claimed when this node ended and are tried again")]
    public static partial void ClaimsReleased(ILogger log, int recipients);

    [LoggerMessage(5031, LogLevel.Warning, "{Recipients} queued recipients were claimed for too long and are tried again")]
    public static partial void ClaimsExpired(ILogger log, int recipients);

    [LoggerMessage(5032, LogLevel.Error, "The queue cannot be read; it goes on later")]
    public static partial void ScanFailed(ILogger log, Exception error);

    [LoggerMessage(5033, LogLevel.Error, "An attempt of message {Message} failed in this program")]
    public static partial void AttemptBroke(ILogger log, Exception error, string message);

    [LoggerMessage(5034, LogLevel.Error, "What became of an attempt of message {Message} cannot be written down; that is tried again")]
    public static partial void SettlingFailed(ILogger log, Exception error, string message);

    [LoggerMessage(5035, LogLevel.Warning, "Destination {Lane} is left alone until {Until:u}: {Reply}")]
    public static partial void DestinationClosed(ILogger log, string lane, DateTimeOffset until, string reply);

    [LoggerMessage(5036, LogLevel.Information, "Destination {Lane} answers again")]
    public static partial void DestinationOpened(ILogger log, string lane);

    [LoggerMessage(5037, LogLevel.Information, "Route {Route}, {Action}, is {Deed}")]
    public static partial void RouteChanged(ILogger log, long route, RouteAction action, string deed);

    [LoggerMessage(5038, LogLevel.Information, "{Recipients} queued recipients go another way now")]
    public static partial void Rerouted(ILogger log, int recipients);

    [LoggerMessage(5040, LogLevel.Information, "Recipient {Recipient} of message {Message} is {Deed}")]
    public static partial void Operated(ILogger log, EmailAddress recipient, string message, string deed);

    [LoggerMessage(5041, LogLevel.Information, "{Deed} is done to {Recipients} queued recipients")]
    public static partial void OperatedOnMany(ILogger log, long recipients, string deed);

    [LoggerMessage(5043, LogLevel.Warning, "{Address} cannot be told what happened to the account, and is told later: {Reason}")]
    public static partial void NoticeRefused(ILogger log, EmailAddress address, string reason);

    [LoggerMessage(5042, LogLevel.Error, "{Events} steps of messages cannot be written into their traces")]
    public static partial void JourneyFailed(ILogger log, Exception error, int events);
}
