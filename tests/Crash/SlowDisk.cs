using System.Globalization;

namespace Posthorn.Crash;

/// <summary>slowsync.c, compiled once, and the settings that put it under a server.</summary>
internal static class SlowDisk
{
    private static readonly Lazy<Task<string>> Library = new(() =>
        Tool.CompileAsync("slowsync.c", Path.Combine(AppContext.BaseDirectory, "slowsync.so"), "-shared", "-fPIC"));

    public static Task<Dictionary<string, string>> DelayAsync(int milliseconds) => WithAsync("SLOWSYNC_MS", milliseconds, null);

    /// <summary>Every sync fails from the moment when <paramref name="flag"/> exists.</summary>
    public static Task<Dictionary<string, string>> FailAsync(string flag) => WithAsync("SLOWSYNC_EIO_AFTER", 1, flag);

    /// <summary>No write finds room as long as <paramref name="flag"/> exists.</summary>
    public static Task<Dictionary<string, string>> FillAsync(string flag) => WithAsync("SLOWSYNC_FULL", 1, flag);

    public static Task<Dictionary<string, string>> KillInSyncAsync(int number, string? flag) => WithAsync("SLOWSYNC_KILL_SYNC", number, flag);

    public static Task<Dictionary<string, string>> KillInWriteAsync(int number, string? flag) => WithAsync("SLOWSYNC_KILL_WRITE", number, flag);

    /// <summary>Inside of a transaction, as far as a program that talks to its database over a socket has an inside.</summary>
    public static async Task<Dictionary<string, string>> KillInSendAsync(int number, int port, string? flag)
    {
        var settings = await WithAsync("SLOWSYNC_KILL_SEND", number, flag);
        settings["SLOWSYNC_PORT"] = port.ToString(CultureInfo.InvariantCulture);
        return settings;
    }

    private static async Task<Dictionary<string, string>> WithAsync(string name, int value, string? flag)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LD_PRELOAD"] = await Library.Value,
            [name] = value.ToString(CultureInfo.InvariantCulture),
        };
        if (flag is not null) settings["SLOWSYNC_FLAG"] = flag;
        return settings;
    }
}
