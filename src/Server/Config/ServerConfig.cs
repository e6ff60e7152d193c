using System.Net;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Imap;
using Posthorn.Pop3;

namespace Posthorn.Server;

internal enum CertificateSource
{
    SelfSigned,
    Files,
}

internal enum LogFormat
{
    Text,
    Json,
}

/// <summary>Where all outbound mail goes; its password is read when the server starts.</summary>
/// <param name="Port">Null for the usual one: 587, or 465 with TLS from the first octet.</param>
internal sealed record RelayHost(string Host, int? Port);

/// <summary>What the machine is, as posthorn.toml and the environment say.</summary>
/// <remarks>Every value has passed its key's test; <see cref="ConfigKeys"/> has the defaults.</remarks>
internal sealed record ServerConfig
{
    public Domain Hostname { get; init; } = Domain.Parse("localhost");

    /// <summary>An absolute path, as all paths here.</summary>
    public string Data { get; init; } = "";

    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    public int PortOffset { get; init; }

    /// <summary>Must send a PROXY header on the mail ports.</summary>
    public NetworkSet MailProxies { get; init; } = NetworkSet.Empty;

    public bool Lmtp { get; init; }

    public IReadOnlyList<IPAddress> LmtpAddresses { get; init; } = [];

    /// <summary>Lines of messages may have what RFC 5321 gives them, and no more.</summary>
    public bool StrictLines { get; init; }

    public IReadOnlyList<MilterEndPoint> Milters { get; init; } = [];

    public bool MilterFailOpen { get; init; }

    public bool Greylists { get; init; }

    /// <summary>Whose XCLIENT is believed.</summary>
    public NetworkSet XclientNetworks { get; init; } = NetworkSet.Empty;

    /// <summary>VRFY and EXPN answer our own people.</summary>
    public bool SmtpVerifies { get; init; }

    public string DatabaseUrl { get; init; } = "";

    /// <summary>Empty for what suits the database.</summary>
    public string BlobsUrl { get; init; } = "";

    /// <summary>Null for keys/root.key in the data directory.</summary>
    public string? KeysFile { get; init; }

    public CertificateSource Certificate { get; init; }

    public string? CertificateFile { get; init; }

    public string? KeyFile { get; init; }

    /// <summary>The authorities whose client certificates log in.</summary>
    public string? ClientAuthoritiesFile { get; init; }

    /// <summary>Where certificates of further names lie.</summary>
    public string? CertificateFolder { get; init; }

    public string? ZoneFile { get; init; }

    public IPEndPoint? DnsServer { get; init; }

    /// <summary>Sets the rules of RFC 7489 for DMARC; null for those of RFC 9989.</summary>
    public string? PublicSuffixList { get; init; }

    public IReadOnlyList<Domain> TrustedSealers { get; init; } = [];

    public string? MarkAuthoritiesFile { get; init; }

    public int DeliveryPort { get; init; }

    public RelayHost? Relay { get; init; }

    public bool RelayImplicitTls { get; init; }

    public string? RelayLogin { get; init; }

    public string? RelayPasswordFile { get; init; }

    public int LifetimeHours { get; init; }

    public int DelayNoticeHours { get; init; }

    public bool SendReports { get; init; }

    public bool SendFailureReports { get; init; }

    /// <summary>0: no traces are kept.</summary>
    public int JourneyDays { get; init; }

    public bool AllowPlaintextOnLoopback { get; init; }

    /// <summary>A file or a folder of hashes.</summary>
    public string? BreachedPasswords { get; init; }

    public IReadOnlyList<CapabilityRule> ImapCapabilitiesOff { get; init; } = [];

    public bool ImapLiteralMinus { get; init; }

    public bool Pop3 { get; init; }

    public MaildropView Pop3View { get; init; }

    public bool Pop3Locks { get; init; }

    public int Pop3LoginDelaySeconds { get; init; }

    public bool LimitLoopback { get; init; }

    public long MessageOctetsMax { get; init; }

    public int RecipientsMax { get; init; }

    public long SentMessagesMax { get; init; }

    public long SentRecipientsMax { get; init; }

    public long SentFirstTimeMax { get; init; }

    public int ConnectionsMax { get; init; }

    public int ConnectionsPerNetworkMax { get; init; }

    public int ConnectionsPerWideNetworkMax { get; init; }

    /// <summary>Whoever makes mistakes over SMTP waits longer and longer for the answers.</summary>
    public bool Tarpit { get; init; }

    public int GreetingPauseMilliseconds { get; init; }

    public NetworkSet HttpProxies { get; init; } = NetworkSet.Empty;

    public string HttpClientHeader { get; init; } = "";

    public LogLevel LogLevel { get; init; }

    public LogFormat LogFormat { get; init; }

    /// <summary>The port of a service on this machine.</summary>
    public int Port(int standard) => standard + PortOffset;
}
