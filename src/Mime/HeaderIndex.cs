namespace Posthorn.Mime;

/// <summary>Where each field of the top-level header stands in the message, for <c>foreach</c>; in the message's order.</summary>
public readonly ref struct HeaderIndex
{
    private readonly ReadOnlySpan<byte> _entries;

    internal HeaderIndex(ReadOnlySpan<byte> entries, bool isComplete)
    {
        _entries = entries;
        IsComplete = isComplete;
    }

    /// <summary>False when the header has more fields than <see cref="MimeLimits.IndexedHeadersMax"/>: then the header itself must be read.</summary>
    public bool IsComplete { get; }

    public Enumerator GetEnumerator() => new(_entries);

    /// <param name="name">In lower case.</param>
    /// <param name="found">The first field of that name.</param>
    public bool TryFind(ReadOnlySpan<byte> name, out HeaderPlace found)
    {
        foreach (var entry in this)
        {
            if (!entry.Name.SequenceEqual(name)) continue;
            found = entry;
            return true;
        }
        found = default;
        return false;
    }

    public ref struct Enumerator
    {
        private PackedReader _reader;
        private long _end;

        internal Enumerator(ReadOnlySpan<byte> entries) => _reader = new PackedReader(entries);

        public HeaderPlace Current { get; private set; }

        public bool MoveNext()
        {
            if (_reader.End) return false;
            var code = _reader.Byte();
            var name = code == 0 ? _reader.Text().Octets : HeaderNames.Name(code);
            var offset = _end + _reader.Number();
            var length = _reader.Number();
            _end = offset + length;
            Current = new HeaderPlace(name, offset, (int)length);
            return true;
        }
    }
}

/// <summary>One header field's place.</summary>
public readonly ref struct HeaderPlace
{
    internal HeaderPlace(ReadOnlySpan<byte> name, long offset, int length)
    {
        Name = name;
        Offset = offset;
        Length = length;
    }

    /// <summary>In lower case; empty for a line that is not a header field.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>From the start of the message to the first octet of the name.</summary>
    public long Offset { get; }

    /// <summary>Octets of the whole field: name, colon, folded lines, line end.</summary>
    public int Length { get; }
}

/// <summary>Names that take one octet in an index. The order is part of the stored format: append only.</summary>
internal static class HeaderNames
{
    private const int NameMax = 40;

    private static readonly byte[][] Names =
    [
        .. new[]
        {
            "", "received", "return-path", "delivered-to", "from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "message-id",
            "in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id",
            "content-description", "content-language", "content-location", "content-md5", "dkim-signature", "authentication-results",
            "received-spf", "arc-seal", "arc-message-signature", "arc-authentication-results", "list-id", "list-unsubscribe",
            "list-unsubscribe-post", "list-post", "list-help", "list-subscribe", "list-archive", "list-owner", "precedence",
            "auto-submitted", "user-agent", "x-mailer", "x-priority", "importance", "priority", "thread-topic", "thread-index",
            "errors-to", "resent-from", "resent-to", "resent-date", "resent-message-id", "organization", "comments", "keywords",
            "x-spam-status", "x-spam-score", "x-google-dkim-signature", "x-gm-message-state", "x-received", "feedback-id",
            "disposition-notification-to", "autocrypt", "x-originating-ip", "tls-required", "x-spam-flag", "x-original-to", "x-forwarded-to",
        }.Select(System.Text.Encoding.ASCII.GetBytes),
    ];

    private static readonly Dictionary<string, byte> Codes =
        Names.Index().ToDictionary(
            entry => System.Text.Encoding.ASCII.GetString(entry.Item), entry => (byte)entry.Index, StringComparer.OrdinalIgnoreCase);

    private static readonly Dictionary<string, byte>.AlternateLookup<ReadOnlySpan<char>> ByName = Codes.GetAlternateLookup<ReadOnlySpan<char>>();

    public static ReadOnlySpan<byte> Name(byte code) => code < Names.Length ? Names[code] : default;

    /// <summary>0 when the name has no code, or is empty.</summary>
    public static byte Code(ReadOnlySpan<byte> name)
    {
        Span<char> chars = stackalloc char[NameMax];
        if (name.Length > NameMax || System.Text.Encoding.ASCII.GetChars(name, chars) != name.Length) return 0;
        return ByName.TryGetValue(chars[..name.Length], out var code) ? code : (byte)0;
    }
}
