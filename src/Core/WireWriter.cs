using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Posthorn.Core;

/// <summary>Writes protocol text straight into a pipe's or an array's buffer, without strings in between.</summary>
/// <remarks>A ref struct: it lives between two awaits. <see cref="Commit"/> hands over what was written; nothing is flushed here.</remarks>
public ref struct WireWriter(IBufferWriter<byte> output)
{
    private const int BlockBytes = 4096;

    private readonly IBufferWriter<byte> _output = output;
    private Span<byte> _span = output.GetSpan(BlockBytes);
    private int _used;

    /// <summary>Bytes written through this writer so far.</summary>
    public long Written { get; private set; }

    public void Byte(byte value)
    {
        if (_used == _span.Length) Grow(1);
        _span[_used++] = value;
        Written++;
    }

    public void Space() => Byte((byte)' ');

    public void CrLf() => Raw("\r\n"u8);

    public void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        Written += bytes.Length;
        while (true)
        {
            var room = _span.Length - _used;
            if (bytes.Length <= room)
            {
                bytes.CopyTo(_span[_used..]);
                _used += bytes.Length;
                return;
            }
            bytes[..room].CopyTo(_span[_used..]);
            _used += room;
            bytes = bytes[room..];
            Grow(Math.Min(bytes.Length, BlockBytes));
        }
    }

    public void Raw(scoped in ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes) Raw(segment.Span);
    }

    /// <summary>The text in UTF-8.</summary>
    public void Text(scoped ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            var some = text.Length > 512 ? SafeCut(text) : text;
            var bytesMax = Encoding.UTF8.GetMaxByteCount(some.Length);
            if (_span.Length - _used < bytesMax) Grow(bytesMax);
            var written = Encoding.UTF8.GetBytes(some, _span[_used..]);
            _used += written;
            Written += written;
            text = text[some.Length..];
        }
    }

    public void Number(long value)
    {
        if (_span.Length - _used < 20) Grow(20);
        Utf8Formatter.TryFormat(value, _span[_used..], out var written);
        _used += written;
        Written += written;
    }

    public void Base64(scoped ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var some = bytes.Length > 768 ? bytes[..768] : bytes;
            var length = System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(some.Length);
            if (_span.Length - _used < length) Grow(length);
            System.Buffers.Text.Base64.EncodeToUtf8(some, _span[_used..], out _, out var written);
            _used += written;
            Written += written;
            bytes = bytes[some.Length..];
        }
    }

    /// <summary>Hands what was written to the output. The writer can go on afterwards.</summary>
    public void Commit()
    {
        if (_used > 0) _output.Advance(_used);
        _used = 0;
        _span = default;
    }

    private static ReadOnlySpan<char> SafeCut(ReadOnlySpan<char> text) =>
        char.IsHighSurrogate(text[511]) ? text[..511] : text[..512];

    private void Grow(int atLeast)
    {
        if (_used > 0) _output.Advance(_used);
        _used = 0;
        _span = _output.GetSpan(Math.Max(atLeast, BlockBytes));
    }
}
