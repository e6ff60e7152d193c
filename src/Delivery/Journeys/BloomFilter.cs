using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Posthorn.Delivery;

/// <summary>Says of a text that it is not among those that were added, or that it may be: wrong once in a hundred times when it is full.</summary>
internal sealed class BloomFilter(byte[] bits)
{
    private const int Probes = 7;
    private const int BitsPerKey = 10;

    public byte[] Bits => bits;

    /// <param name="keys">How many will be added.</param>
    public static BloomFilter For(int keys) => new(new byte[Math.Max(16, keys * BitsPerKey / 8)]);

    public void Add(string key)
    {
        var (first, second) = Hash(key);
        for (uint i = 0; i < Probes; i++)
        {
            var bit = Bit(first, second, i);
            bits[bit >> 3] |= (byte)(1 << (int)(bit & 7));
        }
    }

    public static bool MayHold(ReadOnlySpan<byte> bits, string key)
    {
        var (first, second) = Hash(key);
        for (uint i = 0; i < Probes; i++)
        {
            var bit = (first + i * second) % ((uint)bits.Length * 8);
            if ((bits[(int)(bit >> 3)] & 1 << (int)(bit & 7)) == 0) return false;
        }
        return true;
    }

    private uint Bit(uint first, uint second, uint probe) => (first + probe * second) % ((uint)bits.Length * 8);

    // Stored, so it must be the same in every process; and strangers choose the keys, which costs them one false find.
    private static (uint First, uint Second) Hash(string key)
    {
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // not for secrecy
        SHA1.HashData(MemoryMarshal.AsBytes(key.AsSpan()), hash);
#pragma warning restore CA5350
        return (BitConverter.ToUInt32(hash), BitConverter.ToUInt32(hash[4..]) | 1);
    }
}
