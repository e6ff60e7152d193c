using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Delivery;
using Posthorn.Imap;
using Posthorn.Pop3;

namespace Posthorn.Server;

/// <summary>The table of all keys: what is read, what holds without it, what docs/operate/config.md says of it.</summary>
internal static class ConfigKeys
{
    /// <summary>The version of the file that this release writes. Older ones are read for ever.</summary>
    public const int Version = 1;

    /// <summary>Leaves room for 4190, the highest of the ports.</summary>
    public const int PortOffsetMax = 61_345;

    private const long MessageOctetsMin = 64 * 1024;
    private const long MessageOctetsMax = 2L * 1024 * 1024 * 1024;
    private const int HoursMax = 24 * 30;
    private const string Networks = "a list of networks such as [\"192.0.2.0/24\", \"2001:db8::1\"]";

    /// <summary>In the order of the documentation.</summary>
    public static IReadOnlyList<ConfigKey> All { get; } =
    [
        Text("", "hostname", "", "a full host name such as \"mail.example.org\"",
            "The name of this machine, as its MX and reverse records have it: in greetings, in EHLO, in Received, in the self-signed certificate.",
            (config, text) => Domain.TryParse(text, out var name) ? config with { Hostname = name } : null) with { Required = true },
        FilePath("", "data", "\".\"", "the path of a directory",
            "The data directory: database, messages, certificates, the socket for the command line. "
            + "Relative paths, here and below, start where the file lies.",
            (config, path) => config with { Data = path }),

        List("listen", "address", "[\"0.0.0.0\", \"::\"]", "a list of addresses such as [\"0.0.0.0\", \"::\"]",
            "The addresses of this machine on which every service listens.",
            (config, list) => Addresses(list) is { Count: > 0 } addresses ? config with { Addresses = addresses } : null),
        Number("listen", "port_offset", 0, 0, PortOffsetMax,
            "Added to the number of every port, so that a server for trying things out needs no rights: with 8000, IMAP is on 8143.",
            (config, number) => config with { PortOffset = (int)number }),
        List("listen", "trusted_proxies", "[]", Networks,
            "Proxies in front of the mail ports. From these networks, every connection must start with a PROXY header (version 1 or 2).",
            (config, list) => NetworkSet.TryParse(list, out var set, out _) ? config with { MailProxies = set } : null),

        Switch("lmtp", "enabled", false,
            "Serves LMTP on port 24, for another mail server that hands its local mail to this one. There is no log-in: whoever reaches the port "
            + "can bring mail for the domains of this server.",
            (config, on) => config with { Lmtp = on }),
        List("lmtp", "address", "[\"127.0.0.1\", \"::1\"]", "a list of addresses such as [\"127.0.0.1\"]",
            "The addresses of this machine on which LMTP listens.",
            (config, list) => Addresses(list) is { Count: > 0 } addresses ? config with { LmtpAddresses = addresses } : null),
        Switch("smtp", "strict_lines", false,
            "Refuses messages with a line of more than 1,000 octets, as the standard allows. Without it, lines may have 65,536.",
            (config, on) => config with { StrictLines = on }),
        Switch("smtp", "verify", false,
            "Lets VRFY and EXPN answer those who are logged in. Nobody else is ever answered.",
            (config, on) => config with { SmtpVerifies = on }),

        Switch("smtp", "greylist", false,
            "Asks strangers at port 25 to come back after five minutes, once for each network. "
            + "It keeps out programs that do not, and delays first letters.",
            (config, on) => config with { Greylists = on }),
        List("smtp", "xclient", "[]", Networks,
            "Proxies that speak SMTP with the client themselves and tell by XCLIENT who it is. From everybody else it is refused.",
            (config, list) => NetworkSet.TryParse(list, out var set, out _) ? config with { XclientNetworks = set } : null),

        List("milter", "address", "[]", "a list such as [\"127.0.0.1:11332\", \"unix:/run/opendkim/opendkim.sock\"]",
            "Milters that see every client and every message, in this order.",
            (config, list) => Milters(list) is { } milters ? config with { Milters = milters } : null),
        Choice("milter", "on_failure", "defer", ["defer", "accept"],
            "What happens to mail while one of them does not answer: the client is told to come back later, or mail passes without it.",
            (config, choice) => config with { MilterFailOpen = choice == 1 }),

        Text("database", "url", "\"sqlite:\"", "\"sqlite:\" or \"postgres://user@host/database\"",
            "The embedded database in the data directory, or a PostgreSQL. "
            + "A password in the address belongs into the environment, not into the file.",
            (config, text) => DatabaseSettings.TryKind(text, out _) ? config with { DatabaseUrl = text } : null) with { IsSecret = true },
        Text("blobs", "url", "", "\"segments:\" or \"database:\"",
            "Where the octets of messages lie: in files of the data directory, or in the database. "
            + "Without it, files beside the embedded database, and the database with PostgreSQL.",
            (config, text) => text is "segments:" or "database:" ? config with { BlobsUrl = text } : null),

        FilePath("keys", "file", "", "the path of a file",
            "The root keys that secrets in the database are sealed under: keys/root.key in the data directory unless it is named here. "
            + "Without this file, signing keys are lost; several servers of one database share it.",
            (config, path) => config with { KeysFile = path }),

        Choice("tls", "certificate", "self-signed", ["self-signed", "files"],
            "`self-signed` makes a certificate at the first start and renews it; clients have to be told to trust it. "
            + "`files` takes one that somebody else renews: the files are looked at every minute. Certificates by ACME are not part of this release.",
            (config, choice) => config with { Certificate = choice == 0 ? CertificateSource.SelfSigned : CertificateSource.Files }),
        FilePath("tls", "certificate_file", "", "the path of a PEM file",
            "The certificate and the intermediate ones, in PEM, the server's own first.",
            (config, path) => config with { CertificateFile = path }),
        FilePath("tls", "key_file", "", "the path of a PEM file",
            "The private key of the certificate, in PEM, without a passphrase.",
            (config, path) => config with { KeyFile = path }),

        FilePath("tls", "folder", "", "the path of a directory",
            "Certificates of further domains for the mail ports: every NAME.pem with a NAME.key beside it. The client's SNI chooses among the names "
            + "in them; who asks for none of them gets the certificate above. The directory is looked at every minute.",
            (config, path) => config with { CertificateFolder = path }),

        FilePath("tls", "client_authorities_file", "", "the path of a PEM file",
            "Authorities whose client certificates log in without a password (SASL EXTERNAL) on the ports for clients. "
            + "The e-mail address in the certificate is the account. Whoever can issue such a certificate can be anybody.",
            (config, path) => config with { ClientAuthoritiesFile = path }),

        FilePath("dns", "zone_file", "", "the path of a master file",
            "Answers every question from this RFC 1035 master file instead of the network; other names do not exist. For tests.",
            (config, path) => config with { ZoneFile = path }),
        Text("dns", "server", "", "an address such as \"192.0.2.53\" or \"127.0.0.1:5353\"",
            "The one resolver to ask. Without it, those of /etc/resolv.conf.",
            (config, text) => Server(text) is { } server ? config with { DnsServer = server } : null),

        FilePath("trust", "public_suffix_list", "", "the path of a file",
            "Finds the owner of a domain for DMARC by this list, in the form of publicsuffix.org, and follows `pct`, as RFC 7489 has it. "
            + "Without it, the walk up the tree of names (RFC 9989).",
            (config, path) => config with { PublicSuffixList = path }),
        List("trust", "arc_sealers", "[]", "a list of domains such as [\"lists.example.org\"]",
            "Domains whose ARC seals are believed when a message fails DMARC: mailing lists and forwarders that change what passes through them.",
            (config, list) => Domains(list) is { } domains ? config with { TrustedSealers = domains } : null),
        FilePath("trust", "mark_authorities_file", "", "the path of a PEM file",
            "Authorities that vouch for the marks of senders (BIMI). With it, mail that DMARC has proven carries the mark of its author's domain "
            + "for mail programs that show it, when a certificate of one of these authorities has it.",
            (config, path) => config with { MarkAuthoritiesFile = path }),

        Number("delivery", "port", 25, 1, 65_535,
            "The port of other mail servers. With another one than 25, for several servers on one machine, "
            + "loopback and private addresses are allowed as targets.",
            (config, number) => config with { DeliveryPort = (int)number }),
        Text("delivery", "relay", "", "a host such as \"smtp.example.net\" or \"smtp.example.net:587\"",
            "A server that takes all outbound mail, where port 25 is closed. "
            + "The port is 587 unless it is given (465 with `relay_tls = \"implicit\"`).",
            (config, text) => Relay(text) is { } relay ? config with { Relay = relay } : null),
        Choice("delivery", "relay_tls", "starttls", ["starttls", "implicit"],
            "How the connection to the relay is protected. With a login, TLS and a valid certificate are required.",
            (config, choice) => config with { RelayImplicitTls = choice == 1 }),
        Text("delivery", "relay_login", "", "a login",
            "The login at the relay, when it wants one.",
            (config, text) => text.Length > 0 ? config with { RelayLogin = text } : null),
        FilePath("delivery", "relay_password_file", "", "the path of a file",
            "The file whose first line is the password for `relay_login`.",
            (config, path) => config with { RelayPasswordFile = path }),
        Number("delivery", "lifetime_hours", 120, 1, HoursMax,
            "How long a message is tried before it goes back to its sender.",
            (config, number) => config with { LifetimeHours = (int)number }),
        Number("delivery", "delay_notice_hours", 4, 1, HoursMax,
            "After this time the sender hears, once, that the message is still on its way.",
            (config, number) => config with { DelayNoticeHours = (int)number }),
        Switch("delivery", "reports", true,
            "Sends a daily report to domains that ask for one: what DMARC made of mail in their name, and how TLS with their servers went.",
            (config, on) => config with { SendReports = on }),
        Switch("delivery", "failure_reports", false,
            "Tells domains that ask for it (`ruf`) of single messages in their name that failed DMARC, without their recipients. "
            + "Such a report shows a stranger the subject of mail that came here.",
            (config, on) => config with { SendFailureReports = on }),

        Number("journey", "days", 30, 0, 3650,
            "How long the traces of messages are kept, for `posthorn trace`; 0 keeps none.",
            (config, number) => config with { JourneyDays = (int)number }),

        Switch("auth", "allow_plaintext_on_loopback", false,
            "Accepts passwords without TLS from this machine itself. `./run` sets it.",
            (config, on) => config with { AllowPlaintextOnLoopback = on }),
        FilePath("auth", "breached_passwords", "", "the path of a file or a folder",
            "Passwords that were stolen elsewhere and are not taken here: a file of SHA-1 hashes in hexadecimal, sorted, one a line, or a folder of "
            + "ranges, each named by the first five digits of its hashes. It is read on this machine; nothing is asked of others.",
            (config, path) => config with { BreachedPasswords = path }),

        List("imap", "capabilities_off", "[]", "a list such as [\"QRESYNC client=Outlook\", \"UIDONLY account=ann@example.org\"]",
            "IMAP capabilities that are kept from clients whose name in ID begins so, from an account, or without either from everybody.",
            (config, list) => Rules(list) is { } rules ? config with { ImapCapabilitiesOff = rules } : null),
        Switch("imap", "literal_minus", false,
            "Offers LITERAL- instead of LITERAL+: a client asks before it sends a literal of more than 4,096 octets.",
            (config, on) => config with { ImapLiteralMinus = on }),

        Switch("pop3", "enabled", true,
            "Whether POP3 is served, on ports 110 and 995.",
            (config, on) => config with { Pop3 = on }),
        Choice("pop3", "view", "inbox", ["inbox", "unread"],
            "What a POP3 client finds: the messages of INBOX, or all that have not been read, wherever they were filed, "
            + "but for drafts, sent mail, junk and trash. A message that was retrieved counts as read when the client says QUIT.",
            (config, choice) => config with { Pop3View = (MaildropView)choice }),
        Choice("pop3", "lock", "account", ["account", "none"],
            "With `account`, one POP3 session at a time for each account, as RFC 1939 has it; a second one hears `[IN-USE]`. "
            + "With `none`, whoever comes late may find messages gone.",
            (config, choice) => config with { Pop3Locks = choice == 0 }),
        Number("pop3", "login_delay_seconds", 0, 0, 3600,
            "From one POP3 log-in of an account to the next; what comes earlier hears `[LOGIN-DELAY]`.",
            (config, number) => config with { Pop3LoginDelaySeconds = (int)number }),

        Switch("limits", "loopback", false,
            "Whether clients on this machine are throttled and counted like everybody else, and their mail is checked.",
            (config, on) => config with { LimitLoopback = on }),
        Number("limits", "message_bytes", 50L * 1024 * 1024, MessageOctetsMin, MessageOctetsMax,
            "The longest message that is taken, over SMTP and IMAP.",
            (config, number) => config with { MessageOctetsMax = number }),
        Number("limits", "recipients", 1000, 100, 10_000,
            "Recipients of one message.",
            (config, number) => config with { RecipientsMax = (int)number }),
        Number("limits", "sent_messages", 1000, 0, 1_000_000_000,
            "Messages that an account may send in a day (UTC), unless it has a limit of its own: `posthorn account set`.",
            (config, number) => config with { SentMessagesMax = number }),
        Number("limits", "sent_recipients", 2000, 0, 1_000_000_000,
            "Recipients that an account may send to in a day.",
            (config, number) => config with { SentRecipientsMax = number }),
        Number("limits", "sent_first_time", 200, 0, 1_000_000_000,
            "Recipients a day that the account has never written to.",
            (config, number) => config with { SentFirstTimeMax = number }),
        Number("limits", "connections", 10_000, 1, 1_000_000,
            "Connections to one service at a time.",
            (config, number) => config with { ConnectionsMax = (int)number }),
        Number("limits", "connections_per_network", 50, 1, 1_000_000,
            "Connections to one service from one IPv4 address or one IPv6 /64.",
            (config, number) => config with { ConnectionsPerNetworkMax = (int)number }),
        Number("limits", "connections_per_wide_network", 200, 1, 1_000_000,
            "Connections to one service from one IPv4 /24 or one IPv6 /48.",
            (config, number) => config with { ConnectionsPerWideNetworkMax = (int)number }),
        Switch("limits", "tarpit", true,
            "Lets SMTP clients that make mistakes wait for their answers, a second longer for each, up to five. "
            + "Loopback is spared unless `loopback` is set.",
            (config, on) => config with { Tarpit = on }),
        Number("limits", "greeting_pause_ms", 0, 0, 10_000,
            "Lets strangers at port 25 wait for the greeting. Who speaks before it is counted as a program that does not listen.",
            (config, number) => config with { GreetingPauseMilliseconds = (int)number }),

        List("http", "trusted_proxies", "[]", Networks,
            "Reverse proxies or tunnels in front of the web ports. Only from them is the client's address taken from the header below.",
            (config, list) => NetworkSet.TryParse(list, out var set, out _) ? config with { HttpProxies = set } : null),
        Text("http", "client_address_header", "\"X-Forwarded-For\"", "the name of a header such as \"X-Forwarded-For\"",
            "The header in which those proxies tell the client's address.",
            (config, text) => IsHeaderName(text) ? config with { HttpClientHeader = text } : null),

        Choice("log", "level", "info", ["debug", "info", "warning", "error"],
            "What is worth a line: this and everything graver.",
            (config, choice) => config with { LogLevel = LogLevel.Debug + choice }),
        Choice("log", "format", "text", ["text", "json"],
            "Lines for people, or one JSON object a line. Either goes to standard error.",
            (config, choice) => config with { LogFormat = (LogFormat)choice }),
    ];

