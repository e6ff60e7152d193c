using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Crash;

/// <summary>
/// Posthorn as a process: the executable that POSTHORN_EXE names, or the last build of src/Server, in a directory and on ports of its own.
/// It is known from outside only, and it may die at any moment.
/// </summary>
internal sealed class Server(IReadOnlyDictionary<string, string>? settings = null) : IAsyncDisposable
{
    public const string Domain = "crash.test";
    public const string Password = "a password for 32 sessions";
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);
    private static int _ports = 41_000 + (Environment.ProcessId % 100 * 10);

    private readonly string _program = FindProgram();
    private readonly StringBuilder _log = new();
    private readonly int _offset = FreeOffset();
    private Process? _process;

    public string Data { get; } = Directory.CreateTempSubdirectory("posthorn-crash-").FullName;

    public int Smtp => _offset + 25;

    public int Imap => _offset + 143;

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public static string Account(int number) => $"u{number}@{Domain}";

    /// <summary>A fresh installation that runs, with so many accounts.</summary>
    public static async Task<Server> InstallAsync(int accounts, CancellationToken ct, IReadOnlyDictionary<string, string>? settings = null)
    {
        var server = new Server(settings);
        (await server.InitAsync()).Require();
        await server.StartAsync(ct);
        for (int i = 0; i < accounts; i++)
        {
            (await server.RunAsync(["account", "add", Account(i), "--password-stdin"], Password + "\n")).Require();
        }
        return server;
    }

    /// <summary>Safe to repeat (contract.md), so it may be killed and run again.</summary>
    public Task<Ending> InitAsync(IReadOnlyDictionary<string, string>? preload = null) => Tool.RunAsync(
        [
            _program, "init", "--data", Data, "--hostname", $"mail.{Domain}", "--domain", Domain, "--admin", $"admin@{Domain}",
            "--port-offset", $"{_offset}", "--listen", "127.0.0.1", "--password-stdin",
        ],
        Password + "\n",
        With(preload));

    public async Task StartAsync(CancellationToken ct, IReadOnlyDictionary<string, string>? preload = null)
    {
        Launch(preload);
        Assert.True(await IsListeningAsync(ct), $"posthorn does not start:\n{Log}");
    }

    /// <summary>False when the process ends before it listens.</summary>
    public async Task<bool> TryStartAsync(IReadOnlyDictionary<string, string> preload, CancellationToken ct)
    {
        Launch(preload);
        return await IsListeningAsync(ct);
    }

    public async Task<int> WaitForEndAsync(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        await _process!.WaitForExitAsync(limit.Token);
        int status = _process.ExitCode;
        _process.Dispose();
        _process = null;
        return status;
    }

    public async Task KillAsync()
    {
        _process!.Kill();
        await WaitForEndAsync(TimeSpan.FromSeconds(30));
    }

    public Task<Ending> RunAsync(IReadOnlyList<string> arguments, string input = "") =>
        Tool.RunAsync([_program, .. arguments, "--data", Data], input, With(null));

    /// <summary>The queue is empty: what was acknowledged into it has been delivered.</summary>
    public async Task AwaitEmptyQueueAsync(CancellationToken ct)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            string queue = (await RunAsync(["queue", "list", "--json"])).Require().Output;
            if (!queue.Contains('{', StringComparison.Ordinal)) return;
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(90), "the queue does not become empty:\n" + queue);
            await Task.Delay(100, ct);
        }
    }

    /// <summary>The most that has been resident since <see cref="ForgetPeak"/>.</summary>
    public long PeakMemory() => StatusLine("VmHWM:");

    public long Memory() => StatusLine("VmRSS:");

    // proc(5): 5 resets the peak to the present size.
    public void ForgetPeak() => File.WriteAllText($"/proc/{_process!.Id}/clear_refs", "5");

    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await KillAsync();
        if (Environment.GetEnvironmentVariable("POSTHORN_KEEP") != "1") Directory.Delete(Data, recursive: true);
    }

    private static string FindProgram()
    {
        if (Environment.GetEnvironmentVariable("POSTHORN_EXE") is { Length: > 0 } named) return Path.GetFullPath(named);
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        string configuration = folder.Parent!.Name;
        while (!File.Exists(Path.Combine(folder.FullName, "Posthorn.slnx"))) folder = folder.Parent!;
        string built = Path.Combine(folder.FullName, "src", "Server", "bin", configuration, "net10.0", "posthorn");
        Assert.True(File.Exists(built), $"POSTHORN_EXE names no executable, and there is none at {built}.");
        return built;
    }

    private static int FreeOffset()
    {
        int[] services = [25, 80, 110, 143, 443, 465, 587, 993, 995];
        while (true)
        {
            int offset = Interlocked.Add(ref _ports, 10);
            if (services.All(port => IsFree(offset + port))) return offset;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private Dictionary<string, string> With(IReadOnlyDictionary<string, string>? preload)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["POSTHORN_AUTH_ALLOW_PLAINTEXT_ON_LOOPBACK"] = "true",
            ["POSTHORN_DATA"] = Data,
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>()) all[name] = value;
        foreach (var (name, value) in preload ?? new Dictionary<string, string>()) all[name] = value;
        return all;
    }

    private void Launch(IReadOnlyDictionary<string, string>? preload)
    {
        var start = new ProcessStartInfo(_program, ["serve", "--config", Path.Combine(Data, "posthorn.toml")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in With(preload)) start.Environment[name] = value;
        lock (_log) _log.Clear();
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private async Task<bool> IsListeningAsync(CancellationToken ct)
    {
        long began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < StartPatience)
        {
            if (_process!.HasExited)
            {
                _process.Dispose();
                _process = null;
                return false;
            }
            try
            {
                using var imap = await ImapSession.OpenAsync(Imap, ct);
                using var smtp = await SmtpSession.OpenAsync(Smtp, ct);
                return true;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                await Task.Delay(Pause, ct);
            }
        }
        return false;
    }

    private long StatusLine(string name)
    {
        string line = File.ReadLines($"/proc/{_process!.Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }

    private void Note(string? line)
    {
        lock (_log)
        {
            if (_log.Length < 1 << 20) _log.AppendLine(line);
        }
    }
}
