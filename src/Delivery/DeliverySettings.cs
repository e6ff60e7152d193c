using System.Net;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>What the operator decides about delivery.</summary>
public sealed record DeliverySettings
{
    /// <summary>The name of this host: in EHLO, in Received, as Reporting-MTA.</summary>
    public required Domain Hostname { get; init; }

    /// <summary>The port of other servers. Another one than 25 is for several servers on one machine: loopback targets are allowed then.</summary>
    public int Port { get; init; } = 25;

    /// <summary>Where all outbound mail goes; null for the recipients' own exchanges.</summary>
    public Relay? Relay { get; init; }

    /// <summary>Longest message taken, in octets, whoever sends it.</summary>
    public long MessageOctetsMax { get; init; } = 50L * 1024 * 1024;

    /// <summary>Recipients of one message (RFC 5321 §4.5.3.1.8 asks for at least 100).</summary>
    public int RecipientsMax { get; init; } = 1000;

    /// <summary>How long a recipient is tried (RFC 5321 §4.5.4.1: at least 4 to 5 days).</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromDays(5);

    /// <summary>After this time the sender hears once that the message is still on its way.</summary>
    public TimeSpan DelayNoticeAfter { get; init; } = TimeSpan.FromHours(4);

    /// <summary>How long nothing more is sent to an address that does not exist.</summary>
    public TimeSpan SuppressionLifetime { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Connections to one destination at a time, when it takes them well.</summary>
    public int ConnectionsPerDestinationMax { get; init; } = 20;

    /// <summary>Connections to all destinations at a time.</summary>
    public int ConnectionsMax { get; init; } = 200;

    /// <summary>Whether domains that ask for it are told of single messages that failed DMARC.</summary>
    public bool SendsFailureReports { get; init; }

    public MilterSettings Milters { get; init; } = new();

    /// <summary>Addresses to connect from; empty leaves it to the system.</summary>
    public IReadOnlyList<IPAddress> Sources { get; init; } = [];

    /// <summary>The name of this node among those that share the database: what it had claimed when it ended falls at its next start.</summary>
    public string Node { get; init; } = Environment.MachineName;

    /// <summary>Who reads mail for &lt;postmaster&gt; without a domain, and signs reports to other domains.</summary>
    internal EmailAddress Postmaster => EmailAddress.Parse("postmaster@" + Hostname.Ascii);
}

/// <summary>A server that takes all outbound mail.</summary>
/// <param name="ImplicitTls">TLS from the first octet (RFC 8314), else STARTTLS; with a login TLS and a valid certificate are required.</param>
/// <param name="Login">Null when the relay knows us by our address.</param>
public sealed record Relay(string Host, int Port, bool ImplicitTls, string? Login, ReadOnlyMemory<byte> Password)
{
    /// <summary>Never the password.</summary>
    public override string ToString() => $"{Host}:{Port}";
}
