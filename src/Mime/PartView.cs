namespace Posthorn.Mime;

/// <summary>What is inside a part.</summary>
public enum PartKind : byte
{
    /// <summary>Content. Its type may still be message/rfc822 when it is encoded; see <see cref="PartView.IsOpaqueMessage"/>.</summary>
    Leaf = 0,

    /// <summary>Parts; at least one.</summary>
    Multipart = 1,

    /// <summary>One enclosed message (message/rfc822, message/global): <see cref="PartView.FirstChild"/> is its body part.</summary>
    Message = 2,
}

/// <summary>Which fields of a part are stored. The bits are part of the stored format.</summary>
[Flags]
internal enum PartFields
{
    None = 0,
    Parameters = 1,
    Id = 2,
    Description = 4,
    Encoding = 8,
    Md5 = 16,
    Disposition = 32,
    Language = 64,
    Location = 128,
}

/// <summary>One part of a stored structure. Offsets count from the first octet of the whole message.</summary>
public readonly ref struct PartView
{
    private readonly ReadOnlySpan<byte> _parameters;
    private readonly ReadOnlySpan<byte> _dispositionParameters;
    private readonly ReadOnlySpan<byte> _languages;
    private readonly ReadOnlySpan<byte> _envelope;
    private readonly ReadOnlySpan<byte> _children;

    private PartView(PartKind kind, ReadOnlySpan<byte> block)
    {
        var reader = new PackedReader(block);
        Kind = kind;
        HeaderStart = reader.Number();
        HeaderLength = reader.Number();
        Octets = reader.Number();
        Lines = reader.Number();
        Type = reader.Text().Octets;
        Subtype = reader.Text().Octets;
        var fields = (PartFields)reader.Byte();
        if (fields.HasFlag(PartFields.Parameters)) _parameters = reader.Block();
        if (fields.HasFlag(PartFields.Id)) Id = reader.Text();
        if (fields.HasFlag(PartFields.Description)) Description = reader.Text();
        Encoding = fields.HasFlag(PartFields.Encoding) ? reader.Text().Octets : "7bit"u8;
        if (fields.HasFlag(PartFields.Md5)) Md5 = reader.Text();
        if (fields.HasFlag(PartFields.Disposition))
        {
            Disposition = reader.Text();
            _dispositionParameters = reader.Block();
        }
        if (fields.HasFlag(PartFields.Language)) _languages = reader.Block();
        if (fields.HasFlag(PartFields.Location)) Location = reader.Text();
        if (kind == PartKind.Message) _envelope = reader.Block();
        _children = reader.Take(int.MaxValue);
    }

    public PartKind Kind { get; }

    /// <summary>The media type in lower case: <c>text</c>.</summary>
    public ReadOnlySpan<byte> Type { get; }

    /// <summary>The subtype in lower case: <c>plain</c>.</summary>
    public ReadOnlySpan<byte> Subtype { get; }

    /// <summary>Content-Type parameters as written, RFC 2231 names and values included (<c>filename*0*</c>).</summary>
    public ParameterList Parameters => new(_parameters);

    /// <summary>Content-ID, with its angle brackets.</summary>
    public PackedText Id { get; }

    public PackedText Description { get; }

    /// <summary>Content-Transfer-Encoding in lower case; <c>7bit</c> when there is none.</summary>
    public ReadOnlySpan<byte> Encoding { get; }

    public PackedText Md5 { get; }

    /// <summary>In lower case: <c>inline</c>, <c>attachment</c>.</summary>
    public PackedText Disposition { get; }

    public ParameterList DispositionParameters => new(_dispositionParameters);

    /// <summary>Content-Language tags.</summary>
    public TextList Languages => new(_languages);

    public PackedText Location { get; }

    /// <summary>First octet of the part's MIME header; of the message's header for a message's own part.</summary>
    public long HeaderStart { get; }

    /// <summary>Octets of the header with the empty line that ends it.</summary>
    public long HeaderLength { get; }

    public long BodyStart => HeaderStart + HeaderLength;

    /// <summary>Octets of the body as it stands in the message, still encoded.</summary>
    public long Octets { get; }

    public long BodyEnd => BodyStart + Octets;

    /// <summary>Line feeds in the body, whatever the type of the part.</summary>
    public long Lines { get; }

    /// <summary>For <see cref="PartKind.Message"/>: the envelope of the enclosed message.</summary>
    public EnvelopeView Envelope => new(_envelope);

    /// <summary>
    /// An encoded message/rfc822 or message/global, or one nested too deep. RFC 9051's grammar wants an envelope for these types, which
    /// nobody can read there, so IMAP calls the part application/octet-stream; JMAP tells the type as it is.
    /// </summary>
    public bool IsOpaqueMessage => Kind == PartKind.Leaf && Type.SequenceEqual("message"u8)
        && (Subtype.SequenceEqual("rfc822"u8) || Subtype.SequenceEqual("global"u8));

    /// <summary>The parts of a multipart; the body part of an enclosed message. For <c>foreach</c>.</summary>
    public PartEnumerator GetEnumerator() => new(_children);

    /// <summary>The first of them; a leaf of no octets when there is none.</summary>
    public PartView FirstChild
    {
        get
        {
            var reader = new PackedReader(_children);
            return Read(ref reader);
        }
    }

    /// <param name="number">From 1, as IMAP counts.</param>
    /// <param name="child">The part.</param>
    public bool TryChild(int number, out PartView child)
    {
        var reader = new PackedReader(_children);
        for (; !reader.End; number--)
        {
            if (number == 1)
            {
                child = Read(ref reader);
                return true;
            }
            reader.Byte();
            reader.Block();
        }
        child = default;
        return false;
    }

    internal static PartView Read(scoped ref PackedReader reader)
    {
        var kind = (PartKind)reader.Byte();
        return new PartView(kind, reader.Block());
    }

    public ref struct PartEnumerator
    {
        private PackedReader _reader;

        internal PartEnumerator(ReadOnlySpan<byte> children) => _reader = new PackedReader(children);

        public PartView Current { get; private set; }

        public bool MoveNext()
        {
            if (_reader.End) return false;
            Current = Read(ref _reader);
            return true;
        }
    }
}

