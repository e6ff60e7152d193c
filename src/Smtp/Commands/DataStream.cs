using System.Buffers;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>The message of a DATA command, pulled out of the connection: without stuffed dots, to the line with one dot.</summary>
/// <remarks>
/// A message that is too large or not made of lines ends with a <see cref="RefusalException"/>, but not before its real end has been read:
/// what follows it is the next command. A connection that is lost ends with an <see cref="IOException"/>.
/// </remarks>
internal sealed class DataStream : Stream
{
    private const int DrainOctets = 16 * 1024;

    private static readonly Refusal TooLarge = new(RefusalKind.TooLarge, "the message is larger than this server takes");
    private static readonly Refusal BareCr = new(RefusalKind.Invalid, "the message holds a CR that is no line end");
    private static readonly Refusal BareLf = new(RefusalKind.Invalid, "the message holds a LF that is no line end");
    private static readonly Refusal Nul = new(RefusalKind.Invalid, "the message holds a NUL"); // RFC 6152 §3 leaves it to BINARYMIME

    private readonly CommandReader _reader;
    private readonly long _octetsMax;
    private DataDecoder _decoder;
    private Refusal? _refusal;
    private long _octets;

    /// <param name="octetsMax">Counted without the stuffed dots (RFC 1870 §5).</param>
    public DataStream(CommandReader reader, long octetsMax)
    {
        (_reader, _octetsMax) = (reader, octetsMax);
        reader.BeginBody();
    }

    /// <summary>Why the message could not be read to its end. Endless when too much of it would have to be thrown away.</summary>
    public ReadStatus Status { get; private set; } = ReadStatus.Ok;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="RefusalException">The message cannot be taken.</exception>
    /// <exception cref="IOException">The peer left or was too slow; see <see cref="Status"/>.</exception>
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

    /// <summary>Reads what nobody wants to the end of the message.</summary>
    public async ValueTask<ReadStatus> DrainAsync()
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

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a connection is read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

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
        if (_octets - _octetsMax > SmtpLimits.DiscardOctetsMax) Status = ReadStatus.Endless;
        return written;
    }

    private static Refusal? RefusalOf(DataFault fault) => fault switch
    {
        DataFault.BareCr => BareCr,
        DataFault.BareLf => BareLf,
        DataFault.Nul => Nul,
        _ => null,
    };
}
