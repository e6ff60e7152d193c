using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>How a blob's bytes are stored. The numbers are in files and rows: never change one.</summary>
internal enum BlobCodec : byte
{
    Raw = 0,
    Zstd = 1,

    /// <summary>Frames of 256 KiB of plain bytes, each zstd or raw on its own, then the frame table: see <see cref="FrameTable"/>.</summary>
    Frames = 2,
}

/// <summary>
/// The 64 bytes before each payload of a segment, little-endian:
/// 0 magic "PHR1" · 4 codec · 5 zero · 8 plain length · 16 stored length · 24 SHA-256 of the plain bytes · 56 CRC-32C of the
/// payload (Frames: of the frame table) · 60 CRC-32C of bytes 0 to 59.
/// </summary>
internal readonly record struct SegmentRecord(BlobId Id, BlobCodec Codec, long PlainLength, long StoredLength, uint PayloadCrc)
{
    public const int HeaderBytes = 64;
    private const uint Magic = 0x31524850;

    public void Write(Span<byte> header)
    {
        header[..HeaderBytes].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        header[4] = (byte)Codec;
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], PlainLength);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], StoredLength);
        Id.CopyTo(header[24..]);
        BinaryPrimitives.WriteUInt32LittleEndian(header[56..], PayloadCrc);
        BinaryPrimitives.WriteUInt32LittleEndian(header[60..], Crc(header[..60]));
    }

    public static bool TryRead(ReadOnlySpan<byte> header, out SegmentRecord record)
    {
        record = default;
        if (header.Length < HeaderBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[60..]) != Crc(header[..60])) return false;
        record = new SegmentRecord(
            new BlobId(header.Slice(24, BlobId.Length)),
            (BlobCodec)header[4],
            BinaryPrimitives.ReadInt64LittleEndian(header[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(header[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[56..]));
        return record is { PlainLength: >= 0, StoredLength: >= 0, Codec: <= BlobCodec.Frames };
    }

    /// <summary>CRC-32C (Castagnoli), by the processor's own instruction.</summary>
    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes)) crc = BitOperations.Crc32C(crc, word);
        foreach (var tail in bytes[(bytes.Length & ~7)..]) crc = BitOperations.Crc32C(crc, tail);
        return ~crc;
    }
}
