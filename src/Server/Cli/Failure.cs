using System.Diagnostics.CodeAnalysis;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Server;

/// <summary>A command cannot do it; the message is the one line that the operator reads.</summary>
internal sealed class CommandFailedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The arguments do not fit together, which the parser cannot see; exit status 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Which exceptions are an answer to the operator, and which are a fault of the program.</summary>
internal static class Failure
{
    public static bool TryTell(Exception failure, [NotNullWhen(true)] out string? line)
    {
        line = failure switch
        {
            CommandFailedException or RefusalException or DatabaseUnavailableException or VaultLockedException => failure.Message,
            UnauthorizedAccessException or IOException => failure.Message,
            _ => null,
        };
        line = line?.ReplaceLineEndings(" ");
        return line is not null;
    }
}
