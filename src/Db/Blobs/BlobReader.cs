using System.Buffers;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>Random access to one blob's plain bytes, each checked against its checksum. Used by one reader at a time.</summary>
public sealed class BlobReader : IDisposable
{
    private readonly BlobSource _source;
    private readonly FrameTable? _frames;
    private byte[] _plain;
    private int _frame = -1;

    private BlobReader(BlobId id, long length, BlobSource source, FrameTable? frames, byte[] plain) =>
        (Id, Length, _source, _frames, _plain) = (id, length, source, frames, plain);

    public BlobId Id { get; }

    public long Length { get; }

    /// <summary>Reads what there is from the offset on, at most the destination's length; 0 at the end.</summary>
    /// <exception cref="DatabaseUnavailableException">The stored bytes are damaged.</exception>
    public async ValueTask<int> ReadAsync(long offset, Memory<byte> destination, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var wanted = (int)Math.Min(destination.Length, Math.Max(0, Length - offset));
        var done = 0;
        while (done < wanted)
        {
            var at = offset + done;
            var start = 0L;
            if (_frames is not null)
            {
                await LoadFrameAsync((int)(at / Packing.FrameBytes), ct);
                start = (long)_frame * Packing.FrameBytes;
            }

            var available = (int)Math.Min(Math.Min(start + Packing.FrameBytes, Length) - at, wanted - done);
            _plain.AsSpan((int)(at - start), available).CopyTo(destination.Span[done..]);
            done += available;
        }

        return done;
    }

    /// <summary>The whole blob from its beginning. The reader is disposed with the stream.</summary>
    public Stream AsStream() => new BlobStream(this);

    public void Dispose()
    {
        _source.Dispose();
        if (_plain.Length == 0) return;
        ArrayPool<byte>.Shared.Return(_plain);
        _plain = [];
    }

    /// <summary>Takes over the source.</summary>
    internal static async ValueTask<BlobReader> OpenAsync(BlobId id, long length, BlobPlace place, BlobSource source, CancellationToken ct)
    {
        byte[]? plain = null;
        try
        {
            var frames = place.Codec == BlobCodec.Frames ? await FrameTable.ReadAsync(source, place, length, ct) : null;
            if (frames is null && length > Packing.FrameBytes) throw new InvalidDataException("a record of this length must have frames");
            plain = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, Packing.FrameBytes));
            if (frames is null) await ReadPartAsync(source, 0, place, plain.AsMemory(0, (int)length), ct);
            return new BlobReader(id, length, source, frames, plain);
        }
        catch (Exception error)
        {
            if (plain is not null) ArrayPool<byte>.Shared.Return(plain);
            source.Dispose();
            if (error is InvalidDataException) throw Damaged(id, place, error);
            throw;
        }
    }

    private static DatabaseUnavailableException Damaged(BlobId id, BlobPlace place, Exception error) => new(
        DatabaseFault.Corrupt,
        place.Segment == 0
            ? $"Blob {id} is damaged in the database: {error.Message}"
            : $"Blob {id} is damaged in segment {SegmentFile.NameOf(place.Segment)} at {place.Position}: {error.Message}",
        error);

    private static async ValueTask ReadPartAsync(BlobSource source, long offset, BlobPlace part, Memory<byte> plain, CancellationToken ct)
    {
        if (part.StoredLength > Packing.Bound(Packing.FrameBytes)) throw new InvalidDataException("the stored length is impossible");
        if (part.Codec == BlobCodec.Raw)
        {
            if (part.StoredLength != plain.Length) throw new InvalidDataException("the stored length does not match");
            await source.ReadAsync(offset, plain, ct);
            if (SegmentRecord.Crc(plain.Span) != part.Crc) throw new InvalidDataException("the checksum does not match");
            return;
        }

        var packed = ArrayPool<byte>.Shared.Rent((int)part.StoredLength);
        try
        {
            var memory = packed.AsMemory(0, (int)part.StoredLength);
            await source.ReadAsync(offset, memory, ct);
            if (SegmentRecord.Crc(memory.Span) != part.Crc) throw new InvalidDataException("the checksum does not match");
            Packing.Unpack(memory.Span, plain.Span);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    private async ValueTask LoadFrameAsync(int frame, CancellationToken ct)
    {
        if (frame == _frame) return;
        var (offset, length, raw, crc) = _frames![frame];
        var plainLength = (int)Math.Min(Packing.FrameBytes, Length - (long)frame * Packing.FrameBytes);
        var part = new BlobPlace(-1, frame, length, raw ? BlobCodec.Raw : BlobCodec.Zstd, crc);
        _frame = -1;
        try
        {
            await ReadPartAsync(_source, offset, part, _plain.AsMemory(0, plainLength), ct);
        }
        catch (InvalidDataException error)
        {
            throw new DatabaseUnavailableException(DatabaseFault.Corrupt, $"Blob {Id} is damaged in frame {frame}: {error.Message}", error);
        }

        _frame = frame;
    }
}

/// <summary>A blob as a stream, for readers that want one.</summary>
internal sealed class BlobStream(BlobReader reader) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => reader.Length;

    public override long Position { get; set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await reader.ReadAsync(Position, buffer, cancellationToken);
        Position += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Synchronous parsers read segments without a wait; on PostgreSQL this blocks.</summary>
    public override int Read(byte[] buffer, int offset, int count)
    {
        var reading = ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None);
        return reading.IsCompletedSuccessfully ? reading.Result : reading.AsTask().GetAwaiter().GetResult();
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) reader.Dispose();
        base.Dispose(disposing);
    }
}
