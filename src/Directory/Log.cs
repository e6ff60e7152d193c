using System.Net;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Directory;

internal static partial class Log
{
    [LoggerMessage(3001, LogLevel.Information, "Domain {Domain} added by {By}")]
    public static partial void DomainAdded(ILogger log, Domain domain, string by);

    [LoggerMessage(3002, LogLevel.Information, "Domain {Domain} changed by {By}")]
    public static partial void DomainChanged(ILogger log, Domain domain, string by);

    [LoggerMessage(3003, LogLevel.Information, "Domain {Domain} removed by {By}")]
    public static partial void DomainRemoved(ILogger log, Domain domain, string by);

    [LoggerMessage(3010, LogLevel.Information, "Account {Address} added as {Account} by {By}")]
    public static partial void AccountAdded(ILogger log, EmailAddress address, AccountId account, string by);

    [LoggerMessage(3011, LogLevel.Information, "Account {Address} changed by {By}")]
    public static partial void AccountChanged(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3012, LogLevel.Information, "Account {Address} disabled by {By}")]
    public static partial void AccountDisabled(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3013, LogLevel.Information, "Account {Address} enabled by {By}")]
    public static partial void AccountEnabled(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3014, LogLevel.Information, "Account {Address} removed by {By}")]
    public static partial void AccountRemoved(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3015, LogLevel.Information, "Account {Address} restored by {By}")]
    public static partial void AccountRestored(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3016, LogLevel.Information, "Account {Address}, number {Account}, purged")]
    public static partial void AccountPurged(ILogger log, EmailAddress address, AccountId account);

    [LoggerMessage(3017, LogLevel.Information, "Password of {Address} changed by {By}")]
    public static partial void PasswordChanged(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3020, LogLevel.Information, "Alias {Address} added by {By}")]
    public static partial void AliasAdded(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3021, LogLevel.Information, "Alias {Address} changed by {By}")]
    public static partial void AliasChanged(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3022, LogLevel.Information, "Alias {Address} removed by {By}")]
    public static partial void AliasRemoved(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3030, LogLevel.Information, "Token {Token} ({Label}) added by {By}")]
    public static partial void TokenAdded(ILogger log, string token, string label, string by);

    [LoggerMessage(3031, LogLevel.Information, "Token {Token} revoked by {By}")]
    public static partial void TokenRevoked(ILogger log, string token, string by);

    [LoggerMessage(3040, LogLevel.Information, "{Address} logged in over {Protocol} from {Remote}")]
    public static partial void LoggedIn(ILogger log, EmailAddress address, string protocol, IPAddress? remote);

    [LoggerMessage(3041, LogLevel.Warning, "Log-in as {Login} over {Protocol} from {Remote} failed")]
    public static partial void LoginFailed(ILogger log, string login, string protocol, IPAddress? remote);

    [LoggerMessage(3042, LogLevel.Warning, "Log-in as {Login} over {Protocol} from {Remote} refused: too many failures")]
    public static partial void LoginThrottled(ILogger log, string login, string protocol, IPAddress? remote);

    [LoggerMessage(3043, LogLevel.Warning, "Log-in as {Address} over {Protocol} from {Remote} refused: disabled")]
    public static partial void LoginDisabled(ILogger log, EmailAddress address, string protocol, IPAddress? remote);

    [LoggerMessage(3080, LogLevel.Information, "Web session {Session} of account {Account} begun from {Remote}")]
    public static partial void SessionBegun(ILogger log, string session, AccountId account, IPAddress? remote);

    [LoggerMessage(3081, LogLevel.Information, "Web session {Session} of account {Account} ended")]
    public static partial void SessionEnded(ILogger log, string session, AccountId account);

    [LoggerMessage(3082, LogLevel.Information, "Account {Account} has a new second factor: {Factor}")]
    public static partial void FactorAdded(ILogger log, AccountId account, string factor);

    [LoggerMessage(3083, LogLevel.Information, "Account {Account} has one second factor less: {Factor}")]
    public static partial void FactorRemoved(ILogger log, AccountId account, string factor);

    [LoggerMessage(3084, LogLevel.Warning, "All second factors of {Address} removed by {By}")]
    public static partial void FactorsReset(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3085, LogLevel.Warning, "A second factor of {Address} from {Remote} is wrong; the password was right")]
    public static partial void SecondFactorFailed(ILogger log, EmailAddress address, IPAddress? remote);

    [LoggerMessage(3086, LogLevel.Information, "A recovery code of {Address} was used from {Remote}")]
    public static partial void RecoveryCodeUsed(ILogger log, EmailAddress address, IPAddress? remote);

    [LoggerMessage(3087, LogLevel.Warning, "A passkey from {Remote} has a counter that did not rise: it may be a copy")]
    public static partial void PasskeyCopied(ILogger log, IPAddress? remote);

    [LoggerMessage(3088, LogLevel.Warning, "{Count} lines of the log-in history could not be written: {Reason}")]
    public static partial void HistoryLost(ILogger log, int count, string reason);

    [LoggerMessage(3089, LogLevel.Information, "A link to set the password of {Address} was made by {By}")]
    public static partial void LinkAdded(ILogger log, EmailAddress address, string by);

    [LoggerMessage(3090, LogLevel.Information, "App password {Id} ({Label}) of {Owner} made by {By}")]
    public static partial void AppPasswordAdded(ILogger log, string id, string label, EmailAddress owner, string by);

    [LoggerMessage(3091, LogLevel.Information, "App password {Id} ({Label}) of {Owner} revoked by {By}")]
    public static partial void AppPasswordRevoked(ILogger log, string id, string label, EmailAddress owner, string by);

    [LoggerMessage(3092, LogLevel.Warning, "App password {Id} ({Label}) of {Owner} is right and does not open {Protocol} from {Remote}: {Reason}")]
    public static partial void AppPasswordRefused(
        ILogger log, string id, string label, EmailAddress owner, DeviceRefusal reason, string protocol, IPAddress? remote);

    [LoggerMessage(3093, LogLevel.Information, "{Address} logged in over {Protocol} from {Remote} with app password {Device}")]
    public static partial void DeviceLoggedIn(ILogger log, EmailAddress address, string device, string protocol, IPAddress? remote);

    [LoggerMessage(3060, LogLevel.Warning, "Network {Network} banned by {By}: {Reason}")]
    public static partial void Banned(ILogger log, string network, string reason, string by);

    [LoggerMessage(3061, LogLevel.Information, "Ban of {Network} taken back by {By}")]
    public static partial void Unbanned(ILogger log, string network, string by);

    [LoggerMessage(3062, LogLevel.Error, "Network {Network} could not be banned")]
    public static partial void BanFailed(ILogger log, Exception error, string network);
}
