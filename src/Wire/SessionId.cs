using System.Security.Cryptography;

namespace Posthorn.Wire;

/// <summary>Eight letters and digits that name a connection in every log line, in Received and in the journey.</summary>
internal static class SessionId
{
    private const int Bits = 40;

    // Starts anywhere, so that ids of two runs do not meet; then counts by an odd step: none comes twice in 2^40, and neighbours do not look alike.
    private static long _next = RandomNumberGenerator.GetInt32(int.MaxValue);

    public static string Next()
    {
        var number = (ulong)Interlocked.Increment(ref _next) * 0x9E3779B97F4A7C15UL & ((1UL << Bits) - 1);
        return string.Create(Bits / 5, number, static (text, number) =>
        {
            for (var i = 0; i < text.Length; i++) text[i] = "0123456789abcdefghjkmnpqrstvwxyz"[(int)(number >> (Bits - 5 - (5 * i))) & 31];
        });
    }
}
