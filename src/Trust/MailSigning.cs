using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>Signs one message while it passes by: the header first, then the body in pieces.</summary>
public sealed class MailSigning : IDisposable
{
    private readonly BodyHashes _bodies = new();
#pragma warning disable CA2213 // it belongs to _bodies
    private readonly BodyHash _body;
#pragma warning restore CA2213
    private readonly HeaderBlock _header;
    private readonly IReadOnlyList<SigningKey> _keys;

    /// <param name="message">The message, or its beginning with the whole header. It must stay as it is until the end.</param>
    public MailSigning(ReadOnlyMemory<byte> message, IReadOnlyList<SigningKey> keys)
    {
        _header = new HeaderBlock(message[..HeaderFields.Of(message.Span).Length]);
        _body = _bodies.Want(true, null);
        _keys = keys;
    }

    /// <summary>The octets behind the header, in order.</summary>
    public void Append(ReadOnlySpan<byte> body) => _bodies.Append(body);

    /// <summary>After the last octet: the fields to put before the message.</summary>
    public byte[] Finish(DateTimeOffset now)
    {
        _bodies.Finish();
        return DkimSigner.Sign(_header, _body, _keys, now);
    }

    /// <summary>Signs a message that is in memory as a whole.</summary>
    public static byte[] Sign(ReadOnlyMemory<byte> message, IReadOnlyList<SigningKey> keys, DateTimeOffset now)
    {
        using var signing = new MailSigning(message, keys);
        signing.Append(message.Span[HeaderFields.Of(message.Span).Length..]);
        return signing.Finish(now);
    }

    public void Dispose() => _bodies.Dispose();
}
