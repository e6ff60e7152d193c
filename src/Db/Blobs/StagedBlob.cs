using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>
/// Bytes that are stored and that nothing names yet. <see cref="BlobStore.Link(Transaction, AccountId, in StagedBlob,
/// BlobOwner)"/> within the hour, or they are garbage.
/// </summary>
/// <param name="Id">SHA-256 of the plain bytes.</param>
/// <param name="Length">Plain bytes.</param>
public readonly record struct StagedBlob(BlobId Id, long Length)
{
    internal BlobPlace Place { get; init; }

    /// <summary>
    /// The segment that must be on disk before the row, with <see cref="BlobPlace.Position"/> and the stored length telling how
    /// far.
    /// </summary>
    internal SegmentFile? Segment { get; init; }

    /// <summary>In a database without segments: the small payload that goes into the action itself.</summary>
    internal byte[]? Payload { get; init; }
}

/// <summary>Where a blob's stored bytes are. Segment 0 is the table blob_part, position being the number of the data there.</summary>
internal readonly record struct BlobPlace(long Segment, long Position, long StoredLength, BlobCodec Codec, uint Crc);

/// <summary>What in an account holds on to a blob. The kinds are constants of the owning rooms.</summary>
public readonly record struct BlobOwner(byte Kind, long Number);
