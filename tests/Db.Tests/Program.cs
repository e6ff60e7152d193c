using Xunit.Runner.InProc.SystemConsole;

namespace Posthorn.Db.Tests;

/// <summary>The test runner, or, with <c>crash-child</c> as the first argument, the process that CrashTests ends at a crash point.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args) =>
        args is [CrashChild.Argument, var point, var passes, var directory]
            ? await CrashChild.RunAsync(point, passes, directory)
            : await ConsoleRunner.Run(args);
}
