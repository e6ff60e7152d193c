using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>One message open for reading: the recipient's trace headers and, behind them, the shared blob, as one row of octets.</summary>
public sealed class StoredMessage : IDisposable
{
    private readonly byte[] _prefix;
    private readonly BlobReader _blob;

    internal StoredMessage(EmailId email, byte[] prefix, BlobReader blob) => (Email, _prefix, _blob) = (email, prefix, blob);

    public EmailId Email { get; }

    public BlobId Blob => _blob.Id;

    public int TracePrefixLength => _prefix.Length;

    /// <summary>RFC822.SIZE.</summary>
    public long Length => _prefix.Length + _blob.Length;

    /// <summary>Reads from any place; 0 at the end only.</summary>
    public async ValueTask<int> ReadAsync(long offset, Memory<byte> destination, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (offset >= Length || destination.IsEmpty) return 0;
        var done = 0;
        if (offset < _prefix.Length)
        {
            done = (int)Math.Min(_prefix.Length - offset, destination.Length);
            _prefix.AsMemory((int)offset, done).CopyTo(destination);
        }

        while (done < destination.Length)
        {
            var read = await _blob.ReadAsync(offset + done - _prefix.Length, destination[done..], ct);
            if (read == 0) break;
            done += read;
        }

        return done;
    }

    /// <summary>The whole message in memory: for messages whose length the caller has looked at.</summary>
    public async ValueTask<byte[]> ReadAllAsync(CancellationToken ct = default)
    {
        var bytes = new byte[Length];
        var read = await ReadAsync(0, bytes, ct);
        return read == bytes.Length ? bytes : throw new EndOfStreamException("The message is shorter than its length says");
    }

    /// <summary>The message as a stream from its beginning; disposing the stream disposes this.</summary>
    public Stream AsStream() => new MessageStream(this);

    public void Dispose() => _blob.Dispose();

    private sealed class MessageStream(StoredMessage message) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => message.Length;

        public override long Position { get; set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await message.ReadAsync(Position, buffer, cancellationToken);
            Position += read;
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        /// <summary>For synchronous parsers.</summary>
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
            if (disposing) message.Dispose();
            base.Dispose(disposing);
        }
    }
}
