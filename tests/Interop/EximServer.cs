using System.Diagnostics;

namespace Posthorn.Interop;

/// <summary>A private Exim on one port of 127.0.0.1: the MX of exim.test and of domains that behave badly. It keeps mail for known@ and známý@
/// in a Maildir, refuses everybody else, and carries what it accepts for our domain to Posthorn.</summary>
/// <remarks>Debian lets no two mail servers be installed side by side, so it runs from where its package was unpacked.</remarks>
public sealed class EximServer : IAsyncDisposable
{
    public const string Domain = "exim.test";

    /// <summary>Takes a recipient at the third try only.</summary>
    public const string Grey = "grey.test";

    /// <summary>Thinks for five seconds about each recipient.</summary>
    public const string Slow = "slow.test";

    private static readonly string Executable =
        Path.GetFullPath(Path.Combine(Peer.Folder, "..", "..", "artifacts", "unpacked", "exim4", "usr", "sbin", "exim4"));

    private readonly string _root = Directory.CreateTempSubdirectory("exim-").FullName;
    private readonly CancellationTokenSource _stop = new();
    private Process? _daemon;
    private Task _queue = Task.CompletedTask;

    private EximServer(int port) => Port = port;

    public int Port { get; }

    private string Configuration => Path.Combine(_root, "exim.conf");

    private string StormFile => Path.Combine(_root, "storm");

    /// <summary>Starts it; mail for our domain goes to the given port.</summary>
    public static async Task<EximServer> StartAsync(int port, int posthornPort)
    {
        var exim = new EximServer(port);
        await exim.WriteConfigurationAsync(posthornPort);
        exim._daemon = Process.Start(new ProcessStartInfo(Executable, ["-C", exim.Configuration, "-bdf"]))!;
        exim._queue = exim.RunQueueAsync();
        await Eventually.HoldsAsync("Exim listens", exim.IsListeningAsync);
        return exim;
    }

    /// <summary>From now on every connection is told to come back later, until <see cref="Calm"/>.</summary>
    public void Storm() => File.WriteAllText(StormFile, "");

    public void Calm() => File.Delete(StormFile);

    /// <summary>What has arrived, each message as a text.</summary>
    public async Task<IReadOnlyList<string>> ReceivedAsync()
    {
        string folder = Path.Combine(_root, "mail", "new");
        if (!Directory.Exists(folder)) return [];
        var messages = new List<string>();
        foreach (string file in Directory.GetFiles(folder)) messages.Add(await File.ReadAllTextAsync(file));
        return messages;
    }

    public string Log()
    {
        string file = Path.Combine(_root, "log", "mainlog");
        return File.Exists(file) ? File.ReadAllText(file) : "";
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _queue;
        if (_daemon is not null)
        {
            _daemon.Kill(entireProcessTree: true);
            await _daemon.WaitForExitAsync();
            _daemon.Dispose();
        }
        _stop.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    // Its own runner would lose the rights that a configuration in an unusual place costs it.
    private async Task RunQueueAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await Peer.RunAsync(Executable, ["-C", Configuration, "-q"]);
            await Task.Delay(TimeSpan.FromMilliseconds(200), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> IsListeningAsync()
    {
        try
        {
            using var client = await LineClient.ConnectAsync(Port);
            return (await client.ReplyAsync()).StartsWith("220", StringComparison.Ordinal);
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private async Task WriteConfigurationAsync(int posthornPort)
    {
        foreach (string folder in (string[])["spool", "log", "mail"]) Directory.CreateDirectory(Path.Combine(_root, folder));
        (await Peer.RunAsync(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", $"/CN=mx.{Domain}",
                "-keyout", Path.Combine(_root, "key.pem"), "-out", Path.Combine(_root, "cert.pem"),
            ])).Require();
        await File.WriteAllTextAsync(Configuration, Text(posthornPort));
        string rights = "chmod 755 . && chown Debian-exim spool log key.pem && chown nobody mail";
        (await Peer.RunAsync("bash", ["-c", $"cd {_root} && {rights}"])).Require();
    }

    private string Text(int posthornPort) =>
        $$"""
        STORM_FILE = {{StormFile}}
        exim_path = {{Executable}}
        spool_directory = {{_root}}/spool
        log_file_path = {{_root}}/log/%slog
        log_selector = -queue_run
        pid_file_path = {{_root}}/exim.pid
        primary_hostname = mx.{{Domain}}
        local_interfaces = 127.0.0.1
        daemon_smtp_ports = {{Port}}
        domainlist local_domains = {{Domain}} : {{Grey}} : {{Slow}}
        tls_advertise_hosts = *
        tls_certificate = {{_root}}/cert.pem
        tls_privatekey = {{_root}}/key.pem
        dsn_advertise_hosts = *
        smtputf8_advertise_hosts = *
        queue_only
        keep_environment =
        acl_smtp_connect = connect
        acl_smtp_rcpt = rcpt
        acl_smtp_data = accept
        begin acl
        connect:
          defer condition = ${if exists{STORM_FILE} }
                message = too much of a good thing
          accept
        rcpt:
          defer domains = {{Grey}}
                !ratelimit = 1.5 / 1h / per_cmd / strict / $sender_address $local_part
                message = greylisted
          warn  domains = {{Slow}}
                delay = 5s
          accept domains = +local_domains
                 verify = recipient
          accept domains = {{PosthornServer.Domain}}
          deny message = no relay
        begin routers
        local:
          driver = accept
          domains = +local_domains
          local_parts = known : známý
          transport = keep
        back:
          driver = manualroute
          domains = {{PosthornServer.Domain}}
          route_list = * 127.0.0.1 byname
          self = send
          transport = out
        begin transports
        keep:
          driver = appendfile
          directory = {{_root}}/mail
          maildir_format
          return_path_add
          envelope_to_add
          user = nobody
          group = nogroup
        out:
          driver = smtp
          port = {{posthornPort}}
        begin retry
        * * F,1h,1s

        """;
}
