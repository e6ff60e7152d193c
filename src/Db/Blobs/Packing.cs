using System.Collections.Concurrent;
using ZstdSharp;

namespace Posthorn.Db;

/// <summary>Compresses and expands one frame. Compressors are expensive to make (half a megabyte of tables each) and kept.</summary>
internal static class Packing
{
    public const int FrameBytes = 256 * 1024;

    /// <summary>Below this many bytes zstd's own header eats the gain.</summary>
    private const int CompressBytesMin = 64;
    private const int Level = 1;

    private static readonly ConcurrentBag<Compressor> Compressors = [];
    private static readonly ConcurrentBag<Decompressor> Decompressors = [];

    public static int Bound(int plainLength) => Compressor.GetCompressBound(plainLength);

    /// <summary>The packed length, or 0 when the bytes do not shrink and are better stored as they are.</summary>
    public static int TryPack(ReadOnlySpan<byte> plain, Span<byte> packed)
    {
        if (plain.Length < CompressBytesMin) return 0;
        if (!Compressors.TryTake(out var compressor)) compressor = new Compressor(Level);
        try
        {
            var length = compressor.Wrap(plain, packed);
            return length < plain.Length - plain.Length / 32 ? length : 0;
        }
        finally
        {
            if (Compressors.Count < Environment.ProcessorCount * 2) Compressors.Add(compressor);
            else compressor.Dispose();
        }
    }

    /// <summary>Fills <paramref name="plain"/> exactly, or throws.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<byte> plain)
    {
        if (!Decompressors.TryTake(out var decompressor)) decompressor = new Decompressor();
        try
        {
            if (decompressor.Unwrap(packed, plain) != plain.Length) throw new InvalidDataException("The frame is shorter than its record says");
        }
        catch (ZstdException error)
        {
            throw new InvalidDataException("The frame does not expand", error);
        }
        finally
        {
            if (Decompressors.Count < Environment.ProcessorCount * 2) Decompressors.Add(decompressor);
            else decompressor.Dispose();
        }
    }
}
