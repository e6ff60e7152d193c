using System.Globalization;

namespace Posthorn.Bench;

/// <summary>Postfix and Dovecot as bench/peers/postfix-dovecot sets them up.</summary>
internal sealed class PeerTarget : Target
{
    private readonly string _scripts;

    public PeerTarget(string benchRoot, string dataRoot) : base("postfix+dovecot", dataRoot)
    {
        _scripts = Path.Combine(benchRoot, "peers", "postfix-dovecot");
        var postfix = Run(["postconf", "-h", "mail_version"]).Trim();
        var dovecot = Run(["dovecot", "--version"]).Split(' ')[0].Trim();
        Description = $"Postfix {postfix}, Dovecot {dovecot} (sdbox, LMTP)";
    }

    public override string Description { get; }

    public override int RemotePort => 25;

    public override void HoldOutbound()
    {
        var etc = Path.Combine(Data, "etc");
        // Its own domain keeps its way; everything else waits on hold.
        Run(["postconf", "-c", etc, "-e",
            "smtpd_relay_restrictions=permit_mynetworks,reject", "smtpd_client_restrictions=check_client_access static:HOLD",
            "smtp_tls_security_level=none", "smtp_host_lookup=dns"]);
        Run(["postfix", "-c", etc, "reload"]);
        Thread.Sleep(1000);
    }

    public override void ReleaseOutbound()
    {
        var etc = Path.Combine(Data, "etc");
        Run(["postsuper", "-c", etc, "-H", "ALL"]);
        Run(["postqueue", "-c", etc, "-f"]);
    }

    protected override void Install()
    {
        File.WriteAllText(Path.Combine(Data, "password"), Password + "\n");
        File.WriteAllText(Path.Combine(Data, "resolv.conf"), $"nameserver {DnsStub.Address}\noptions timeout:1 attempts:1\n");
    }

    protected override void Launch(IReadOnlyList<string> tracer)
    {
        var log = Path.Combine(Data, "up.out");
        using var up = Processes.Launch(
            [.. tracer, Path.Combine(_scripts, "up"), Data, $"{Base}", $"{Accounts}", Path.Combine(Data, "resolv.conf")], log);
        if (tracer.Count > 0)
            return;
        up.WaitForExit();
        if (up.ExitCode != 0)
            throw new InvalidOperationException("the peer did not start: " + File.ReadAllText(log));
        Processes.Watch(File.ReadLines(log).TakeLast(2).Select(l => int.Parse(l.Trim(), CultureInfo.InvariantCulture)).ToArray());
    }

    protected override void Halt()
    {
        if (System.IO.Directory.Exists(Data))
            Run([Path.Combine(_scripts, "down"), Data]);
    }
}
