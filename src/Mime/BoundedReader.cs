using MimeKit;

namespace Posthorn.Mime;

/// <summary>MimeKit's event reader with a bound on what headers may cost it: it keeps a field in one buffer that it grows by copying.</summary>
internal abstract class BoundedReader : MimeReader
{
    private static readonly ParserOptions Lenient = MakeOptions();

    private readonly Feed _feed;
    private int _fields;
    private long _fieldOctets;

    protected BoundedReader(Feed feed)
        : base(Lenient, feed, MimeFormat.Entity) => _feed = feed;

    /// <param name="header">The field.</param>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Octets with its line end.</param>
    /// <param name="isField">False for a line without a colon.</param>
    protected abstract void OnField(Header header, long offset, int length, bool isField);

    protected override void OnHeadersBegin(long beginOffset, int beginLineNumber, CancellationToken cancellationToken) =>
        _feed.StopAt = _feed.Position + MimeLimits.HeaderFieldOctetsMax;

    protected override void OnHeaderRead(Header header, int beginLineNumber, CancellationToken cancellationToken)
    {
        var offset = header.Offset ?? 0;
        // A line that is no field has all of itself, with its line end, as the name.
        var isField = header.RawValue.Length > 0
            || (!header.RawField.AsSpan().Contains((byte)'\n') && _feed.Slice(offset + header.RawField.Length, 1).SequenceEqual(":"u8));
        var length = header.RawField.Length + (isField ? 1 + header.RawValue.Length : 0);
        OnField(header, offset, length, isField);
        _feed.StopAt = _feed.Position + MimeLimits.HeaderFieldOctetsMax;
        _fieldOctets += length;
        if (++_fields > MimeLimits.HeaderFieldsMax || _fieldOctets > MimeLimits.HeadersOctetsMax) _feed.Stop();
    }

    protected override void OnHeadersEnd(
        long beginOffset, int beginLineNumber, long endOffset, int endLineNumber, CancellationToken cancellationToken) =>
        _feed.StopAt = long.MaxValue;

    private static ParserOptions MakeOptions()
    {
        Charsets.Register();
        var options = ParserOptions.Default.Clone();
        options.MaxMimeDepth = MimeLimits.DepthMax;
        return options;
    }
}
