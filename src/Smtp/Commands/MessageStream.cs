using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Smtp;

/// <summary>A message as the intake pulls it out of the connection.</summary>
/// <remarks>
/// A message that cannot be taken as it was sent ends with a <see cref="RefusalException"/>, but not before what belongs to it has been read:
/// what follows is the next command. A connection that is lost ends with an <see cref="IOException"/>.
/// </remarks>
internal abstract class MessageStream : Stream
{
    protected static readonly Refusal TooLarge = new(RefusalKind.TooLarge, "the message is larger than this server takes");
    protected static readonly Refusal BareCr = new(RefusalKind.Invalid, "the message holds a CR that is no line end");
    protected static readonly Refusal BareLf = new(RefusalKind.Invalid, "the message holds a LF that is no line end");
    protected static readonly Refusal Nul = new(RefusalKind.Invalid, "the message holds a NUL"); // RFC 6152 §3 leaves it to BINARYMIME

    /// <summary>Why the message could not be read to its end. Endless when too much of it would have to be thrown away.</summary>
    public ReadStatus Status { get; protected set; } = ReadStatus.Ok;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads what nobody wants, up to where the next command begins.</summary>
    public abstract ValueTask<ReadStatus> DrainAsync();

    /// <exception cref="RefusalException">The message cannot be taken.</exception>
    /// <exception cref="IOException">The peer left or was too slow; see <see cref="Status"/>.</exception>
    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a connection is read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected static Refusal LineTooLong(int octetsMax) =>
        new(RefusalKind.Invalid, $"the message has a line of more than {octetsMax} octets");

    protected static Refusal? RefusalOf(DataFault fault) => fault switch
    {
        DataFault.BareCr => BareCr,
        DataFault.BareLf => BareLf,
        DataFault.Nul => Nul,
        _ => null,
    };
}
