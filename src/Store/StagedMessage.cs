using System.Buffers;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Store;

/// <summary>
/// A message whose bytes are stored and summed up while no mailbox knows of it yet; one that is not taken is collected with the unlinked blobs.
/// </summary>
public sealed class StagedMessage
{
    private StagedMessage(StagedBlob blob, MessageSummary summary) => (Blob, Summary) = (blob, summary);

    public StagedBlob Blob { get; }

    public MessageSummary Summary { get; }

    public long Length => Blob.Length;

    /// <summary>What <see cref="Emails.AppendAsync"/> takes.</summary>
    public NewEmail ToEmail(SystemFlags flags, IReadOnlyList<string> keywords, DateTimeOffset receivedAt) =>
        new(Blob, Summary, default, flags, keywords, receivedAt);

    internal static async ValueTask<StagedMessage> StageAsync(BlobStore blobs, ReadOnlyMemory<byte> message, CancellationToken ct) =>
        new(await blobs.StageAsync(new ReadOnlySequence<byte>(message), ct), MessageReader.Read(message));

    /// <summary>One pass: what the reader of the message takes goes to the blob on its way.</summary>
    internal static async ValueTask<StagedMessage> StageAsync(BlobStore blobs, Stream message, CancellationToken ct)
    {
        await using var writer = blobs.CreateWriter();
        var summary = await MessageReader.ReadAsync(new Tee(message, writer), ct);
        return new(await writer.CompleteAsync(ct), summary);
    }

    private sealed class Tee(Stream source, BlobWriter writer) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await source.ReadAsync(buffer, cancellationToken);
            if (read > 0) await writer.WriteAsync(buffer[..read], cancellationToken);
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a message is staged asynchronously");

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
