using Posthorn.Core;
using Posthorn.Directory;

namespace Posthorn.Delivery;

/// <summary>THE door: every message that is routed, delivered or sent enters here.</summary>
public sealed class Intake
{
    /// <summary>Whether mail from this submitter (null: from anybody, at the MX) is taken for the address, and where it would go.</summary>
    /// <returns>Refusals: NotFound (550 5.1.1), Forbidden (relaying denied, 550 5.7.1), Disabled (5.2.1), OverQuota (452 4.2.2), TooMany.</returns>
    public ValueTask<Result<Recipient>> RecipientAsync(EmailAddress address, Identity? submitter, CancellationToken ct = default) =>
        throw new NotImplementedException();

    /// <summary>RCPT TO:&lt;postmaster&gt; without a domain (RFC 5321 §4.5.1).</summary>
    public ValueTask<Result<Recipient>> PostmasterAsync(CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Whether this submitter may use the reverse-path (RFC 6409 §6.1).</summary>
    /// <returns>Null when it may.</returns>
    public ValueTask<Refusal?> SenderAsync(ReversePath from, Identity submitter, CancellationToken ct = default) =>
        throw new NotImplementedException();

    /// <summary>Reads the message to its end, stores and routes it. What comes back without a refusal is durable for every recipient.</summary>
    /// <param name="message">The octets with CRLF line ends. A <see cref="RefusalException"/> out of it (too large, a bare LF) becomes the refusal.</param>
    /// <exception cref="IOException">The stream broke: nothing was taken.</exception>
    public ValueTask<Result<Receipt>> AcceptAsync(Envelope envelope, Origin origin, Stream message, CancellationToken ct = default) =>
        throw new NotImplementedException();
}
