namespace Posthorn.Core;

/// <summary>What the pages, the API and the DNS records say about this server.</summary>
public sealed record ServerFacts
{
    /// <summary>The name that clients connect to and that MX records point to.</summary>
    public required Domain Hostname { get; init; }

    /// <summary>As <c>0.1.0</c>.</summary>
    public required string Version { get; init; }

    /// <summary>What listens for mail clients, each protocol's best first.</summary>
    public required IReadOnlyList<ClientService> Services { get; init; }

    /// <summary>Where plain HTTP is sent; none when there is no HTTPS listener.</summary>
    public int? HttpsPort { get; init; }
}

public enum ClientProtocol
{
    Imap,
    Submission,
    Pop3,
}

public enum ConnectionSecurity
{
    /// <summary>Implicit TLS (RFC 8314).</summary>
    Tls,

    StartTls,
}

/// <summary>One way for a mail client to reach its mail.</summary>
public sealed record ClientService(ClientProtocol Protocol, int Port, ConnectionSecurity Security);
