namespace Posthorn.Db;

/// <summary>Where stored bytes lie: segment files beside SQLite, or a table of the database. An object store will be the third.</summary>
internal abstract class BlobShelf : IAsyncDisposable
{
    /// <summary>Puts one whole record away; <paramref name="buffer"/> has room for the segment header before the payload.</summary>
    public abstract StagedBlob Stage(in SegmentRecord record, Span<byte> buffer);

    /// <summary>For blobs that come in frames.</summary>
    public abstract BlobSink CreateSink();

    /// <summary>Within the action that inserts the blob's row: makes the commit cover the bytes.</summary>
    public abstract void Secure(Transaction tx, in StagedBlob staged);

    /// <summary>Within the action that deletes the blob's row.</summary>
    public abstract void Drop(Transaction tx, in BlobPlace place);

    /// <summary>Null when the place is no longer there: the blob has moved, and its row says where.</summary>
    public abstract BlobSource? Open(in BlobPlace place);

    public abstract ValueTask DisposeAsync();
}

/// <summary>Takes a blob's stored bytes as they come. Disposing without Complete throws them away.</summary>
internal abstract class BlobSink : IAsyncDisposable
{
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> stored, CancellationToken ct);

    public abstract ValueTask<StagedBlob> CompleteAsync(SegmentRecord record, CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}

/// <summary>One blob's stored bytes, open for reading: they stay where they are until Dispose.</summary>
internal abstract class BlobSource : IDisposable
{
    /// <summary>Reads exactly as many bytes as asked; fewer there is damage.</summary>
    public abstract ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken ct);

    /// <summary>Compares what the shelf itself says of the blob with its row; null when they agree.</summary>
    public abstract ValueTask<string?> CheckRecordAsync(BlobRow row, CancellationToken ct);

    public abstract void Dispose();
}
