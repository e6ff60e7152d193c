using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Directory;

/// <summary>
/// What an app password looks like: 32 characters of base32 (RFC 4648 §6) in lower case. The first six find it, the others are 130 random bits, so
/// that one SHA-256 decides. Spaces, dashes and the case that people and their programs add are taken out.
/// </summary>
internal static class AppPasswordText
{
    public const int IdLength = 6;
    public const int Length = 32;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    public static string New() => RandomNumberGenerator.GetString(Alphabet, Length);

    public static string IdOf(string text) => text[..IdLength];

    public static byte[] HashOf(string text) => SHA256.HashData(Encoding.ASCII.GetBytes(text));

    public static bool IsId(string text) => text.Length == IdLength && text.All(static c => Alphabet.Contains(c, StringComparison.Ordinal));

    /// <param name="typed">UTF-8.</param>
    public static bool TryRead(ReadOnlySpan<byte> typed, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (typed.Length is < Length or > 2 * Length) return false;
        Span<char> read = stackalloc char[Length];
        var count = 0;
        foreach (var octet in typed)
        {
            if (octet is (byte)' ' or (byte)'-') continue;
            var c = char.ToLowerInvariant((char)octet);
            if (count == Length || !Alphabet.Contains(c, StringComparison.Ordinal)) return false;
            read[count++] = c;
        }
        if (count == Length) text = read.ToString();
        return text is not null;
    }

    /// <summary><c>ann@example.org+k3v7q2</c>: the name under which a device logs in where the password itself is not sent.</summary>
    /// <param name="id">Null when the login names no device.</param>
    public static string Split(string login, out string? id)
    {
        id = null;
        var plus = login.LastIndexOf('+');
        if (plus < 0 || plus < login.IndexOf('@', StringComparison.Ordinal)) return login;
        var named = login[(plus + 1)..].ToLowerInvariant();
        if (!IsId(named)) return login;
        id = named;
        return login[..plus];
    }
}
