using System.Text;
using MimeKit;
using MimeKit.Encodings;

namespace Posthorn.Mime;

/// <summary>The words of a message as people read them: what a search index is fed with and what a search compares against.</summary>
public sealed record SearchText
{
    public required string From { get; init; }

    public required string To { get; init; }

    public required string Cc { get; init; }

    public required string Bcc { get; init; }

    public required string Subject { get; init; }

    /// <summary>All other header fields, of the message and of its parts, as <c>Name: value</c> separated by spaces; file names decoded.</summary>
    public required string Headers { get; init; }

    /// <summary>Every text part, enclosed messages included, white space collapsed, HTML read.</summary>
    public required string Body { get; init; }

    /// <summary>The message has more text than <see cref="MimeLimits.SearchCharsMax"/>.</summary>
    public required bool IsCut { get; init; }

    // From memory and from a stream the text comes in the same pieces, since a charset is guessed from the first one that needs it.
    private const int HeaderlessBlockOctets = 16 * 1024;

    /// <param name="message">The whole message.</param>
    public static SearchText Extract(ReadOnlyMemory<byte> message)
    {
        using var feed = new Feed(message);
        var reader = new SearchReader(feed);
        try
        {
            reader.ReadMessage();
        }
        catch (Exception fault) when (!feed.SourceFailed && fault is not OutOfMemoryException)
        {
            // As in MessageReader: what it told until then stays, the rest is text.
        }
        if (!reader.IsHeaderless) return reader.Finish();
        reader.TakeHeaderless(feed.SinceMark);
        feed.Unmark();
        var block = new byte[HeaderlessBlockOctets];
        while (feed.Read(block) is > 0 and var count) reader.TakeHeaderless(block.AsSpan(0, count));
        return reader.Finish();
    }

    /// <param name="message">Read from where it stands; not disposed. Memory is bounded by the text that is kept.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async ValueTask<SearchText> ExtractAsync(Stream message, CancellationToken cancellationToken = default)
    {
        using var feed = new Feed(message);
        var reader = new SearchReader(feed);
        try
        {
            await reader.ReadMessageAsync(cancellationToken);
        }
        catch (Exception fault) when (!feed.SourceFailed && fault is not (OutOfMemoryException or OperationCanceledException))
        {
            // As above.
        }
        if (!reader.IsHeaderless) return reader.Finish();
        reader.TakeHeaderless(feed.SinceMark);
        feed.Unmark();
        var block = new byte[HeaderlessBlockOctets];
        while (await feed.ReadAsync(block, cancellationToken) is > 0 and var count) reader.TakeHeaderless(block.AsSpan(0, count));
        return reader.Finish();
    }
}

/// <summary>Collects the words from the events of one pass.</summary>
internal sealed class SearchReader(Feed feed) : BoundedReader(feed)
{
    private const int FieldCharsMax = 64 * 1024;

    private readonly Feed _feed = feed;
    private readonly TextCollector _from = new(FieldCharsMax);
    private readonly TextCollector _to = new(4 * FieldCharsMax);
    private readonly TextCollector _cc = new(4 * FieldCharsMax);
    private readonly TextCollector _bcc = new(FieldCharsMax);
    private readonly TextCollector _subject = new(FieldCharsMax);
    private readonly TextCollector _headers = new(8 * FieldCharsMax);
    private readonly TextCollector _body = new(MimeLimits.SearchCharsMax);
    private readonly CharsetGuesses _guesses = new();
    private byte[] _encoding = [];
    private bool _topLevel = true;
    private int _parts;
    private TextPart? _text;

    /// <summary>The event reader found no header, or none that ended: the rest is text.</summary>
    public bool IsHeaderless => _topLevel;

    public void TakeHeaderless(ReadOnlySpan<byte> octets)
    {
        if (!_topLevel) return;
        _text ??= new TextPart(_body, _guesses, null, "", isHtml: false);
        _text.Add(octets.ToArray(), 0, octets.Length);
    }

    public SearchText Finish()
    {
        _text?.End();
        return new SearchText
        {
            From = _from.ToString(),
            To = _to.ToString(),
            Cc = _cc.ToString(),
            Bcc = _bcc.ToString(),
            Subject = _subject.ToString(),
            Headers = _headers.ToString(),
            Body = _body.ToString(),
            IsCut = _body.IsFull || _headers.IsFull,
        };
    }

    protected override void OnHeadersBegin(long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        base.OnHeadersBegin(beginOffset, beginLineNumber, cancellationToken);
        _encoding = [];
    }

