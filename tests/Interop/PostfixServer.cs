namespace Posthorn.Interop;

/// <summary>A private Postfix on one port of 127.0.0.1: the MX of remote.test. It keeps mail for known@remote.test in a Maildir,
/// refuses everybody else there, and carries what it accepts for our domain to Posthorn.</summary>
public sealed class PostfixServer : IAsyncDisposable
{
    public const string Domain = "remote.test";
    public const string Known = $"known@{Domain}";

    private readonly string _root = Directory.CreateTempSubdirectory("postfix-").FullName;
    private readonly string _configuration;

    private readonly string[] _moreDomains;

    private PostfixServer(int port, string[] moreDomains)
    {
        (Port, _moreDomains) = (port, moreDomains);
        _configuration = Path.Combine(_root, "etc");
    }

    public int Port { get; }

    /// <summary>Its certificate, which it has signed itself.</summary>
    public string CertificateFile => Path.Combine(_configuration, "cert.pem");

    /// <summary>Starts it; mail for our domain goes to the given port.</summary>
    /// <param name="moreDomains">It takes mail for known@ in these as well.</param>
    public static async Task<PostfixServer> StartAsync(int port, int posthornPort, params string[] moreDomains)
    {
        var postfix = new PostfixServer(port, moreDomains);
        await postfix.WriteConfigurationAsync(posthornPort);
        await postfix.BeginAsync();
        return postfix;
    }

    public async Task BeginAsync()
    {
        (await ControlAsync("start")).Require();
        await Eventually.HoldsAsync("Postfix listens", IsListeningAsync);
    }

    public async Task EndAsync() => (await ControlAsync("stop")).Require();

    /// <summary>What has arrived for known@remote.test, each message as a text.</summary>
    public async Task<IReadOnlyList<string>> ReceivedAsync()
    {
        string folder = Path.Combine(_root, "mail", "known", "new");
        var list = await Peer.AsRootAsync("find", folder, "-type", "f");
        var messages = new List<string>();
        foreach (string file in list.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            messages.Add((await Peer.AsRootAsync("cat", file)).Require());
        return messages;
    }

    public async Task<string> LogAsync() => (await Peer.AsRootAsync("cat", Path.Combine(_root, "log", "maillog"))).Out;

    public async ValueTask DisposeAsync()
    {
        await ControlAsync("stop");
        await Peer.AsRootAsync("rm", "-rf", _root);
    }

    private Task<Outcome> ControlAsync(string verb) => Peer.AsRootAsync("/usr/sbin/postfix", "-c", _configuration, verb);

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
        foreach (string folder in (string[])["etc", "spool", "data", "mail", "log"]) Directory.CreateDirectory(Path.Combine(_root, folder));
        string etc = _configuration;
        var key = await Peer.RunAsync(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", $"/CN=mx.{Domain}",
                "-addext", $"subjectAltName=DNS:mx.{Domain}", "-keyout", Path.Combine(etc, "key.pem"), "-out", CertificateFile,
            ]);
        key.Require();
        string recipients = string.Concat(_moreDomains.Prepend(Domain).Select(domain => $"known@{domain} known/\n"));
        await File.WriteAllTextAsync(Path.Combine(etc, "recipients"), recipients, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(etc, "transport"), $"{PosthornServer.Domain} smtp:[127.0.0.1]:{posthornPort}\n");
        await File.WriteAllTextAsync(Path.Combine(etc, "main.cf"), MainConfiguration(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(etc, "master.cf"), Services(), TestContext.Current.CancellationToken);
        (await Peer.AsRootAsync("chown", "-R", "root:root", etc)).Require();
        (await Peer.AsRootAsync("chown", "postfix", Path.Combine(_root, "data"))).Require();
        (await Peer.AsRootAsync("chown", "nobody", Path.Combine(_root, "mail"))).Require();
        (await Peer.AsRootAsync("chmod", "755", _root, Path.Combine(_root, "spool"))).Require();
    }

    // nobody is 65534 on every Debian.
    private string MainConfiguration() =>
        $"""
        compatibility_level = 3.6
        queue_directory = {_root}/spool
        data_directory = {_root}/data
        daemon_directory = /usr/lib/postfix/sbin
        command_directory = /usr/sbin
        mail_owner = postfix
        setgid_group = postdrop
        maillog_file = {_root}/log/maillog
        maillog_file_prefixes = {_root}
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        myhostname = mx.{Domain}
        mydestination =
        alias_maps =
        mynetworks = 127.0.0.0/8
        virtual_mailbox_domains = {string.Join(' ', _moreDomains.Prepend(Domain))}
        virtual_mailbox_base = {_root}/mail
        virtual_mailbox_maps = texthash:{_configuration}/recipients
        virtual_uid_maps = static:65534
        virtual_gid_maps = static:65534
        transport_maps = texthash:{_configuration}/transport
        smtpd_tls_security_level = may
        smtpd_tls_received_header = yes
        smtpd_tls_cert_file = {_configuration}/cert.pem
        smtpd_tls_key_file = {_configuration}/key.pem
        smtp_tls_security_level = may
        smtp_host_lookup = native
        smtputf8_enable = yes
        minimal_backoff_time = 1s
        queue_run_delay = 1s
        in_flow_delay = 0

        """;

    private string Services() =>
        $"""
        127.0.0.1:{Port} inet n - n - - smtpd
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 1 1 qmgr
        tlsmgr unix - - n 1000? 1 tlsmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        verify unix - - n - 1 verify
        proxymap unix - - n - - proxymap
        proxywrite unix - - n - 1 proxymap
        error unix - - n - - error
        retry unix - - n - - error
        discard unix - - n - - discard
        virtual unix - n n - - virtual
        smtp unix - - n - - smtp
        anvil unix - - n - 1 anvil
        scache unix - - n - 1 scache
        postlog unix-dgram n - n - 1 postlogd

        """;
}
