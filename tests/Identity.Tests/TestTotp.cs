using System.Globalization;
using System.Security.Cryptography;

namespace Posthorn.Identity.Tests;

/// <summary>An authenticator program, written from RFC 6238 and not from the server's code.</summary>
internal static class TestTotp
{
    public static string CodeOf(string base32, DateTimeOffset now)
    {
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = string.Concat(base32.Select(c => Convert.ToString(alphabet.IndexOf(c, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        var key = bits.Chunk(8).Where(octet => octet.Length == 8).Select(octet => Convert.ToByte(new string(octet), 2)).ToArray();
        var counter = BitConverter.GetBytes(now.ToUnixTimeSeconds() / 30);
        Array.Reverse(counter);
#pragma warning disable CA5350
        var mac = HMACSHA1.HashData(key, counter);
#pragma warning restore CA5350
        var at = mac[19] & 15;
        var number = (mac[at] & 127) << 24 | mac[at + 1] << 16 | mac[at + 2] << 8 | mac[at + 3];
        return (number % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }
}
