using System.Diagnostics;

namespace Posthorn.Db.Tests;

/// <summary>
/// A PostgreSQL server of the tests' own: a cluster in a temporary directory, on a Unix socket, stopped and removed when the
/// process ends. Each test takes a schema of its own in it. Other test projects compile this file by link.
/// </summary>
public sealed class PostgresCluster
{
    private static readonly Lazy<Task<PostgresCluster>> SharedCluster = new(() => StartAsync(durable: false));
    private static int _names;
    private readonly string _directory;
    private readonly bool _durable;

    private PostgresCluster(string directory, bool durable) => (_directory, _durable) = (directory, durable);

    /// <summary>One for the whole process.</summary>
    public static Task<PostgresCluster> Shared => SharedCluster.Value;

    public string Url => $"postgres://postgres@localhost/postgres?host={Uri.EscapeDataString(_directory)}";

    /// <summary>A schema name that no other test has.</summary>
    public static string NewName() => $"test{Environment.ProcessId}_{Interlocked.Increment(ref _names)}";

    /// <param name="durable">False: the server does not sync, which the machine survives and the tests are quicker for.</param>
    public static async Task<PostgresCluster> StartAsync(bool durable)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("posthorn-pg-").FullName;
        var cluster = new PostgresCluster(directory, durable);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => cluster.Remove();
        if (Environment.UserName == "root") await RunAsync("chown", "postgres", directory);
        await cluster.AsServerAsync(
            "initdb", "-D", cluster.DataDirectory, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C");
        await cluster.StartAsync();
        return cluster;
    }

    public Task StartAsync() => AsServerAsync(
        "pg_ctl", "start", "-w", "-D", DataDirectory, "-l", Path.Combine(_directory, "log"), "-o",
        $"-c listen_addresses= -c unix_socket_directories={_directory} -c fsync={(_durable ? "on" : "off")} -c max_connections=200");

    /// <param name="mode">fast, or immediate: as if the power went.</param>
    public Task StopAsync(string mode) => AsServerAsync("pg_ctl", "stop", "-w", "-m", mode, "-D", DataDirectory);

    private string DataDirectory => Path.Combine(_directory, "data");

    private static string Binary(string name)
    {
        var versions = System.IO.Directory.Exists("/usr/lib/postgresql") ? System.IO.Directory.GetDirectories("/usr/lib/postgresql") : [];
        return versions.Select(v => Path.Combine(v, "bin", name)).Where(File.Exists).Order(StringComparer.Ordinal).LastOrDefault() ?? name;
    }

    /// <summary>The server refuses to run as root.</summary>
    private Task AsServerAsync(string program, params string[] arguments) => Environment.UserName == "root"
        ? RunAsync("runuser", ["-u", "postgres", "--", Binary(program), .. arguments])
        : RunAsync(Binary(program), arguments);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        // pg_ctl hands its output on to the server, so the pipe would stay open as long as that runs: no redirection for it.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, WorkingDirectory = "/tmp" };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("\"$0\" \"$@\" >/dev/null 2>&1 </dev/null");
        start.ArgumentList.Add(program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
    }

    private void Remove()
    {
        try
        {
            StopAsync("immediate").GetAwaiter().GetResult();
        }
        catch (InvalidOperationException)
        {
            // A test has stopped it.
        }

        System.IO.Directory.Delete(_directory, recursive: true);
    }
}