    protected override void OnField(Header header, long offset, int length, bool isField)
    {
        if (_topLevel) _feed.Mark(offset + length);
        if (!isField) return;
        if (header.Id == HeaderId.ContentTransferEncoding) _encoding = HeaderValue.Token(HeaderValue.Unfold(header.RawValue, 256), out _);
        var field = !_topLevel ? _headers : header.Id switch
        {
            HeaderId.From => _from,
            HeaderId.To => _to,
            HeaderId.Cc => _cc,
            HeaderId.Bcc => _bcc,
            HeaderId.Subject => _subject,
            _ => _headers,
        };
        if (field.IsFull) return;
        field.Break();
        if (field == _headers)
        {
            field.Add(header.Field);
            field.Add(": ");
        }
        field.Add(HeaderText.Decode(header.RawValue, _guesses));
        if (header.Id is HeaderId.ContentDisposition or HeaderId.ContentType) AddFileName(header.RawValue);
    }

    protected override void OnHeadersEnd(
        long beginOffset, int beginLineNumber, long endOffset, int endLineNumber, CancellationToken cancellationToken)
    {
        base.OnHeadersEnd(beginOffset, beginLineNumber, endOffset, endLineNumber, cancellationToken);
        _topLevel = false;
        _feed.Unmark();
    }

    protected override void OnMimePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        if (++_parts > MimeLimits.PartsMax) _feed.Stop();
        if (_body.IsFull || !contentType.MediaType.Equals("text", StringComparison.OrdinalIgnoreCase)) return;
        _body.Break();
        _text = new TextPart(
            _body, _guesses, TransferEncoding.Decoder(_encoding), contentType.Parameters["charset"] ?? "",
            contentType.MediaSubtype.Equals("html", StringComparison.OrdinalIgnoreCase));
    }

    protected override void OnMimePartContentRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken)
    {
        if (_text is null || _body.IsFull) return;
        _text.Add(buffer, startIndex, count);
    }

    protected override void OnMimePartEnd(
        ContentType contentType, long beginOffset, int beginLineNumber, long headersEndOffset,
        long endOffset, int lines, CancellationToken cancellationToken)
    {
        _text?.End();
        _text = null;
    }

    // A multipart whose parts cannot be found is read as text, as MessageReader shows it.
    protected override void OnMultipartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        if (++_parts > MimeLimits.PartsMax) _feed.Stop();
        _body.Break();
        _text = contentType.Boundary is null ? new TextPart(_body, _guesses, null, "", isHtml: false) : null;
    }

    protected override void OnMultipartPreambleRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken) =>
        _text?.Add(buffer, startIndex, count);

    protected override void OnMultipartPreambleEnd(
        long beginOffset, int beginLineNumber, long endOffset, int lines, CancellationToken cancellationToken)
    {
        _text?.End();
        _text = null;
    }

    // RFC 2231 names are words too.
    private void AddFileName(byte[] raw)
    {
        var value = HeaderValue.Unfold(raw, MimeLimits.StructureValueOctetsMax * 4);
        var packed = new PackedWriter();
        foreach (var (name, text) in HeaderValue.Parameters(value))
        {
            packed.Text(name);
            packed.Text(text);
        }
        var parameters = new ParameterList(packed.Written);
        foreach (var name in (ReadOnlySpan<string>)["filename", "name"])
        {
            if (HeaderText.DecodeParameter(parameters, name) is not { } decoded) continue;
            _headers.Break();
            _headers.Add(decoded);
        }
    }

    /// <summary>One text part on its way from octets to words.</summary>
    private sealed class TextPart(TextCollector output, CharsetGuesses guesses, IMimeDecoder? transfer, string charset, bool isHtml)
    {
        private readonly HtmlText? _html = isHtml ? new HtmlText(output) : null;
        private Decoder? _decoder;
        private byte[] _octets = [];
        private char[] _chars = [];

        public void Add(byte[] buffer, int start, int count)
        {
            if (transfer is null)
            {
                Text(buffer.AsSpan(start, count), flush: false);
                return;
            }
            var room = transfer.EstimateOutputLength(count);
            if (_octets.Length < room) _octets = new byte[room];
            Text(_octets.AsSpan(0, transfer.Decode(buffer, start, count, _octets)), flush: false);
        }

        public void End()
        {
            Text([], flush: true);
            _html?.End();
            output.Break();
        }

        private void Text(ReadOnlySpan<byte> octets, bool flush)
        {
            if (_decoder is null)
            {
                if (octets.IsEmpty) return;
                var encoding = Charsets.Find(charset);
                // ASCII so far says nothing of what comes.
                if (encoding is not null || !Ascii.IsValid(octets)) _decoder = (encoding ?? guesses.For(octets)).GetDecoder();
            }
            if (_chars.Length < octets.Length + 16) _chars = new char[octets.Length + 16];
            if (_decoder is null)
            {
                Words(Encoding.ASCII.GetChars(octets, _chars));
                return;
            }
            while (true)
            {
                _decoder.Convert(octets, _chars, flush, out var used, out var written, out var completed);
                Words(written);
                octets = octets[used..];
                if (completed || output.IsFull) return;
            }
        }

        private void Words(int count)
        {
            if (_html is not null) _html.Add(_chars.AsSpan(0, count));
            else output.Add(_chars.AsSpan(0, count));
        }
    }
}
