namespace Posthorn.Delivery;

/// <summary>What the octets of a message may be (RFC 6152, RFC 3030 §3). The numbers are stored.</summary>
public enum BodyType
{
    /// <summary>The client did not say: lines of text.</summary>
    Undeclared = 0,
    SevenBit = 1,
    EightBitMime = 2,

    /// <summary>Anything, NUL and bare CR and LF included: whoever takes it next must have BINARYMIME too.</summary>
    BinaryMime = 3,
}

/// <summary>RET: how much of the message a report brings back (RFC 3461 §4.3). The numbers are stored.</summary>
public enum DsnReturn
{
    Undeclared = 0,
    Full = 1,
    Headers = 2,
}

/// <summary>BY (RFC 2852 §4): until when the message should be delivered.</summary>
/// <param name="Deadline">May be in the past already, when <paramref name="Returns"/> is not set.</param>
/// <param name="Returns">by-mode "R": what is not delivered by then fails; else ("N") its sender is told that it is late.</param>
/// <param name="Trace">by-trace "T": the sender hears of a relay to a server without DELIVERBY.</param>
public sealed record DeliverBy(DateTimeOffset Deadline, bool Returns, bool Trace);

/// <summary>What MAIL asks for beside the reverse-path and SMTPUTF8: it stays with the message in the queue and on its further way.</summary>
public sealed record MailParameters
{
    public static MailParameters None { get; } = new();

    public BodyType Body { get; init; }

    public DsnReturn Return { get; init; }

    /// <summary>ENVID (RFC 3461 §4.4), decoded; null when there was none.</summary>
    public string? EnvelopeId { get; init; }

    /// <summary>REQUIRETLS (RFC 8689): never to be sent without TLS to a verified server that has it too.</summary>
    public bool RequireTls { get; init; }

    /// <summary>TLS-Required: No (RFC 8689 §3): to be sent whatever the recipient's domain asks of TLS.</summary>
    public bool IgnoreTlsPolicy { get; init; }

    /// <summary>HOLDFOR or HOLDUNTIL (RFC 4865): nothing is done before.</summary>
    public DateTimeOffset? HoldUntil { get; init; }

    public DeliverBy? By { get; init; }

    /// <summary>MT-PRIORITY (RFC 6710), from -9 to 9.</summary>
    public int Priority { get; init; }
}

/// <summary>NOTIFY (RFC 3461 §4.1): of what the sender wants to hear. The numbers are stored.</summary>
[Flags]
public enum DsnNotify
{
    /// <summary>The client did not say: of failures, and of delays if the server likes.</summary>
    Undeclared = 0,
    Never = 1,
    Success = 2,
    Failure = 4,
    Delay = 8,
}

/// <summary>What RCPT asks for beside the forward-path; it stays with the recipient.</summary>
public sealed record RcptParameters
{
    public static RcptParameters None { get; } = new();

    public DsnNotify Notify { get; init; }

    /// <summary>ORCPT (RFC 3461 §4.2) as a report shows it: the address type, a semicolon, the address without its encoding.</summary>
    public string? OriginalRecipient { get; init; }
}
