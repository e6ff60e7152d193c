using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>A message on its way to one destination.</summary>
/// <param name="Destination">The domain whose exchanges are asked; with a relay every destination is the relay.</param>
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
    /// <summary>No lines, but octets (RFC 3030 §3).</summary>
    public bool Binary { get; init; }

    /// <summary>REQUIRETLS (RFC 8689): only over TLS to a server that is proven and has it too.</summary>
    public bool RequireTls { get; init; }

    /// <summary>TLS-Required: No (RFC 8689 §4.2.2): TLS where it is offered, whatever the domain asks for.</summary>
    public bool IgnoreTlsPolicy { get; init; }
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

/// <summary>What became of one recipient in one attempt.</summary>
/// <param name="Status">RFC 3463: <c>4.4.1</c>.</param>
/// <param name="Reply">The server's own words (<c>550 5.1.1 no such user</c>), or ours when there was no server; one line.</param>
/// <param name="RemoteMta">The host that said so; null when none was reached.</param>
internal sealed record OutboundResult(EmailAddress Recipient, OutboundOutcome Outcome, string Status, string Reply, string? RemoteMta);
