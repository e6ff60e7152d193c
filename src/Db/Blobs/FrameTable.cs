using System.Buffers.Binary;

namespace Posthorn.Db;

/// <summary>
/// The end of a framed payload, so that a part is read without the rest: for each frame its stored length (top bit set: raw)
/// and CRC-32C, 4 bytes each; then the number of frames and the plain bytes of each but the last, 4 bytes each. Little-endian.
/// </summary>
internal sealed class FrameTable
{
    public const int TrailerBytes = 8;
    private const uint RawBit = 0x8000_0000;
    private readonly List<(long Offset, int Length, bool Raw, uint Crc)> _frames = [];

    public int Count => _frames.Count;

    /// <summary>Stored bytes of all frames.</summary>
    public long StoredLength { get; private set; }

    public (long Offset, int Length, bool Raw, uint Crc) this[int frame] => _frames[frame];

    public void Add(int length, bool raw, uint crc)
    {
        _frames.Add((StoredLength, length, raw, crc));
        StoredLength += length;
    }

    public byte[] Write()
    {
        var bytes = new byte[_frames.Count * 8 + TrailerBytes];
        var at = bytes.AsSpan();
        foreach (var (_, length, raw, crc) in _frames)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(at, (uint)length | (raw ? RawBit : 0));
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], crc);
            at = at[8..];
        }

        BinaryPrimitives.WriteInt32LittleEndian(at, _frames.Count);
        BinaryPrimitives.WriteInt32LittleEndian(at[4..], Packing.FrameBytes);
        return bytes;
    }

    /// <exception cref="InvalidDataException">The table does not match the row.</exception>
    public static async ValueTask<FrameTable> ReadAsync(BlobSource source, BlobPlace place, long plainLength, CancellationToken ct)
    {
        var count = (int)Math.Min((plainLength + Packing.FrameBytes - 1) / Packing.FrameBytes, int.MaxValue / 8 - TrailerBytes);
        var bytes = new byte[count * 8 + TrailerBytes];
        if (place.StoredLength < bytes.Length) throw new InvalidDataException("the payload is shorter than its frame table");
        await source.ReadAsync(place.StoredLength - bytes.Length, bytes, ct);
        if (SegmentRecord.Crc(bytes) != place.Crc) throw new InvalidDataException("the frame table's checksum does not match");
        return Parse(bytes, count);
    }

    private static FrameTable Parse(ReadOnlySpan<byte> bytes, int count)
    {
        var table = new FrameTable();
        for (var i = 0; i < count; i++)
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * 8)..]);
            table.Add((int)(word & ~RawBit), (word & RawBit) != 0, BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * 8 + 4)..]));
        }

        if (BinaryPrimitives.ReadInt32LittleEndian(bytes[(count * 8)..]) != count)
            throw new InvalidDataException("the frame table's count does not match");
        return table;
    }
}
