using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>Codes that change with the time: RFC 6238 with what every authenticator knows, SHA-1, six digits and 30 seconds.</summary>
internal static class Totp
{
    /// <summary>RFC 4226 §4 R6 asks for 128 bits and recommends 160.</summary>
    public const int SecretBytes = 20;

    /// <summary>RFC 6238 §5.2: the code before and the one after are taken too, since clocks differ and people type slowly.</summary>
    public const int StepsAround = 1;

    private const int Digits = 6;
    private const int Modulus = 1_000_000;
    private const long StepSeconds = 30;
    private const string Base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static long StepOf(DateTimeOffset time) => time.ToUnixTimeSeconds() / StepSeconds;

    /// <summary>RFC 4226 §5.3.</summary>
    public static int CodeOf(ReadOnlySpan<byte> secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> mac = stackalloc byte[HMACSHA1.HashSizeInBytes];
#pragma warning disable CA5350 // What the RFC names and what authenticators know; nothing here rests on SHA-1 being free of collisions.
        HMACSHA1.HashData(secret, counter, mac);
#pragma warning restore CA5350
        var offset = mac[^1] & 0xF;
        return (int)((BinaryPrimitives.ReadUInt32BigEndian(mac[offset..]) & 0x7FFF_FFFF) % Modulus);
    }

    /// <summary>The step whose code this is, of those around the present one that come after <paramref name="last"/>; null for none.</summary>
    /// <remarks>Every step is always computed, and a code that was taken before is never taken again (RFC 6238 §5.2).</remarks>
    public static long? Match(ReadOnlySpan<byte> secret, string typed, DateTimeOffset now, long last)
    {
        var given = Read(typed);
        long? found = null;
        Span<byte> right = stackalloc byte[4];
        Span<byte> wanted = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(wanted, given);
        for (var step = StepOf(now) - StepsAround; step <= StepOf(now) + StepsAround; step++)
        {
            BinaryPrimitives.WriteInt32BigEndian(right, CodeOf(secret, step));
            if (CryptographicOperations.FixedTimeEquals(right, wanted) && step > last) found ??= step;
        }
        return found;
    }

    /// <summary>RFC 4648 §6, without padding, as authenticators take it by hand.</summary>
    public static string Base32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder((bytes.Length * 8 + 4) / 5);
        var (held, bits) = (0, 0);
        foreach (var b in bytes)
        {
            held = (held << 8 | b) & 0xFFF;
            bits += 8;
            for (; bits >= 5; bits -= 5) text.Append(Base32Alphabet[held >> (bits - 5) & 31]);
        }
        if (bits > 0) text.Append(Base32Alphabet[held << (5 - bits) & 31]);
        return text.ToString();
    }

    /// <summary>What an authenticator scans: the Key URI format that all of them read.</summary>
    public static string Uri(string issuer, EmailAddress account, string secret) =>
        $"otpauth://totp/{System.Uri.EscapeDataString(issuer)}:{System.Uri.EscapeDataString(account.ToString())}"
        + $"?secret={secret}&issuer={System.Uri.EscapeDataString(issuer)}";

    // People type spaces. What has not six digits is no code, and is compared all the same.
    private static int Read(string typed)
    {
        var (digits, value) = (0, 0);
        foreach (var c in typed)
        {
            if (c is ' ' or '-') continue;
            if (!char.IsAsciiDigit(c) || ++digits > Digits) return -1;
            value = value * 10 + (c - '0');
        }
        return digits == Digits ? value : -1;
    }
}
