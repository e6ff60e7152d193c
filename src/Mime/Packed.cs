using System.Buffers.Binary;

namespace Posthorn.Mime;

/// <summary>Writes the packed forms: LEB128 numbers, strings with a length, nothing aligned.</summary>
internal sealed class PackedWriter
{
    private byte[] _bytes = new byte[512];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public byte[] ToArray() => Written.ToArray();

    public void Byte(byte value) => Reserve(1)[0] = value;

    public void Number(long value)
    {
        var rest = (ulong)value;
        while (rest >= 0x80)
        {
            Byte((byte)(rest | 0x80));
            rest >>= 7;
        }
        Byte((byte)rest);
    }

    /// <summary>NIL is 0; a string is its length plus one, then its octets.</summary>
    public void Text(byte[]? value)
    {
        if (value is null) Byte(0);
        else Text(value.AsSpan());
    }

    public void Text(ReadOnlySpan<byte> value)
    {
        Number(value.Length + 1L);
        Raw(value);
    }

    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Reserve(value.Length));

    /// <summary>Leaves room for a length that is known later; <see cref="EndBlock"/> fills it in.</summary>
    public int BeginBlock()
    {
        Reserve(4);
        return Length;
    }

    public void EndBlock(int start) => BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(start - 4), Length - start);

    /// <summary>Takes back what was written after a mark.</summary>
    public void Truncate(int length) => Length = length;

    private Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        var span = _bytes.AsSpan(Length, count);
        Length += count;
        return span;
    }
}

/// <summary>Reads what <see cref="PackedWriter"/> wrote. Damaged bytes read as zeros and empty strings, never beyond their end.</summary>
internal ref struct PackedReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly bool End => Position >= _bytes.Length;

    public byte Byte() => Position < _bytes.Length ? _bytes[Position++] : (byte)0;

    public long Number()
    {
        var value = 0UL;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var b = Byte();
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) break;
        }
        return (long)value;
    }

    public int Count() => (int)Math.Clamp(Number(), 0, int.MaxValue);

    public PackedText Text()
    {
        var length = Number();
        if (length <= 0) return default;
        return new PackedText(Take((int)Math.Min(length - 1, _bytes.Length)));
    }

    public ReadOnlySpan<byte> Take(int count)
    {
        count = Math.Clamp(count, 0, _bytes.Length - Position);
        var span = _bytes.Slice(Position, count);
        Position += count;
        return span;
    }

    public ReadOnlySpan<byte> Block()
    {
        var head = Take(4);
        return head.Length == 4 ? Take(BinaryPrimitives.ReadInt32LittleEndian(head)) : default;
    }
}

/// <summary>A string of a stored envelope or structure: NIL, or octets without CR, LF and NUL.</summary>
public readonly ref struct PackedText
{
    private readonly bool _present;

    internal PackedText(ReadOnlySpan<byte> octets)
    {
        Octets = octets;
        _present = true;
    }

    public ReadOnlySpan<byte> Octets { get; }

    /// <summary>NIL: the message does not have it. An empty string is not NIL.</summary>
    public bool IsNil => !_present;

    /// <summary>The octets as UTF-8, for people and tests.</summary>
    public override string ToString() => System.Text.Encoding.UTF8.GetString(Octets);
}
