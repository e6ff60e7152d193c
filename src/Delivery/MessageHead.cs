using System.Buffers;

namespace Posthorn.Delivery;

/// <summary>The beginning of a message that still arrives, or all of it when it is small, in pooled memory.</summary>
internal sealed class MessageHead(Stream source) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(DeliveryLimits.MemoryMessageOctetsMax);
    private int _length;

    /// <summary>The stream has ended: there is no more than <see cref="Octets"/>.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Valid until the next call.</summary>
    public ReadOnlyMemory<byte> Octets => _buffer.AsMemory(0, _length);

    /// <summary>Of <see cref="Octets"/>, up to and with the empty line; all of them when it has not come.</summary>
    public ReadOnlySpan<byte> Header => _buffer.AsSpan(0, HeaderLength() is var length and >= 0 ? length : _length);

    public async ValueTask FillAsync(CancellationToken ct)
    {
        while (!IsWhole && _length < _buffer.Length)
        {
            var read = await source.ReadAsync(_buffer.AsMemory(_length), ct);
            _length += read;
            IsWhole = read == 0;
        }
    }

    /// <summary>Reads on until the header is here.</summary>
    /// <returns>False when it is longer than the limit.</returns>
    public async ValueTask<bool> HoldHeaderAsync(int octetsMax, CancellationToken ct)
    {
        while (!IsWhole && HeaderLength() < 0)
        {
            if (_length >= octetsMax) return false;
            var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            Octets.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
            await FillAsync(ct);
        }
        return true;
    }

    public void Dispose()
    {
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length) = ([], 0);
    }

    // Lines end in CRLF here: nothing else comes through the stream.
    private int HeaderLength()
    {
        var octets = _buffer.AsSpan(0, _length);
        if (octets.StartsWith("\r\n"u8)) return 2;
        var end = octets.IndexOf("\r\n\r\n"u8);
        return end < 0 ? -1 : end + 4;
    }
}

/// <summary>Octets in memory, then those of a stream, which is disposed with this one.</summary>
internal sealed class HeadedStream(ReadOnlyMemory<byte> head, Stream rest, long octetsMax = long.MaxValue) : Stream
{
    private ReadOnlyMemory<byte> _head = head;
    private long _read;

    /// <summary>Whether an octet above 127 has passed.</summary>
    public bool EightBit { get; private set; }

    /// <summary>Told of the octets of the rest as they pass.</summary>
    public PassedOctets? Passed { get; init; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _read;
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        if (_head.IsEmpty)
        {
            read = await rest.ReadAsync(buffer, cancellationToken);
            Passed?.Invoke(buffer.Span[..read]);
        }
        else
        {
            read = Math.Min(_head.Length, buffer.Length);
            _head[..read].CopyTo(buffer);
            _head = _head[read..];
        }
        _read += read;
        if (_read > octetsMax) throw Refusals.TooLarge(octetsMax).AsException();
        EightBit |= !System.Text.Ascii.IsValid(buffer.Span[..read]);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a message is read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await rest.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) rest.Dispose();
        base.Dispose(disposing);
    }
}

internal delegate void PassedOctets(ReadOnlySpan<byte> octets);
