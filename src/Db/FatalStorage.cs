using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>
/// A sync that failed leaves the disk in an unknown state: the kernel may have dropped the pages it could not write, and a second sync would report
/// success over them. The process ends at once, before anything is acknowledged, and the service manager starts it again on
/// what the disk really holds.
/// </summary>
public static class FatalStorage
{
    /// <summary>The exit status (EX_IOERR of sysexits.h).</summary>
    public const int ExitStatus = 74;

    /// <summary>Tests put something else in place of the exit. It must not return.</summary>
    internal static Action<string>? Override { get; set; }

    internal static Exception Exit(ILogger log, string what, int error)
    {
        Log.FatalSync(log, what, error);
        Console.Error.WriteLine($"posthorn: {what} could not be synced to disk (error {error}); stopping with status {ExitStatus}");
        if (Override is { } hook)
        {
            hook(what);
            return new DatabaseUnavailableException(DatabaseFault.Device, "A sync to disk failed: " + what);
        }

        Posix.ExitNow(ExitStatus);
        return new InvalidOperationException("unreachable");
    }
}
