using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]

namespace Posthorn.Db;

/// <summary>
/// The calls .NET does not offer: fdatasync (FlushToDisk is fsync, which also writes the inode's times) and an exit without
/// finalizers.
/// </summary>
internal static partial class Posix
{
    public const int NoSpace = 28; // ENOSPC, the same on Linux and macOS
    private const int Interrupted = 4; // EINTR

    /// <summary>0, or the error number.</summary>
    public static int SyncData(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return 0;
        }

        int error;
        do
        {
            error = fdatasync(file) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        while (error == Interrupted);
        return error;
    }

    /// <summary>A created or removed name is durable once its directory is.</summary>
    public static int SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) return 0;
        var descriptor = open(path, 0, 0);
        if (descriptor < 0) return Marshal.GetLastPInvokeError();
        var error = fsync(descriptor) == 0 ? 0 : Marshal.GetLastPInvokeError();
        _ = close(descriptor);
        return error;
    }

    public static void ExitNow(int status)
    {
        if (OperatingSystem.IsWindows()) Environment.Exit(status);
        _exit(status);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(SafeFileHandle descriptor);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    [LibraryImport("libc")]
    private static partial void _exit(int status);
}
