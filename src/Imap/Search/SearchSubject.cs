using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>What is known of a message while a search looks at it: first its row, then its stored columns, last its octets.</summary>
internal ref struct SearchSubject
{
    public EmailRow Row;

    public bool IsRecent;

    public KeywordSets Keywords;

    /// <summary><see cref="Envelope"/> has been read.</summary>
    public bool HasDetails;

    public EnvelopeView Envelope;

    /// <summary>None until the message itself was read.</summary>
    public MessageText? Text;
}
