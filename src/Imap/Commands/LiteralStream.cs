using System.Buffers;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>The octets of one literal as they arrive, for whoever reads streams. Reading ends with the literal, not with the connection.</summary>
internal sealed class LiteralStream(CommandReader reader, long octets) : Stream
{
    private long _left = octets;

    /// <summary>Why the literal could not be read to its end.</summary>
    public ReadStatus Status { get; private set; } = ReadStatus.Ok;

    /// <summary>One of the octets that were read is zero.</summary>
    public bool HasNul { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="EndOfStreamException">The peer left or was too slow; see <see cref="Status"/>.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0 || buffer.IsEmpty) return 0;
        var chunk = await reader.ReadBodyAsync(CancellationToken.None);
        if (!chunk.Ok)
        {
            Status = chunk.Status;
            throw new EndOfStreamException("the literal was not completed");
        }
        var take = Math.Min(Math.Min(chunk.Bytes.Length, buffer.Length), _left);
        var some = chunk.Bytes.Slice(0, take);
        some.CopyTo(buffer.Span);
        HasNul = HasNul || buffer.Span[..(int)take].Contains((byte)0);
        reader.Advance(some.End);
        _left -= take;
        return (int)take;
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
}