    private static ConfigKey Text(
        string section, string name, string byDefault, string expected, string doc, Func<ServerConfig, string, ServerConfig?> apply) =>
        new(section, name, ConfigKind.Text, byDefault, expected, doc, (config, value) => apply(config, value.Text));

    private static ConfigKey FilePath(
        string section, string name, string byDefault, string expected, string doc, Func<ServerConfig, string, ServerConfig> apply) =>
        Text(section, name, byDefault, expected, doc, (config, path) => IsPath(path) ? apply(config, path) : null) with { IsPath = true };

    private static ConfigKey Number(
        string section, string name, long byDefault, long min, long max, string doc, Func<ServerConfig, long, ServerConfig> apply) =>
        new(section, name, ConfigKind.Number, $"{byDefault}", $"a number from {min} to {max}", doc,
            (config, value) => value.Number >= min && value.Number <= max ? apply(config, value.Number) : null);

    private static ConfigKey Switch(string section, string name, bool byDefault, string doc, Func<ServerConfig, bool, ServerConfig> apply) =>
        new(section, name, ConfigKind.Switch, byDefault ? "true" : "false", "true or false", doc, (config, value) => apply(config, value.Switch));

    private static ConfigKey List(
        string section, string name, string byDefault, string expected, string doc, Func<ServerConfig, IReadOnlyList<string>, ServerConfig?> apply) =>
        new(section, name, ConfigKind.List, byDefault, expected, doc, (config, value) => apply(config, value.List ?? []));

