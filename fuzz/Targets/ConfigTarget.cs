using System.Globalization;
using System.Net;
using System.Text;
using Posthorn.Server;

namespace Posthorn.Fuzz;

/// <summary>posthorn.toml.</summary>
/// <remarks>
/// Oracles: there is a configuration or there are faults; a fault is one line that names a line of the file; a configuration that is
/// written reads to the same; a variable is taken or is named by a fault.
/// </remarks>
internal sealed class ConfigTarget : Target
{
    private const string Place = "/etc/posthorn/posthorn.toml";

    private static readonly Dictionary<string, string> Nothing = [];

    public override string Name => "config";

    public override (long Fixed, long PerOctet) Memory => (8 * 1024 * 1024, 64 * 1024);

    public override IReadOnlyList<string> Words { get; } =
    [
        "version = 1\nhostname = \"mail.example.org\"\n", "version = 1\n", "hostname = \"a.b\"\n", "= ", "\n", "[", "]", "[[", "]]", "{", "}",
        "\"", "'", "\"\"\"", "'''", "\\", "\\u00e9", "\\U0001F600", "\\uD800", "#", ",", ".", "true", "false", "0x1F", "1_000", "1e5",
        "1979-05-27T07:32:00Z", "inf", "nan", "\"::1\"", "\"127.0.0.1:53\"", "\"10.0.0.0/8\"", "\"postgres://u@h/d\"", "\"sqlite:\"",
        "\"files\"", "\"implicit\"", "\"json\"", "\"debug\"", "8000", "-1", "\u00C3\u00A9", "\r\n", "\0", "[listen]\nadress = 1\n",
        .. ConfigKeys.All.Where(k => k.Section.Length > 0).Select(k => $"[{k.Section}]\n").Distinct(),
        .. ConfigKeys.All.Select(k => k.Path + " = "), .. ConfigKeys.All.Select(k => k.Name + " = "),
        .. ConfigKeys.All.Where(k => k.Default.Length > 0).Select(k => $"{k.Path} = {k.Default}\n"),
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Server/Config/ConfigReader.cs"), new("src/Server/Config/ConfigKeys.cs"), new("src/Server/Config/ConfigKey.cs"),
        new("src/Server/Config/NearestName.cs"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        var result = ConfigReader.Read(text, Place, Nothing);
        Oracle.Holds((result.Config is null) == (result.Faults.Count > 0), "there is a configuration or there are faults");
        var lines = text.Count(c => c == '\n') + 2;
        foreach (var fault in result.Faults) Check(fault, lines);
        Variables(text);
        if (result.Config is not { } config) return;
        var written = Write(config);
        var again = ConfigReader.Read("version = 1\n" + written, Place, Nothing);
        Oracle.Holds(again.Config is not null, "a configuration that is written reads without faults");
        Oracle.Same(written, Write(again.Config!), "a configuration that is written reads to the same");
        Oracle.Holds(Path.IsPathFullyQualified(config.Data), "paths are absolute");
    }

    private static void Check(ConfigFault fault, int lines)
    {
        Oracle.Holds(!fault.ToString().Any(char.IsControl), "a fault is one line");
        Oracle.Holds(fault.Wrong.Length is > 0 and < 500 && fault.Right.Length is > 0 and < 500, "a fault says what is wrong and right, in short");
        if (fault.Place == Place) return;
        Oracle.Holds(fault.Place.StartsWith(Place + ":", StringComparison.Ordinal), "a fault names the file");
        var line = int.Parse(fault.Place[(Place.Length + 1)..], CultureInfo.InvariantCulture);
        Oracle.Holds(line >= 1 && line <= lines, "a fault names a line of the file");
    }

    // Each line of the input as the value of a variable: it is taken, or there is a fault that names the variable.
    private static void Variables(string text)
    {
        var values = text.Split('\n');
        var environment = new Dictionary<string, string>();
        for (var i = 0; i < Math.Min(values.Length, 4); i++)
        {
            environment[ConfigKeys.All[(values[i].Length + (7 * i)) % ConfigKeys.All.Count].Variable] = values[i];
            environment[$"POSTHORN_LISTEN_{values[i]}"] = values[i];
        }
        var result = ConfigReader.Read("version = 1\nhostname = \"a.example\"\n", Place, environment);
        foreach (var fault in result.Faults)
        {
            Oracle.Holds(fault.Place == Place || environment.ContainsKey(fault.Place), "a fault names the file or a variable");
            Oracle.Holds(fault.Wrong.Length < 500 && fault.Right.Length < 500, "a fault is short");
        }
    }

    // Networks cannot be told from a set of them; they are left out.
    private static string Write(ServerConfig config)
    {
        var text = new StringBuilder();
        void Add(string key, object? value)
        {
            if (value is not (null or "")) text.Append(CultureInfo.InvariantCulture, $"{key} = {Value(value)}\n");
        }

        Add("hostname", config.Hostname.Ascii);
        Add("data", config.Data);
        Add("listen.address", config.Addresses);
        Add("listen.port_offset", config.PortOffset);
        Add("database.url", config.DatabaseUrl);
        Add("blobs.url", config.BlobsUrl);
        Add("tls.certificate", config.Certificate == CertificateSource.Files ? "files" : "self-signed");
        Add("tls.certificate_file", config.CertificateFile);
        Add("tls.key_file", config.KeyFile);
        Add("dns.zone_file", config.ZoneFile);
        Add("dns.server", config.DnsServer?.ToString());
        Add("delivery.port", config.DeliveryPort);
        Add("delivery.relay", config.Relay is { } relay ? relay.Host + (relay.Port is { } port ? $":{port}" : "") : null);
        Add("delivery.relay_tls", config.RelayImplicitTls ? "implicit" : "starttls");
        Add("delivery.relay_login", config.RelayLogin);
        Add("delivery.relay_password_file", config.RelayPasswordFile);
        Add("delivery.lifetime_hours", config.LifetimeHours);
        Add("delivery.delay_notice_hours", config.DelayNoticeHours);
        Add("delivery.reports", config.SendReports);
        Add("auth.allow_plaintext_on_loopback", config.AllowPlaintextOnLoopback);
        Add("pop3.enabled", config.Pop3);
        Add("pop3.view", config.Pop3View.ToString().ToLowerInvariant());
        Add("pop3.lock", config.Pop3Locks ? "account" : "none");
        Add("pop3.login_delay_seconds", config.Pop3LoginDelaySeconds);
        Add("limits.loopback", config.LimitLoopback);
        Add("limits.message_bytes", config.MessageOctetsMax);
        Add("limits.recipients", config.RecipientsMax);
        Add("limits.connections", config.ConnectionsMax);
        Add("limits.connections_per_network", config.ConnectionsPerNetworkMax);
        Add("http.client_address_header", config.HttpClientHeader);
        Add("log.level", config.LogLevel.ToString() is "Information" ? "info" : config.LogLevel.ToString().ToLowerInvariant());
        Add("log.format", config.LogFormat.ToString().ToLowerInvariant());
        return text.ToString();
    }

    private static string Value(object value) => value switch
    {
        string text => Quoted(text),
        bool flag => flag ? "true" : "false",
        IReadOnlyList<IPAddress> addresses => $"[{string.Join(", ", addresses.Select(a => Quoted(a.ToString())))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    // TOML 1.0: a basic string.
    private static string Quoted(string text) =>
        "\"" + string.Concat(text.Select(c => c is '"' or '\\' or < ' ' or '\x7F' ? $"\\u{(int)c:X4}" : $"{c}")) + "\"";
}
