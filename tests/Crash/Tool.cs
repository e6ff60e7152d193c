using System.Diagnostics;

namespace Posthorn.Crash;

/// <summary>How a program ended and what it said.</summary>
internal sealed record Ending(string Program, int Status, string Output, string Errors)
{
    public Ending Require()
    {
        Assert.True(Status == 0, $"{Program} ended with {Status}:\n{Errors}{Output}");
        return this;
    }
}

/// <summary>Programs that run to their end.</summary>
internal static class Tool
{
    public static async Task<Ending> RunAsync(
        IReadOnlyList<string> command, string input = "", IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading; its status tells why.
        }
        await process.WaitForExitAsync(CancellationToken.None);
        return new Ending(command[0], process.ExitCode, await output, await errors);
    }

    /// <summary>Compiles one of the C files beside this assembly.</summary>
    public static async Task<string> CompileAsync(string source, string target, params string[] options)
    {
        string file = Path.Combine(AppContext.BaseDirectory, source);
        (await RunAsync(["cc", "-Wall", "-Wextra", "-Werror", "-O2", .. options, "-o", target, file, "-ldl"])).Require();
        return target;
    }
}
