using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Imap;

/// <summary>The tokens of the INTERNAL mechanism (RFC 4467 §2.4.1): which algorithm, then its outcome, in hexadecimal digits.</summary>
internal static class UrlToken
{
    public const string Mechanism = "INTERNAL";

    // HMAC-SHA-256 over the rump of the URL.
    private const string Algorithm = "01";

    public static string Make(byte[] key, string rump) =>
        Algorithm + Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.Latin1.GetBytes(rump)));

    /// <summary>Takes as long without a key: whether there is a mailbox is not told by the time it takes (§6).</summary>
    public static bool IsRight(byte[]? key, string rump, string token)
    {
        var expected = Encoding.ASCII.GetBytes(Make(key ?? RandomNumberGenerator.GetBytes(32), rump));
        return CryptographicOperations.FixedTimeEquals(expected, Encoding.Latin1.GetBytes(token.ToLowerInvariant())) && key is not null;
    }
}
