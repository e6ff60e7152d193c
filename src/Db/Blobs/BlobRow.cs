using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>A row of the table blob.</summary>
internal readonly record struct BlobRow(long Number, BlobId Id, long Length, BlobPlace Place)
{
    public const string Columns = "number, hash, segment, position, stored, length, codec, crc";

    public static BlobRow Read(Rows rows) => new(
        rows.Int64(0),
        new BlobId(rows.Blob(1)),
        rows.Int64(5),
        new BlobPlace(rows.Int64(2), rows.Int64(3), rows.Int64(4), (BlobCodec)rows.Int64(6), (uint)rows.Int64(7)));

    /// <summary>What must stand in the segment before the payload.</summary>
    public SegmentRecord Record => new(Id, Place.Codec, Length, Place.StoredLength, Place.Crc);
}
