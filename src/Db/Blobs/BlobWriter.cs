using System.Buffers;
using System.Security.Cryptography;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>
/// Takes a blob of unknown length in pieces, in 512 KiB of memory whatever its size. Up to 256 KiB it becomes one record,
/// beyond that a row of frames.
/// Disposing without Complete throws it away.
/// </summary>
public sealed class BlobWriter : IAsyncDisposable
{
    private readonly BlobStore _store;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _buffered;
    private FrameTable? _frames;
    private BlobSink? _sink;
    private bool _ended;

    internal BlobWriter(BlobStore store) => _store = store;

    /// <summary>Plain bytes so far.</summary>
    public long Length { get; private set; }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct = default)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        _hash.AppendData(bytes.Span);
        Length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_buffered == Packing.FrameBytes) await WriteFrameAsync(ct);
            var taken = Math.Min(bytes.Length, Packing.FrameBytes - _buffered);
            Reserve(_buffered + taken);
            bytes.Span[..taken].CopyTo(_buffer.AsSpan(_buffered));
            _buffered += taken;
            bytes = bytes[taken..];
        }
    }

    public async ValueTask<StagedBlob> CompleteAsync(CancellationToken ct = default)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        var id = Hash();
        if (_frames is null)
        {
            _ended = true;
            return _store.Stage(id, _buffer.AsSpan(0, _buffered));
        }

        await WriteFrameAsync(ct);
        _ended = true;
        var table = _frames.Write();
        await _sink!.WriteAsync(table, ct);
        var record = new SegmentRecord(id, BlobCodec.Frames, Length, _frames.StoredLength + table.Length, SegmentRecord.Crc(table));
        return await _sink.CompleteAsync(record, ct);
    }

    public async ValueTask DisposeAsync()
    {
        _ended = true;
        _hash.Dispose();
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        if (_sink is not null) await _sink.DisposeAsync();
        _sink = null;
    }

    private BlobId Hash()
    {
        Span<byte> hash = stackalloc byte[BlobId.Length];
        _hash.GetHashAndReset(hash);
        return new BlobId(hash);
    }

    private void Reserve(int length)
    {
        if (_buffer.Length >= length) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Min(Math.Max(length, _buffer.Length * 4), Packing.FrameBytes));
        _buffer.AsSpan(0, _buffered).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private async ValueTask WriteFrameAsync(CancellationToken ct)
    {
        _frames ??= new FrameTable();
        _sink ??= _store.CreateSink();
        var packed = ArrayPool<byte>.Shared.Rent(Packing.Bound(_buffered));
        try
        {
            var length = Packing.TryPack(_buffer.AsSpan(0, _buffered), packed);
            var stored = length > 0 ? packed.AsMemory(0, length) : _buffer.AsMemory(0, _buffered);
            _frames.Add(stored.Length, length == 0, SegmentRecord.Crc(stored.Span));
            await _sink.WriteAsync(stored, ct);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }

        _buffered = 0;
    }
}
