using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Crash;

/// <summary>A PostgreSQL of its own in a temporary directory, with its durable defaults, that can be killed as a whole.</summary>
internal sealed class PostgresCluster : IAsyncDisposable
{
    private const string Owner = "postgres";
    private readonly string _data;
    private readonly string _programs;
    private Process? _postmaster;

    private PostgresCluster(string data, string programs, int port)
    {
        _data = data;
        _programs = programs;
        Port = port;
    }

    public int Port { get; }

    public string Url => $"postgres://{Owner}@127.0.0.1:{Port}/posthorn";

    public static async Task<PostgresCluster> CreateAsync(CancellationToken ct)
    {
        string programs = Directory.GetDirectories("/usr/lib/postgresql").OrderDescending(StringComparer.Ordinal).First() + "/bin";
        string data = Path.Combine(Path.GetTempPath(), $"posthorn-pg-{Guid.NewGuid():n}");
        var cluster = new PostgresCluster(data, programs, FreePort());
        (await cluster.RunAsync("initdb", "-D", data, "-U", Owner, "--auth", "trust", "--no-instructions", "-E", "UTF8", "--locale", "C")).Require();
        await cluster.StartAsync(ct);
        (await cluster.RunAsync("createdb", "-h", "127.0.0.1", "-p", $"{cluster.Port}", "-U", Owner, "posthorn")).Require();
        return cluster;
    }

    /// <summary>The postmaster is a child of the tests, which reap it when it has been killed; a zombie would keep its lock.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        _postmaster?.Dispose();
        string[] postgres =
        [
            Path.Combine(_programs, "postgres"), "-D", _data, "-p", $"{Port}", "-c", "listen_addresses=127.0.0.1",
            "-c", $"unix_socket_directories={_data}", "-c", "max_connections=60",
        ];
        string[] command = AsOwner(["/bin/sh", "-c", "exec \"$@\" >>\"$0\" 2>&1", Path.Combine(_data, "log"), .. postgres]);
        _postmaster = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)))!;
        while ((await Tool.RunAsync([Path.Combine(_programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", $"{Port}"])).Status != 0)
        {
            Assert.False(_postmaster.HasExited, "PostgreSQL ended while it was starting");
            await Task.Delay(20, ct);
        }
    }

    /// <summary>SIGKILL to the postmaster and to every process that it has started.</summary>
    public async Task KillAsync()
    {
        int postmaster = _postmaster!.Id;
        // Stopped first, so that it starts no new child while its children are listed.
        (await Tool.RunAsync(["kill", "-STOP", $"{postmaster}"])).Require();
        int[] children = [.. ChildrenOf(postmaster)];
        await Tool.RunAsync(["kill", "-KILL", .. children.Append(postmaster).Select(id => id.ToString(CultureInfo.InvariantCulture))]);
        await _postmaster.WaitForExitAsync(CancellationToken.None);
        while (children.Any(IsAlive)) await Task.Delay(5, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_postmaster is { HasExited: false }) await KillAsync();
        _postmaster?.Dispose();
        (await RunAsync("/bin/rm", "-rf", _data)).Require();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static IEnumerable<int> ChildrenOf(int parent) =>
        Process.GetProcesses().Select(p => p.Id).Where(id => Stat(id) is { } fields && fields[1] == parent.ToString(CultureInfo.InvariantCulture));

    private static bool IsAlive(int id) => Stat(id) is { } fields && fields[0] != "Z";

    // proc(5): state and parent are the first two fields after the name in parentheses.
    private static string[]? Stat(int id)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    // PostgreSQL refuses to run as root; somebody else runs it as himself.
    private static string[] AsOwner(string[] command) =>
        Environment.UserName == "root" ? ["setpriv", "--reuid", Owner, "--regid", Owner, "--init-groups", "--", .. command] : command;

    private Task<Ending> RunAsync(string program, params string[] arguments) =>
        Tool.RunAsync(AsOwner([Path.IsPathRooted(program) ? program : Path.Combine(_programs, program), .. arguments]));
}
