namespace Posthorn.Mime;

/// <summary>The fields of a header block on raw octets, for <c>foreach</c>: nothing copied, nothing decoded.</summary>
/// <remarks>
/// Ends at the empty line, or where the octets end. A line without a colon is a field of no name. Either line end is taken, since a message
/// that came through APPEND may have bare line feeds.
/// </remarks>
public readonly ref struct HeaderFields
{
    private readonly ReadOnlySpan<byte> _message;

    private HeaderFields(ReadOnlySpan<byte> message) => _message = message;

    /// <param name="message">A message, or the start of one that holds its header.</param>
    public static HeaderFields Of(ReadOnlySpan<byte> message) => new(message);

    public Enumerator GetEnumerator() => new(_message);

    /// <summary>Octets of the header with the empty line that ends it.</summary>
    public int Length
    {
        get
        {
            var fields = GetEnumerator();
            while (fields.MoveNext())
            {
            }
            return fields.End;
        }
    }

    public ref struct Enumerator
    {
        private readonly ReadOnlySpan<byte> _message;
        private int _at;
        private bool _ended;

        internal Enumerator(ReadOnlySpan<byte> message) => _message = message;

        public HeaderField Current { get; private set; }

        internal int End => _at;

        public bool MoveNext()
        {
            var rest = _message[_at..];
            if (rest.IsEmpty) return false;
            if (_ended) return false;
            if (rest[0] == '\n' || rest.StartsWith("\r\n"u8))
            {
                _at += rest[0] == '\n' ? 1 : 2;
                _ended = true;
                return false;
            }
            var length = 0;
            do
            {
                var lineEnd = rest[length..].IndexOf((byte)'\n');
                length = lineEnd < 0 ? rest.Length : length + lineEnd + 1;
            }
            while (length < rest.Length && rest[length] is (byte)' ' or (byte)'\t');
            Current = new HeaderField(rest[..length], _at);
            _at += length;
            return true;
        }
    }
}

/// <summary>One field: name, colon, value, line end.</summary>
public readonly ref struct HeaderField
{
    internal HeaderField(ReadOnlySpan<byte> field, int offset)
    {
        Octets = field;
        Offset = offset;
        var colon = field.IndexOf((byte)':');
        Name = colon < 0 ? default : field[..colon].TrimEnd(" \t"u8);
        Value = colon < 0 ? default : field[(colon + 1)..];
    }

    /// <summary>The whole field, line end included.</summary>
    public ReadOnlySpan<byte> Octets { get; }

    public int Offset { get; }

    public ReadOnlySpan<byte> Name { get; }

    /// <summary>As it stands there: folded, with the line end.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <param name="name">In any case.</param>
    public bool Is(ReadOnlySpan<byte> name) => System.Text.Ascii.EqualsIgnoreCase(Name, name);
}
