using MimeKit;

namespace Posthorn.Mime;

/// <summary>A part while the message is read.</summary>
internal sealed class PartDraft
{
    public PartKind Kind { get; set; }

    /// <summary>Nobody looks inside: an enclosed thing that is not a message in IMAP's sense.</summary>
    public bool Opaque { get; set; }

    /// <summary>Reading stopped inside this part: it goes on to the end of the message.</summary>
    public bool OpenEnd { get; set; }

    public long HeaderStart { get; set; }

    public long BodyStart { get; set; }

    public long BodyEnd { get; set; }

    /// <summary>Line feeds in the message before the body.</summary>
    public long LinesBefore { get; set; }

    /// <summary>Line feeds in the body.</summary>
    public long Lines { get; set; }

    public string Type { get; set; } = "text";

    public string Subtype { get; set; } = "plain";

    public bool IsText => Type == "text";

    public bool Is(string type, string subtype) => Type == type && Subtype == subtype;

    public byte[]? ContentType { get; set; }

    public byte[]? Disposition { get; set; }

    public byte[]? Encoding { get; set; }

    public byte[]? Id { get; set; }

    public byte[]? Description { get; set; }

    public byte[]? Md5 { get; set; }

    public byte[]? Language { get; set; }

    public byte[]? Location { get; set; }

    /// <summary>The message header, when this part is the body of a message.</summary>
    public EnvelopeDraft? Envelope { get; set; }

    public List<PartDraft> Children { get; } = [];

    /// <summary>The first octets of a text that may become the preview, still encoded.</summary>
    public Capture? Text { get; set; }

    /// <summary>Octets of the values kept here.</summary>
    public int Weight { get; private set; } = 64;

    /// <summary>Keeps a MIME header field (RFC 2045); the first of each name counts.</summary>
    public void Keep(HeaderId id, byte[] raw)
    {
        switch (id)
        {
            case HeaderId.ContentType: ContentType ??= Unfold(raw, 8); break;
            case HeaderId.ContentDisposition: Disposition ??= Unfold(raw, 8); break;
            case HeaderId.ContentTransferEncoding: Encoding ??= HeaderValue.Token(Unfold(raw), out _); break;
            case HeaderId.ContentId: Id ??= Unfold(raw); break;
            case HeaderId.ContentDescription: Description ??= Unfold(raw); break;
            case HeaderId.ContentMd5: Md5 ??= Unfold(raw); break;
            case HeaderId.ContentLanguage: Language ??= Unfold(raw); break;
            case HeaderId.ContentLocation: Location ??= Unfold(raw); break;
        }
    }

    private byte[] Unfold(byte[] raw, int factor = 1)
    {
        var value = HeaderValue.Unfold(raw, MimeLimits.StructureValueOctetsMax * factor);
        Weight += value.Length;
        return value;
    }
}

/// <summary>The fields of an envelope as the header has them, and the threading keys.</summary>
internal sealed class EnvelopeDraft
{
    public byte[]? Date { get; private set; }

    public byte[]? Subject { get; private set; }

    public byte[]? From { get; private set; }

    public byte[]? Sender { get; private set; }

    public byte[]? ReplyTo { get; private set; }

    public byte[]? To { get; private set; }

    public byte[]? Cc { get; private set; }

    public byte[]? Bcc { get; private set; }

    public byte[]? InReplyTo { get; private set; }

    public byte[]? MessageId { get; private set; }

    public byte[]? References { get; private set; }

    /// <summary>The first of each name counts (RFC 5322 §3.6 allows one).</summary>
    public void Keep(HeaderId id, byte[] raw)
    {
        switch (id)
        {
            case HeaderId.Date: Date ??= raw; break;
            case HeaderId.Subject: Subject ??= raw; break;
            case HeaderId.From: From ??= raw; break;
            case HeaderId.Sender: Sender ??= raw; break;
            case HeaderId.ReplyTo: ReplyTo ??= raw; break;
            case HeaderId.To: To ??= raw; break;
            case HeaderId.Cc: Cc ??= raw; break;
            case HeaderId.Bcc: Bcc ??= raw; break;
            case HeaderId.InReplyTo: InReplyTo ??= raw; break;
            case HeaderId.MessageId: MessageId ??= raw; break;
            case HeaderId.References: References ??= raw; break;
        }
    }

    /// <summary>Writes the packed form; see <see cref="EnvelopeView"/>.</summary>
    public void Write(PackedWriter output)
    {
        var start = output.Length;
        output.Byte(EnvelopeView.Version);
        Text(output, Date);
        Text(output, Subject);
        var list = new PackedWriter();
        foreach (var field in (ReadOnlySpan<byte[]?>)[From, Sender, ReplyTo, To, Cc, Bcc])
        {
            list.Truncate(0);
            var room = MimeLimits.EnvelopeOctetsMax - (output.Length - start);
            if (field is not null) AddressParser.Parse(HeaderValue.Unfold(field, MimeLimits.HeaderFieldOctetsMax), list, room);
            output.Number(list.Length);
            output.Raw(list.Written);
        }
        Text(output, InReplyTo);
        Text(output, MessageId);
    }

    private static void Text(PackedWriter output, byte[]? raw) =>
        output.Text(raw is null ? null : HeaderValue.Unfold(raw, MimeLimits.EnvelopeValueOctetsMax));
}

/// <summary>The first octets of a body.</summary>
internal sealed class Capture(int octetsMax)
{
    private byte[] _bytes = [];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Add(ReadOnlySpan<byte> more)
    {
        if (more.Length > octetsMax - Length) more = more[..(octetsMax - Length)];
        if (more.IsEmpty) return;
        if (_bytes.Length - Length < more.Length) Array.Resize(ref _bytes, Math.Max(Length + more.Length, Math.Min(octetsMax, Length * 4)));
        more.CopyTo(_bytes.AsSpan(Length));
        Length += more.Length;
    }

    /// <summary>Takes back a line end that belongs to the delimiter.</summary>
    public void Trim(long length) => Length = (int)Math.Min(Length, Math.Max(0, length));
}
