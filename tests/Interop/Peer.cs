using System.Diagnostics;

namespace Posthorn.Interop;

/// <summary>What a program did: its exit status and what it wrote.</summary>
public sealed record Outcome(string Command, int Status, string Out, string Error)
{
    /// <summary>The standard output, when the program was content; otherwise the test fails with all that it said.</summary>
    public string Require()
    {
        Assert.True(Status == 0, ToString());
        return Out;
    }

    public override string ToString() => $"{Command} ended with {Status}\n{Out}\n{Error}";
}

/// <summary>Runs the real programs that Posthorn must get on with.</summary>
public static class Peer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The folder of these tests in the source tree, where the Python and Node.js scripts lie.</summary>
    public static string Folder { get; } = Path.Combine(SourceRoot(), "tests", "Interop");

    /// <summary>Runs a program to its end, with a patience of a minute. It inherits no proxy or mail settings of the user.</summary>
    public static async Task<Outcome> RunAsync(
        string program, IEnumerable<string> arguments, string input = "", IReadOnlyDictionary<string, string>? environment = null,
        TimeSpan? patience = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C.UTF-8";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;

        string command = $"{program} {string.Join(' ', start.ArgumentList)}";
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(patience ?? Patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token);
            return new Outcome(command, process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{command} did not end within {(patience ?? Patience).TotalSeconds} s.");
        }
    }

    public static Task<Outcome> PythonAsync(string script, params string[] arguments) =>
        RunAsync("python3", [Path.Combine(Folder, "python", script), .. arguments]);

    public static Task<Outcome> NodeAsync(string script, params string[] arguments) =>
        RunAsync("node", [Path.Combine(Folder, "node", script), .. arguments]);

    public static Task<Outcome> NodeAsync(string script, TimeSpan patience, params string[] arguments) =>
        RunAsync("node", [Path.Combine(Folder, "node", script), .. arguments], patience: patience);

    /// <summary>Runs a program that only root may run, through sudo where needed.</summary>
    public static Task<Outcome> AsRootAsync(string program, params string[] arguments) =>
        Environment.IsPrivilegedProcess ? RunAsync(program, arguments) : RunAsync("sudo", ["-n", program, .. arguments]);

    private static string SourceRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Posthorn.slnx")))
            directory = directory.Parent ?? throw new InvalidOperationException("Posthorn.slnx stands in no folder above the tests.");
        return directory.FullName;
    }
}
