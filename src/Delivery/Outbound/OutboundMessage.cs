using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>A message on its way to one destination.</summary>
/// <param name="Destination">The domain whose exchanges are asked, unless the next hop is a named one.</param>
/// <param name="Recipients">All of one destination.</param>
/// <param name="Utf8">Needs SMTPUTF8 (RFC 6531 §3.5): a peer without it bounces.</param>
/// <param name="EightBit">Has octets above 127 (RFC 6152).</param>
/// <param name="SizeBytes">Octets of the whole message (RFC 1870 §5).</param>
/// <param name="OpenAsync">The message's octets, with CRLF line ends; opened again for each server that is tried.</param>
internal sealed record OutboundMessage(
    string Id,
    Domain Destination,
    ReversePath From,
    IReadOnlyList<EmailAddress> Recipients,
    bool Utf8,
    bool EightBit,
    long SizeBytes,
    Func<CancellationToken, ValueTask<Stream>> OpenAsync)
{
    private static readonly Dictionary<EmailAddress, RcptParameters> Nothing = [];

    /// <summary>Null for what the settings say.</summary>
    public NextHop? Hop { get; init; }

    public MailParameters Parameters { get; init; } = MailParameters.None;

    /// <summary>REQUIRETLS (RFC 8689): only over TLS to a server that is proven and has it too.</summary>
    public bool RequireTls { get; init; }

    /// <summary>TLS-Required: No (RFC 8689 §4.2.2): TLS where it is offered, whatever the domain asks for.</summary>
    public bool IgnoreTlsPolicy { get; init; }

    /// <summary>Of those recipients that have any.</summary>
    public IReadOnlyDictionary<EmailAddress, RcptParameters> RecipientParameters { get; init; } = Nothing;

    public RcptParameters ParametersOf(EmailAddress recipient) => RecipientParameters.GetValueOrDefault(recipient, RcptParameters.None);
}

internal enum OutboundOutcome
{
    /// <summary>The other server has answered for it.</summary>
    Delivered,

    /// <summary>Later may be better.</summary>
    Deferred,

    /// <summary>Never.</summary>
    Failed,
}

/// <summary>How far an attempt came, the farthest first.</summary>
internal enum Reach
{
    /// <summary>A server answered for the message or its recipient.</summary>
    Message,

    /// <summary>A server was there, and did not want to begin.</summary>
    Session,

    /// <summary>No server, or none that we may talk to.</summary>
    Nobody,

    /// <summary>It ended here.</summary>
    Here,
}

/// <summary>What the server that took a message does for its sender, so that we need not.</summary>
[Flags]
internal enum PeerDuties
{
    None = 0,

    /// <summary>It reports what becomes of the message (RFC 3461).</summary>
    Dsn = 1,

    /// <summary>It minds the time (RFC 2852).</summary>
    DeliverBy = 2,
}

/// <summary>What became of one recipient in one attempt.</summary>
/// <param name="Status">RFC 3463: <c>4.4.1</c>.</param>
/// <param name="Reply">The server's own words (<c>550 5.1.1 no such user</c>), or ours when there was no server; one line.</param>
/// <param name="RemoteMta">The host that said so; null when none was reached.</param>
internal sealed record OutboundResult(
    EmailAddress Recipient,
    OutboundOutcome Outcome,
    string Status,
    string Reply,
    string? RemoteMta,
    Reach Reach = Reach.Message,
    PeerDuties Duties = PeerDuties.None)
{
    /// <summary>How the connection was protected: <c>TLS1.3 TLS_AES_256_GCM_SHA384</c>; null in the clear, or when there was none.</summary>
    public string? Tls { get; init; }
}
