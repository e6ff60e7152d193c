using MimeKit;

namespace Posthorn.Mime;

/// <summary>Turns the events of one pass into a tree of parts.</summary>
/// <remarks>
/// Header events come before the event that says what kind of part they head, so a draft waits in <c>_pending</c>. The stack holds null for
/// what is read but not kept: everything inside an opaque part, and parts beyond the limits.
/// </remarks>
internal sealed class StructureReader : BoundedReader
{
    private const int CapturesMax = 4;
    private const int PlainCaptureOctets = 4 * 1024;

    private readonly Feed _feed;
    private readonly Stack<PartDraft?> _open = new();
    private readonly PackedWriter _index = new();
    private PartDraft _pending = new();
    private PartDraft? _leaf;
    private long _indexEnd;
    private long _fieldsEnd;
    private int _indexed;
    private int _parts;
    private int _captures;
    private long _weight;

    public StructureReader(Feed feed)
        : base(feed)
    {
        _feed = feed;
        _pending.Envelope = new EnvelopeDraft();
    }

    public PartDraft? Root { get; private set; }

    public bool IndexComplete => _indexed <= MimeLimits.IndexedHeadersMax;

    public ReadOnlySpan<byte> Index => _index.Written;

    /// <summary>The parts that reading stopped in, or a body of the rest when it stopped in the first header.</summary>
    public PartDraft Finish()
    {
        if (Root is null)
        {
            // The first line is no header field, or the header ends in one: the rest is text.
            Root = _pending;
            Root.Kind = PartKind.Leaf;
            Root.BodyStart = _fieldsEnd;
            Root.LinesBefore = _feed.NewlinesBeforeMark;
            Root.OpenEnd = true;
            SetType(Root, null);
            Root.Text = new Capture(PlainCaptureOctets);
            Root.Text.Add(_feed.SinceMark);
        }
        _feed.Unmark();
        while (_open.TryPop(out var part))
        {
            if (part is not null) part.OpenEnd = true;
        }
        Root.OpenEnd = true; // whatever is left of the message belongs to it
        return Root;
    }

    protected override void OnHeadersBegin(long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        var inMessage = _open.Count == 0 || _open.Peek() is { Kind: PartKind.Message };
        _pending = new PartDraft { HeaderStart = _open.Count == 0 ? 0 : beginOffset, Envelope = inMessage ? new EnvelopeDraft() : null };
        base.OnHeadersBegin(beginOffset, beginLineNumber, cancellationToken);
    }

    protected override void OnHeadersEnd(
        long beginOffset, int beginLineNumber, long endOffset, int endLineNumber, CancellationToken cancellationToken)
    {
        base.OnHeadersEnd(beginOffset, beginLineNumber, endOffset, endLineNumber, cancellationToken);
        _pending.BodyStart = endOffset;
        _feed.Unmark();
    }

    protected override void OnField(Header header, long offset, int length, bool isField)
    {
        if (_open.Count == 0) AddToIndex(header, offset, length, isField);
        if (!isField) return;
        _pending.Keep(header.Id, header.RawValue);
        _pending.Envelope?.Keep(header.Id, header.RawValue);
    }

