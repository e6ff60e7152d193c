namespace Posthorn.Wire;

/// <summary>What one connection may cost in bytes and in time. Every limit has a name; docs/limits.md lists them by it.</summary>
public sealed record WireLimits
{
    /// <summary>Longest command line in octets, its ending included (RFC 5321 §4.5.3.1.4 asks for at least 512).</summary>
    public int LineOctetsMax { get; init; } = 8192;

    /// <summary>How much of a line that is too long is read and thrown away before the connection is given up.</summary>
    public int DiscardOctetsMax { get; init; } = 1024 * 1024;

    /// <summary>Whether LF alone ends a line. SMTP must not take it (RFC 5321 §2.3.8).</summary>
    public bool BareLfEndsLine { get; init; }

    /// <summary>Longest silence between two commands (RFC 5321 §4.5.3.2.7: at least 5 minutes; RFC 9051 §5.4: 30 after log-in).</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>From the first octet of a command to its end, the time that is spent waiting for the peer.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Longest silence inside a body: DATA, BDAT, a literal (RFC 5321 §4.5.3.2.5: 3 minutes).</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>A body may take <see cref="BodyGrace"/> plus one second for each so many octets received.</summary>
    public int BodyOctetsPerSecondMin { get; init; } = 256;

    /// <summary>The head start of a body before <see cref="BodyOctetsPerSecondMin"/> counts.</summary>
    public TimeSpan BodyGrace { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long one flush may wait for a peer that does not read.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>From the go-ahead to the end of the TLS handshake.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long the last bytes (a BYE, a 421, close_notify) may take to leave.</summary>
    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>At a graceful stop, how long the command under way may go on.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
