using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Directory;

/// <summary>One of the hash functions that SCRAM is registered with (RFC 5802, RFC 7677).</summary>
internal sealed record ScramHash(string Mechanism, HashAlgorithmName Name, int Octets, long CredentialKind)
{
    public static readonly ScramHash Sha256 = new("SCRAM-SHA-256", HashAlgorithmName.SHA256, 32, 10);

    /// <summary>For clients that know nothing newer. What SCRAM asks of its hash, SHA-1 still gives.</summary>
    public static readonly ScramHash Sha1 = new("SCRAM-SHA-1", HashAlgorithmName.SHA1, 20, 11);

    public static readonly IReadOnlyList<ScramHash> All = [Sha256, Sha1];
}

/// <summary>What the server keeps of a password for SCRAM (RFC 5802 §3): with it one can check a proof, but not make one.</summary>
/// <remarks>
/// Whoever steals verifiers guesses passwords faster than from Argon2id, which is why they are kept only where the domain allows it.
/// </remarks>
internal sealed record ScramVerifier(ScramHash Hash, int Iterations, byte[] Salt, byte[] StoredKey, byte[] ServerKey)
{
    /// <summary>RFC 7677 §4 asks for at least 4096. The client pays it at every log-in, telephones too.</summary>
    public const int IterationsOfToday = 32_768;

    /// <summary>For secrets that were drawn by chance: rounds make guessing dearer, and these nobody guesses. RFC 7677 §4 asks for as many.</summary>
    public const int IterationsForRandom = 4096;

    public const int SaltOctets = 16;

    private static readonly byte[] ClientKeyText = "Client Key"u8.ToArray();
    private static readonly byte[] ServerKeyText = "Server Key"u8.ToArray();

    /// <param name="password">UTF-8 as typed.</param>
    public static ScramVerifier Make(ScramHash hash, ReadOnlySpan<byte> password) =>
        Make(hash, password, RandomNumberGenerator.GetBytes(SaltOctets), IterationsOfToday);

    /// <param name="secret">Of 128 random bits at least.</param>
    public static ScramVerifier MakeForRandom(ScramHash hash, ReadOnlySpan<byte> secret) =>
        Make(hash, secret, RandomNumberGenerator.GetBytes(SaltOctets), IterationsForRandom);

    internal static ScramVerifier Make(ScramHash hash, ReadOnlySpan<byte> password, byte[] salt, int iterations)
    {
        var salted = Salted(hash, password, salt, iterations);
        var clientKey = Hmac(hash, salted, ClientKeyText);
        var verifier = new ScramVerifier(
            hash, iterations, salt, CryptographicOperations.HashData(hash.Name, clientKey), Hmac(hash, salted, ServerKeyText));
        CryptographicOperations.ZeroMemory(salted);
        CryptographicOperations.ZeroMemory(clientKey);
        return verifier;
    }

    /// <summary>One that no proof fits, with a salt of its own, for a name that has none.</summary>
    public static ScramVerifier Unmatchable(ScramHash hash, byte[] salt, int iterations = IterationsOfToday) =>
        new(hash, iterations, salt, RandomNumberGenerator.GetBytes(hash.Octets), RandomNumberGenerator.GetBytes(hash.Octets));

    /// <summary>Whether the proof was made from the password: ClientKey := ClientProof XOR ClientSignature (RFC 5802 §3).</summary>
    public bool Accepts(ReadOnlySpan<byte> proof, ReadOnlySpan<byte> authMessage)
    {
        if (proof.Length != Hash.Octets) return false;
        var key = Hmac(Hash, StoredKey, authMessage);
        for (var i = 0; i < key.Length; i++) key[i] ^= proof[i];
        var stored = CryptographicOperations.HashData(Hash.Name, key);
        CryptographicOperations.ZeroMemory(key);
        return CryptographicOperations.FixedTimeEquals(stored, StoredKey);
    }

    /// <summary>What shows the client that the server knows its verifier.</summary>
    public byte[] Signature(ReadOnlySpan<byte> authMessage) => Hmac(Hash, ServerKey, authMessage);

    /// <summary>The form of RFC 5803 §2.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Hash.Mechanism}${Iterations}:{Convert.ToBase64String(Salt)}${Convert.ToBase64String(StoredKey)}:{Convert.ToBase64String(ServerKey)}");

    public static bool TryParse(string text, [NotNullWhen(true)] out ScramVerifier? verifier)
    {
        verifier = null;
        var parts = text.Split('$');
        if (parts.Length != 3 || ScramHash.All.FirstOrDefault(known => known.Mechanism == parts[0]) is not { } hash) return false;
        var (first, second) = (parts[1].Split(':'), parts[2].Split(':'));
        if (first.Length != 2 || second.Length != 2) return false;
        if (!int.TryParse(first[0], NumberStyles.None, CultureInfo.InvariantCulture, out var iterations) || iterations < 1) return false;
        if (!TryBase64(first[1], out var salt) || !TryBase64(second[0], out var stored) || !TryBase64(second[1], out var server)) return false;
        if (stored.Length != hash.Octets || server.Length != hash.Octets) return false;
        verifier = new ScramVerifier(hash, iterations, salt, stored, server);
        return true;
    }

    /// <summary>Hi (RFC 5802 §2.2), which is PBKDF2 with one block.</summary>
    internal static byte[] Salted(ScramHash hash, ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, int iterations)
    {
        var prepared = Prepared(password);
        var salted = Rfc2898DeriveBytes.Pbkdf2(prepared, salt, iterations, hash.Name, hash.Octets);
        CryptographicOperations.ZeroMemory(prepared);
        return salted;
    }

    internal static byte[] Hmac(ScramHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data) =>
        CryptographicOperations.HmacData(hash.Name, key, data);

    // SASLprep (RFC 4013 §2) as far as it changes anything that people type: other spaces, soft hyphens, form KC.
    private static byte[] Prepared(ReadOnlySpan<byte> password)
    {
        if (Ascii.IsValid(password)) return password.ToArray();
        var text = new StringBuilder(password.Length);
        foreach (var rune in Encoding.UTF8.GetString(password).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator) text.Append(' ');
            else if (rune.Value is not (0xAD or 0x200B or 0x200C or 0x200D or 0x2060 or 0xFEFF)) text.Append(rune);
        }
        return Encoding.UTF8.GetBytes(text.ToString().Normalize(NormalizationForm.FormKC));
    }

    private static bool TryBase64(string text, out byte[] octets)
    {
        octets = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, octets, out var length)) return false;
        octets = octets[..length];
        return length > 0;
    }
}
