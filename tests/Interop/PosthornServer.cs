using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Posthorn.Interop;

/// <summary>Somebody with a mailbox on the server under test.</summary>
public sealed record Person(string Address, string Password);

/// <summary>A server of its own: the executable that POSTHORN_EXE names, or the last build of src/Server, in a temporary directory and on free ports
/// of 127.0.0.1. Known from outside only: its command line, its ports, its signals.</summary>
public sealed class PosthornServer : IAsyncLifetime
{
    public const string Domain = "example.test";

    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly string _executable = FindExecutable();
    private readonly StringBuilder _log = new();
    private readonly int _offset = PortRange.Take();
    private Process? _process;

    /// <summary>A person per test, so that tests that share a server do not share a mailbox.</summary>
    private int _people;

    public string Data { get; } = Directory.CreateTempSubdirectory("posthorn-").FullName;

    /// <summary>Settings by environment, set before the start: POSTHORN_DELIVERY_PORT is [delivery] port.</summary>
    public Dictionary<string, string> Settings { get; } = new(StringComparer.Ordinal)
    {
        ["POSTHORN_AUTH_ALLOW_PLAINTEXT_ON_LOOPBACK"] = "true",
    };

    public Person Admin { get; } = new($"admin@{Domain}", "correct horse battery staple");

    public int Lmtp => _offset + 24;

    public int Smtp => _offset + 25;

    public int Submission => _offset + 587;

    public int Submissions => _offset + 465;

    public int Imap => _offset + 143;

    public int Imaps => _offset + 993;

    public int Pop3 => _offset + 110;

    public int Pop3s => _offset + 995;

    public int Https => _offset + 443;

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public async ValueTask InitializeAsync()
    {
        WriteZone();
        var outcome = await CliAsync(
            [
                "init", "--data", Data, "--hostname", $"mail.{Domain}", "--domain", Domain, "--admin", Admin.Address,
                "--port-offset", $"{_offset}", "--listen", "127.0.0.1", "--password-stdin",
            ],
            Admin.Password + "\n");
        outcome.Require();
        await StartAsync();
    }

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo(_executable, ["serve", "--config", Path.Combine(Data, "posthorn.toml")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment()) start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        long began = Stopwatch.GetTimestamp();
        while (!await IsReadyAsync())
        {
            Assert.False(_process.HasExited, $"posthorn ended while it was starting:\n{Log}");
            Assert.True(Stopwatch.GetElapsedTime(began) < StartPatience, $"posthorn is not ready:\n{Log}");
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <summary>Asks the server to stop and waits for its end; returns its exit status.</summary>
    public async Task<int> StopAsync()
    {
        var process = _process ?? throw new InvalidOperationException("The server does not run.");
        await SignalAsync("TERM");
        using var limit = new CancellationTokenSource(StopPatience);
        await process.WaitForExitAsync(limit.Token);
        _process = null;
        int status = process.ExitCode;
        process.Dispose();
        return status;
    }

    /// <summary>Sends SIGTERM and comes back at once, for those who want to see what the server says while it stops.</summary>
    public Task SignalAsync(string signal) => Peer.RunAsync("bash", ["-c", $"kill -{signal} {_process!.Id}"]);

    public async Task KillAsync()
    {
        using var process = _process ?? throw new InvalidOperationException("The server does not run.");
        _process = null;
        process.Kill();
        await process.WaitForExitAsync(CancellationToken.None);
    }

    public async Task<Outcome> CliAsync(IEnumerable<string> arguments, string input = "") =>
        await Peer.RunAsync(_executable, arguments, input, Environment());

    /// <summary>A new account with a mailbox; the options are those of "posthorn account add".</summary>
    public async Task<Person> AddPersonAsync(string name = "person", params string[] options)
    {
        var person = new Person($"{name}{Interlocked.Increment(ref _people)}@{Domain}", $"{name};s3cret%");
        var outcome = await CliAsync(["account", "add", person.Address, "--password-stdin", .. options], person.Password + "\n");
        outcome.Require();
        return person;
    }

    /// <summary>The server's certificate as a PEM file, for clients that insist on knowing it.</summary>
    public async Task<string> SaveCertificateAsync()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", Imaps, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync($"mail.{Domain}");
        using var certificate = new X509Certificate2(tls.RemoteCertificate!);
        string file = Path.Combine(Data, "seen-certificate.pem");
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem() + "\n", TestContext.Current.CancellationToken);
        return file;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null) await KillAsync();
        if (System.Environment.GetEnvironmentVariable("POSTHORN_KEEP") != "1") Directory.Delete(Data, recursive: true);
    }

    private static string FindExecutable()
    {
        if (System.Environment.GetEnvironmentVariable("POSTHORN_EXE") is { Length: > 0 } named) return named;
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string built = Path.GetFullPath(Path.Combine(Peer.Folder, "..", "..", "src", "Server", "bin", configuration, "net10.0", "posthorn"));
        Assert.True(File.Exists(built), $"POSTHORN_EXE names no executable, and there is none at {built}.");
        return built;
    }

    // The whole world as these tests know it: ourselves, a remote domain, one that takes no mail. Everything else does not exist.
    private void WriteZone()
    {
        string file = Path.Combine(Data, "zone");
        File.WriteAllText(
            file,
            $"""
            $TTL 60
            {Domain}. MX 10 mail.{Domain}.
            mail.{Domain}. A 127.0.0.1
            {PostfixServer.Domain}. MX 10 mx.{PostfixServer.Domain}.
            mx.{PostfixServer.Domain}. A 127.0.0.1
            nomail.test. MX 0 .

            """);
        Settings["POSTHORN_DNS_ZONE_FILE"] = file;
    }

    private Dictionary<string, string> Environment() => new(Settings, StringComparer.Ordinal) { ["POSTHORN_DATA"] = Data };

    private async Task<bool> IsReadyAsync()
    {
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        using var client = new HttpClient(handler);
        try
        {
            using var answer = await client.GetAsync(new Uri($"https://127.0.0.1:{Https}/readyz"), CancellationToken.None);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private void Append(string? line)
    {
        lock (_log) _log.AppendLine(line);
    }
}