    private static ConfigKey Choice(
        string section, string name, string byDefault, string[] choices, string doc, Func<ServerConfig, int, ServerConfig> apply) =>
        Text(section, name, $"\"{byDefault}\"", string.Join(" or ", choices.Select(choice => $"\"{choice}\"")), doc,
            (config, text) => Array.IndexOf(choices, text) is >= 0 and var index ? apply(config, index) : null);

    private static bool IsPath(string text) => text.Length > 0 && !text.Contains('\0', StringComparison.Ordinal);

    private static List<CapabilityRule>? Rules(IReadOnlyList<string> texts)
    {
        var rules = new List<CapabilityRule>();
        foreach (var text in texts)
        {
            if (!CapabilityRule.TryParse(text, out var rule)) return null;
            rules.Add(rule);
        }
        return rules;
    }

    private static List<Domain>? Domains(IReadOnlyList<string> texts)
    {
        var domains = new List<Domain>();
        foreach (var text in texts)
        {
            if (!Domain.TryParse(text, out var domain)) return null;
            domains.Add(domain);
        }
        return domains;
    }

    private static List<IPAddress>? Addresses(IReadOnlyList<string> texts)
    {
        var addresses = new List<IPAddress>();
        foreach (var text in texts)
        {
            if (!IPAddress.TryParse(text, out var address)) return null;
            addresses.Add(address.Unmapped());
        }
        return addresses;
    }

    private static List<MilterEndPoint>? Milters(IReadOnlyList<string> texts)
    {
        var milters = new List<MilterEndPoint>();
        foreach (var text in texts)
        {
            if (!MilterEndPoint.TryParse(text, out var milter)) return null;
            milters.Add(milter);
        }
        return milters;
    }

    private static IPEndPoint? Server(string text)
    {
        if (!IPEndPoint.TryParse(text, out var server)) return null;
        // "2001:db8::53" reads as an address without a port, and so does "192.0.2.53".
        if (server.Port == 0) server.Port = 53;
        return server.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6 ? server : null;
    }

    private static RelayHost? Relay(string text)
    {
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        if (!Domain.TryParse(host, out _) && !IPAddress.TryParse(host, out _)) return null;
        if (colon < 0) return new RelayHost(host, null);
        return ushort.TryParse(text.AsSpan(colon + 1), out var port) && port > 0 ? new RelayHost(host, port) : null;
    }

    // RFC 9110 §5.1: a token.
    private static bool IsHeaderName(string text) =>
        text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