    protected override void OnMimePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        _leaf = Open(PartKind.Leaf, contentType);
        if (_leaf is null || _captures >= CapturesMax || !IsPreviewText(_leaf)) return;
        _captures++;
        _leaf.Text = new Capture(_leaf.Subtype == "plain" ? PlainCaptureOctets : MimeLimits.PreviewSourceOctetsMax);
    }

    protected override void OnMimePartContentRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken) =>
        _leaf?.Text?.Add(buffer.AsSpan(startIndex, count));

    protected override void OnMimePartEnd(
        ContentType contentType, long beginOffset, int beginLineNumber, long headersEndOffset,
        long endOffset, int lines, CancellationToken cancellationToken)
    {
        _leaf?.Text?.Trim(endOffset - _leaf.BodyStart);
        _leaf = null;
        Close(endOffset);
    }

    protected override void OnMultipartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) =>
        Open(PartKind.Multipart, contentType);

    protected override void OnMultipartPreambleRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken)
    {
        // A multipart whose first boundary never comes will be shown as text.
        if (_open.Count == 1 && _open.Peek() is { } root) (root.Text ??= new Capture(PlainCaptureOctets)).Add(buffer.AsSpan(startIndex, count));
    }

    protected override void OnMultipartEnd(
        ContentType contentType, long beginOffset, int beginLineNumber, long headersEndOffset,
        long endOffset, int lines, CancellationToken cancellationToken) =>
        Close(endOffset);

    protected override void OnMessagePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) =>
        Open(PartKind.Message, contentType);

    protected override void OnMessagePartEnd(
        ContentType contentType, long beginOffset, int beginLineNumber, long headersEndOffset,
        long endOffset, int lines, CancellationToken cancellationToken) =>
        Close(endOffset);

    private static bool IsPreviewText(PartDraft part) =>
        (part.Is("text", "plain") || part.Is("text", "html"))
        && (part.Disposition is null || !HeaderValue.Token(part.Disposition, out _).AsSpan().SequenceEqual("attachment"u8));

    private static void SetType(PartDraft part, ContentType? type)
    {
        if (type is null) return;
        part.Type = TypeName(type.MediaType);
        part.Subtype = TypeName(type.MediaSubtype);
    }

    private static string TypeName(string name)
    {
        if (name.Length > 127) name = name[..127]; // RFC 6838 §4.2
        return name.ToLowerInvariant();
    }

    private PartDraft? Open(PartKind kind, ContentType contentType)
    {
        var parent = _open.Count == 0 ? null : _open.Peek();
        if (_open.Count > 0 && (parent is null || parent.Opaque))
        {
            _open.Push(null);
            return null;
        }
        if (_parts >= MimeLimits.PartsMax || _weight > MimeLimits.StructureOctetsMax) _feed.Stop();
        if (_feed.Stopped && _parts > 0 && (_parts >= MimeLimits.PartsMax || _weight > MimeLimits.StructureOctetsMax))
        {
            _open.Push(null);
            return null;
        }
        var part = _pending;
        part.Kind = kind;
        SetType(part, contentType);
        // RFC 9051 §7.5.2: only these two are messages; MimeKit also looks into message/external-body, text/rfc822-headers and others.
        if (kind == PartKind.Message && !part.Is("message", "rfc822") && !part.Is("message", "global"))
        {
            part.Kind = PartKind.Leaf;
            part.Opaque = true;
        }
        // Beyond the depth limit, and nobody knows what a multipart without parts is.
        if (kind == PartKind.Leaf && part.Type == "multipart") (part.Type, part.Subtype) = ("application", "octet-stream");
        part.LinesBefore = _feed.NewlinesBefore(part.BodyStart);
        _parts++;
        _weight += part.Weight;
        if (_open.Count == 0) Root ??= part;
        else parent!.Children.Add(part);
        _open.Push(part);
        return part;
    }

    private void Close(long endOffset)
    {
        if (_open.Count == 0 || _open.Pop() is not { } part) return;
        if (part.Kind == PartKind.Multipart && part.Children.Count == 0) MakeLeaf(part);
        if (part.Kind != PartKind.Leaf) part.Text = null;
        if (_feed.Stopped && endOffset >= _feed.Position)
        {
            part.OpenEnd = true;
            return;
        }
        // An empty body right before a delimiter: the empty line stays with the header, so the end is never before the start.
        part.BodyEnd = Math.Max(_feed.BodyEnd(endOffset), part.BodyStart);
        if (part.Children.Count > 0) part.BodyEnd = Math.Max(part.BodyEnd, part.Children[^1].BodyEnd);
        part.Lines = _feed.NewlinesBefore(part.BodyEnd) - part.LinesBefore;
    }

    // RFC 2045 §5.2: a type that cannot be meant is text/plain, and somebody may read what stands there.
    private void MakeLeaf(PartDraft part)
    {
        part.Kind = PartKind.Leaf;
        part.ContentType = null;
        (part.Type, part.Subtype) = _feed.Stopped ? ("application", "octet-stream") : ("text", "plain");
    }

    private void AddToIndex(Header header, long offset, int length, bool isField)
    {
        _fieldsEnd = offset + length;
        _feed.Mark(_fieldsEnd);
        if (++_indexed > MimeLimits.IndexedHeadersMax) return;
        var name = isField ? header.RawField.AsSpan().Trim(" \t\r\n"u8) : default;
        var known = HeaderNames.Code(name);
        _index.Byte(known);
        if (known == 0)
        {
            _index.Text(HeaderValue.Lower(name));
        }
        _index.Number(offset - _indexEnd);
        _index.Number(length);
        _indexEnd = _fieldsEnd;
    }
}
