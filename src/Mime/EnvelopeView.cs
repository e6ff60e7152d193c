namespace Posthorn.Mime;

/// <summary>Reads a packed envelope (RFC 9051 §7.5.2) without allocation.</summary>
/// <remarks>
/// Values are the header's own octets, unfolded, encoded words not decoded, as IMAP sends them. Layout, version 1: the version,
/// then Date, Subject, From, Sender, Reply-To, To, Cc, Bcc, In-Reply-To, Message-ID in the order of the RFC; a string is NIL or octets,
/// an address list is a block of four strings for each address.
/// </remarks>
public readonly ref struct EnvelopeView
{
    internal const byte Version = 1;

    private readonly ReadOnlySpan<byte> _sender;
    private readonly ReadOnlySpan<byte> _replyTo;
    private readonly ReadOnlySpan<byte> _from;

    public EnvelopeView(ReadOnlySpan<byte> envelope)
    {
        var reader = new PackedReader(envelope);
        if (reader.Byte() != Version) return;
        Date = reader.Text();
        Subject = reader.Text();
        _from = reader.Take(reader.Count());
        _sender = reader.Take(reader.Count());
        _replyTo = reader.Take(reader.Count());
        To = new AddressList(reader.Take(reader.Count()));
        Cc = new AddressList(reader.Take(reader.Count()));
        Bcc = new AddressList(reader.Take(reader.Count()));
        InReplyTo = reader.Text();
        MessageId = reader.Text();
    }

    public PackedText Date { get; }

    public PackedText Subject { get; }

    public AddressList From => new(_from);

    /// <summary>As IMAP shows it: From, when there is no Sender (RFC 9051 §7.5.2).</summary>
    public AddressList Sender => new(_sender.IsEmpty ? _from : _sender);

    /// <summary>As IMAP shows it: From, when there is no Reply-To.</summary>
    public AddressList ReplyTo => new(_replyTo.IsEmpty ? _from : _replyTo);

    /// <summary>The Sender header itself, for JMAP.</summary>
    public AddressList WrittenSender => new(_sender);

    /// <summary>The Reply-To header itself, for JMAP.</summary>
    public AddressList WrittenReplyTo => new(_replyTo);

    public AddressList To { get; }

    public AddressList Cc { get; }

    public AddressList Bcc { get; }

    public PackedText InReplyTo { get; }

    public PackedText MessageId { get; }
}

/// <summary>An address list of an envelope, for <c>foreach</c>.</summary>
public readonly ref struct AddressList
{
    private readonly ReadOnlySpan<byte> _list;

    internal AddressList(ReadOnlySpan<byte> list) => _list = list;

    public bool IsEmpty => _list.IsEmpty;

    public Enumerator GetEnumerator() => new(_list);

    public ref struct Enumerator
    {
        private PackedReader _reader;

        internal Enumerator(ReadOnlySpan<byte> list) => _reader = new PackedReader(list);

        public AddressView Current { get; private set; }

        public bool MoveNext()
        {
            if (_reader.End) return false;
            var name = _reader.Text();
            var route = _reader.Text();
            var mailbox = _reader.Text();
            Current = new AddressView(name, route, mailbox, _reader.Text());
            return true;
        }
    }
}

/// <summary>One address as RFC 9051 §7.5.2 breaks it up.</summary>
public readonly ref struct AddressView
{
    internal AddressView(PackedText name, PackedText route, PackedText mailbox, PackedText host)
    {
        Name = name;
        Route = route;
        Mailbox = mailbox;
        Host = host;
    }

    /// <summary>The display name, unquoted; encoded words as they are.</summary>
    public PackedText Name { get; }

    /// <summary>The obsolete source route (at-domain-list).</summary>
    public PackedText Route { get; }

    /// <summary>The local part, unquoted; the group's name where a group begins.</summary>
    public PackedText Mailbox { get; }

    /// <summary>The domain; empty, not NIL, where the header forgot it.</summary>
    public PackedText Host { get; }

    public bool IsGroupStart => Host.IsNil && !Mailbox.IsNil;

    public bool IsGroupEnd => Host.IsNil && Mailbox.IsNil;
}