/// <summary>Parameters as name and value, for <c>foreach</c>. Names are in lower case.</summary>
public readonly ref struct ParameterList
{
    private readonly ReadOnlySpan<byte> _list;

    internal ParameterList(ReadOnlySpan<byte> list) => _list = list;

    public bool IsEmpty => _list.IsEmpty;

    public Enumerator GetEnumerator() => new(_list);

    /// <param name="name">In lower case, as written: <c>filename*</c> is another name than <c>filename</c>.</param>
    /// <param name="value">The first of that name.</param>
    public bool TryFind(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (var parameter in this)
        {
            if (!parameter.Name.SequenceEqual(name)) continue;
            value = parameter.Value;
            return true;
        }
        value = default;
        return false;
    }

    public ref struct Enumerator
    {
        private PackedReader _reader;

        internal Enumerator(ReadOnlySpan<byte> list) => _reader = new PackedReader(list);

        public ParameterView Current { get; private set; }

        public bool MoveNext()
        {
            if (_reader.End) return false;
            var name = _reader.Text().Octets;
            Current = new ParameterView(name, _reader.Text().Octets);
            return true;
        }
    }
}

public readonly ref struct ParameterView
{
    internal ParameterView(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Name = name;
        Value = value;
    }

    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Value { get; }
}

/// <summary>Strings, for <c>foreach</c>.</summary>
public readonly ref struct TextList
{
    private readonly ReadOnlySpan<byte> _list;

    internal TextList(ReadOnlySpan<byte> list) => _list = list;

    public bool IsEmpty => _list.IsEmpty;

    public Enumerator GetEnumerator() => new(_list);

    public ref struct Enumerator
    {
        private PackedReader _reader;

        internal Enumerator(ReadOnlySpan<byte> list) => _reader = new PackedReader(list);

        public PackedText Current { get; private set; }

        public bool MoveNext()
        {
            if (_reader.End) return false;
            Current = _reader.Text();
            return true;
        }
    }
}
