using Posthorn.Core;
using Posthorn.Delivery;

namespace Posthorn.Smtp;

/// <summary>A mail transaction (RFC 5321 §3.3): the envelope while the client is still writing it.</summary>
internal sealed class Transaction(ReversePath from, bool utf8, MailParameters parameters)
{
    private readonly List<Recipient> _recipients = [];

    /// <summary>The client said SMTPUTF8 (RFC 6531 §3.4).</summary>
    public bool Utf8 => utf8;

    public ReversePath From => from;

    public MailParameters Parameters => parameters;

    /// <summary>A chunk of the message has come: only chunks may follow (RFC 3030 §2).</summary>
    public bool IsChunked { get; set; }

    public int RecipientCount => _recipients.Count;

    public void Add(Recipient recipient) => _recipients.Add(recipient);

    public Envelope ToEnvelope() => new(from, _recipients, utf8) { Parameters = parameters };
}
