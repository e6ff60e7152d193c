using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Interop;

/// <summary>Signed zones as the world has them: knot serves them, unbound validates them, both on loopback. Each zone has one MX and, for it,
/// the TLSA records that a test wants.</summary>
public sealed class SignedNames : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("names-").FullName;
    private readonly List<string> _zones = [];
    private readonly List<string> _anchors = [];
    private readonly int _authority = FreePort();

    /// <summary>Where the validating resolver answers.</summary>
    public int Port { get; } = FreePort();

    /// <summary>Adds a zone whose mail goes to a port of 127.0.0.1.</summary>
    /// <param name="tlsa">The record's data; null for none.</param>
    /// <param name="days">Until when the signatures hold, from now; null leaves the zone unsigned.</param>
    /// <param name="change">What becomes of the signed zone's text.</param>
    public async Task AddAsync(string zone, int smtpPort, string? tlsa, int? days, Func<string, string>? change = null, string more = "")
    {
        string file = Path.Combine(_root, zone);
        await File.WriteAllTextAsync(
            file,
            $"""
            $TTL 60
            {zone}. IN SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 60
            {zone}. IN NS ns.{zone}.
            ns.{zone}. IN A 127.0.0.1
            {zone}. IN MX 10 mx.{zone}.
            mx.{zone}. IN A 127.0.0.1
            {(tlsa is null ? "" : $"_{smtpPort}._tcp.mx.{zone}. IN TLSA {tlsa}")}
            {more}

            """);
        if (days is { } until) await SignAsync(zone, file, until);
        if (change is not null) await File.WriteAllTextAsync(file, change(await File.ReadAllTextAsync(file)));
        _zones.Add(zone);
    }

    public async Task StartAsync()
    {
        string knot = Path.Combine(_root, "knot.conf"), unbound = Path.Combine(_root, "unbound.conf");
        await File.WriteAllTextAsync(
            knot,
            $"""
            server:
                listen: 127.0.0.1@{_authority}
                rundir: {_root}
            database:
                storage: {_root}
            zone:
            {string.Concat(_zones.Select(zone => $"  - domain: {zone}\n    file: {_root}/{zone}\n    semantic-checks: off\n"))}
            """);
        await File.WriteAllTextAsync(
            unbound,
            $"""
            server:
                interface: 127.0.0.1@{Port}
                port: {Port}
                do-daemonize: no
                username: ""
                chroot: ""
                directory: "{_root}"
                pidfile: "{_root}/unbound.pid"
                use-syslog: no
                logfile: "{_root}/unbound.log"
                do-not-query-localhost: no
                do-ip6: no
                module-config: "validator iterator"
                local-zone: "test." nodefault
            {string.Concat(_anchors.Select(anchor => $"    trust-anchor: \"{anchor}\"\n"))}
            remote-control:
                control-enable: no
            {string.Concat(_zones.Select(zone => $"stub-zone:\n    name: \"{zone}\"\n    stub-addr: 127.0.0.1@{_authority}\n"))}
            """);
        (await Peer.AsRootAsync("/usr/sbin/knotd", "-c", knot, "-d")).Require();
        (await Peer.AsRootAsync("bash", "-c", $"/usr/sbin/unbound -c {unbound} >/dev/null 2>&1 &")).Require();
        await Eventually.HoldsAsync("the resolver answers", () => Task.FromResult(IsOpen(Port) && IsOpen(_authority)));
    }

    public async ValueTask DisposeAsync()
    {
        await Peer.AsRootAsync("bash", "-c", $"kill $(cat {_root}/unbound.pid {_root}/knot.pid) 2>/dev/null; sleep 0.3; rm -rf {_root}");
    }

    public async Task<string> LogAsync() => (await Peer.AsRootAsync("cat", Path.Combine(_root, "unbound.log"))).Out;

    private async Task SignAsync(string zone, string file, int days)
    {
        async Task<string> RunAsync(string program, params string[] arguments) =>
            (await Peer.RunAsync("bash", ["-c", $"cd {_root} && {program} \"$@\"", "sign", .. arguments])).Require().Trim();

        string key = await RunAsync("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone);
        var now = TimeProvider.System.GetUtcNow();
        string Day(int offset) => now.AddDays(offset).ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        await RunAsync("ldns-signzone", "-i", Day(Math.Min(-2, days - 30)), "-e", Day(days), "-f", file, file, key);
        string anchor = await File.ReadAllTextAsync(Path.Combine(_root, key + ".ds"));
        _anchors.Add(anchor.Trim().Replace('\t', ' '));
    }

    private static bool IsOpen(int port)
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
