using System.Buffers;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>The message of a DATA command, pulled out of the connection: without stuffed dots, to the line with one dot.</summary>
internal sealed class DataStream : MessageStream
{
    private const int DrainOctets = 16 * 1024;

    private readonly CommandReader _reader;
    private readonly long _octetsMax;
    private readonly int _lineOctetsMax;
    private DataDecoder _decoder;
    private LineLengths _lengths;
    private Refusal? _refusal;
    private long _octets;

    /// <param name="octetsMax">Counted without the stuffed dots (RFC 1870 §5).</param>
    public DataStream(CommandReader reader, long octetsMax, int lineOctetsMax = SmtpLimits.TextLineOctetsMax)
    {
        (_reader, _octetsMax, _lineOctetsMax, _lengths) = (reader, octetsMax, lineOctetsMax, new LineLengths(lineOctetsMax));
        reader.BeginBody();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty) return 0;
        while (!_decoder.Ended)
        {
            var chunk = Status == ReadStatus.Ok ? await _reader.ReadBodyAsync(CancellationToken.None) : new BodyChunk(Status, default);
            if (!chunk.Ok)
            {
                Status = chunk.Status;
                throw new EndOfStreamException("the message was not completed");
            }
            var written = Take(chunk.Bytes, buffer.Span);
            if (written > 0 && _refusal is null) return written;
        }
        return _refusal is null ? 0 : throw new RefusalException(_refusal);
    }

    public override async ValueTask<ReadStatus> DrainAsync()
    {
        if (_decoder.Ended || Status != ReadStatus.Ok) return Status;
        var octets = ArrayPool<byte>.Shared.Rent(DrainOctets);
        while (!_decoder.Ended && Status == ReadStatus.Ok)
        {
            var chunk = await _reader.ReadBodyAsync(CancellationToken.None);
            if (chunk.Ok) Take(chunk.Bytes, octets);
            else Status = chunk.Status;
        }
        ArrayPool<byte>.Shared.Return(octets);
        return Status;
    }

    private int Take(in ReadOnlySequence<byte> octets, Span<byte> destination)
    {
        var (consumed, written) = (0L, 0);
        foreach (var segment in octets)
        {
            _decoder.Decode(segment.Span, destination[written..], out var read, out var wrote);
            consumed += read;
            written += wrote;
            if (read < segment.Length) break;
        }
        _reader.Advance(octets.GetPosition(consumed));
        _octets += written;
        _refusal ??= _octets > _octetsMax ? TooLarge : RefusalOf(_decoder.Fault);
        if (_refusal is null && _lengths.Exceed(destination[..written])) _refusal = LineTooLong(_lineOctetsMax);
        if (_octets - _octetsMax > SmtpLimits.DiscardOctetsMax) Status = ReadStatus.Endless;
        return written;
    }
}
