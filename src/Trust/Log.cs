using Microsoft.Extensions.Logging;

namespace Posthorn.Trust;

/// <summary>What trust says in the log. Event ids 4500 to 4599.</summary>
internal static partial class Log
{
    [LoggerMessage(4501, LogLevel.Information, "{Domain} has new signing keys, {Rsa} and {Ed25519}: their records are to be published")]
    public static partial void KeysMade(ILogger log, string domain, string rsa, string ed25519);

    [LoggerMessage(4502, LogLevel.Information, "Key {Selector} of {Domain} was seen in the name system and signs from now on")]
    public static partial void KeySigns(ILogger log, string domain, string selector);

    [LoggerMessage(4503, LogLevel.Information, "Key {Selector} of {Domain} is not needed any more; its record may go")]
    public static partial void KeyDropped(ILogger log, string domain, string selector);

    [LoggerMessage(4504, LogLevel.Information, "Key {Selector} ({Algorithm}) of {Domain} was imported")]
    public static partial void KeyImported(ILogger log, string domain, string selector, string algorithm);
}
