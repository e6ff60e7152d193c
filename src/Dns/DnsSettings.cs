using System.Net;

namespace Posthorn.Dns;

/// <summary>Who answers, as <c>[dns]</c> of the config file says it.</summary>
public sealed record DnsSettings
{
    /// <summary>A master file (RFC 1035 §5.1) that answers every question, read again when it changes; null asks the network.</summary>
    public string? ZoneFile { get; init; }

    /// <summary>The one resolver to ask; null asks those that the system is set up with.</summary>
    public IPEndPoint? Server { get; init; }

    /// <summary>How long one try may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Further tries after the first, at each resolver.</summary>
    public int Retries { get; init; } = 2;
}
