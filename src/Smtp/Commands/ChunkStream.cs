using System.Buffers;
using System.Globalization;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>The message of a series of BDAT commands (RFC 3030 §2): chunk behind chunk, with the replies between them.</summary>
internal sealed class ChunkStream : MessageStream
{
    private readonly SmtpSession _session;
    private readonly CommandReader _reader;
    private readonly long _octetsMax;
    private readonly bool _binary;
    private readonly int _lineOctetsMax;
    private LineCheck _lines;
    private LineLengths _lengths;
    private BdatCommand _chunk;
    private Refusal? _refusal;
    private long _left;
    private long _octets;
    private int _chunks = 1;

    /// <param name="binary">BODY=BINARYMIME: the octets are no lines (RFC 3030 §3).</param>
    public ChunkStream(SmtpSession session, BdatCommand first, bool binary)
    {
        (_session, _reader, _octetsMax, _binary) = (session, session.Connection.Reader, session.Server.Settings.MessageOctetsMax, binary);
        (_chunk, _left) = (first, first.SizeOctets);
        _lineOctetsMax = session.Server.Settings.TextLineOctetsMax;
        _lengths = new LineLengths(_lineOctetsMax);
        // One clock for all chunks: many small ones buy no time.
        _reader.BeginBody();
    }

    /// <summary>Another command came where a chunk should have: there is no message.</summary>
    public bool Abandoned { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            if (_left > 0)
            {
                var octets = await TakeAsync(buffer);
                if (_refusal is null) return octets;
                continue;
            }
            if (_chunk.IsLast && !_binary) _refusal ??= RefusalOf(_lines.End());
            if (_refusal is not null) throw new RefusalException(_refusal);
            if (_chunk.IsLast) return 0;
            await NextAsync();
        }
    }

    public override async ValueTask<ReadStatus> DrainAsync()
    {
        if (_left == 0 || Status != ReadStatus.Ok || Abandoned) return Status;
        if (_left > SmtpLimits.DiscardOctetsMax) return Status = ReadStatus.Endless;
        Status = await _reader.DiscardAsync(_left, CancellationToken.None);
        _left = 0;
        return Status;
    }

    // The octets of a refused chunk pass by.
    private async ValueTask<int> TakeAsync(Memory<byte> buffer)
    {
        var chunk = Status == ReadStatus.Ok ? await _reader.ReadBodyAsync(CancellationToken.None) : new BodyChunk(Status, default);
        if (!chunk.Ok)
        {
            Status = chunk.Status;
            throw new EndOfStreamException("the message was not completed");
        }
        var some = chunk.Bytes.Slice(0, Math.Min(Math.Min(chunk.Bytes.Length, _left), buffer.Length));
        var octets = (int)some.Length;
        some.CopyTo(buffer.Span);
        _reader.Advance(some.End);
        _left -= octets;
        _octets += octets;
        if (_octets > _octetsMax) _refusal ??= TooLarge;
        if (!_binary && _refusal is null) _refusal = RefusalOf(_lines.Check(buffer.Span[..octets]));
        if (!_binary && _refusal is null && _lengths.Exceed(buffer.Span[..octets])) _refusal = LineTooLong(_lineOctetsMax);
        if (_refusal is not null && _left > SmtpLimits.DiscardOctetsMax) Status = ReadStatus.Endless;
        return octets;
    }

    private async ValueTask NextAsync()
    {
        var taken = new Reply(250, "2.0.0", string.Create(CultureInfo.InvariantCulture, $"{_chunk.SizeOctets} octets are here"));
        if (await _session.NextChunkAsync(taken) is not { } next)
        {
            Abandoned = true;
            throw new EndOfStreamException("the message was not completed");
        }
        (_chunk, _left) = (next, next.SizeOctets);
        if (++_chunks > SmtpLimits.ChunksMax) _refusal = TooLarge;
    }
}

/// <summary>Finds what no text of lines holds: a NUL, a CR or LF that is no line end (RFC 5321 §2.3.8).</summary>
internal struct LineCheck
{
    private static readonly SearchValues<byte> Suspects = SearchValues.Create([0, (byte)'\r', (byte)'\n']);

    private bool _cr;

    /// <summary>The first fault in these octets, which follow those of the last call.</summary>
    public DataFault Check(ReadOnlySpan<byte> octets)
    {
        while (!octets.IsEmpty)
        {
            if (_cr)
            {
                if (octets[0] != '\n') return DataFault.BareCr;
                _cr = false;
                octets = octets[1..];
                continue;
            }
            var at = octets.IndexOfAny(Suspects);
            if (at < 0) break;
            if (octets[at] == 0) return DataFault.Nul;
            if (octets[at] == '\n') return DataFault.BareLf;
            _cr = true;
            octets = octets[(at + 1)..];
        }
        return DataFault.None;
    }

    /// <summary>Nothing follows.</summary>
    public readonly DataFault End() => _cr ? DataFault.BareCr : DataFault.None;
}
