using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NSec.Cryptography;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>An Argon2id hash with everything needed to check it again, in the PHC form <c>$argon2id$v=19$m=…,t=…,p=1$salt$hash</c>.</summary>
internal sealed record PasswordHash
{
    /// <summary>RFC 4616 asks for 255 octets; nobody types more than this, and hashing is not free.</summary>
    public const int PasswordBytesMax = 1024;

    private const int SaltBytes = 16;
    private const int HashBytes = 32;
    private const int StoredMemoryKiBMax = 1024 * 1024;
    private const int StoredPassesMax = 64;

    private readonly byte[] _salt;
    private readonly byte[] _hash;

    private PasswordHash(Argon2Cost cost, byte[] salt, byte[] hash) => (Cost, _salt, _hash) = (cost, salt, hash);

    public Argon2Cost Cost { get; }

    /// <summary>Hashes a prepared password. Costs what the parameters say, on the caller's thread.</summary>
    public static PasswordHash Make(ReadOnlySpan<byte> password, Argon2Cost cost)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return new PasswordHash(cost, salt, Derive(password, salt, cost));
    }

    /// <summary>A hash that no password matches, so that an unknown login costs what a known one does.</summary>
    public static PasswordHash Unmatchable(Argon2Cost cost) =>
        new(cost, RandomNumberGenerator.GetBytes(SaltBytes), RandomNumberGenerator.GetBytes(HashBytes));

    public bool Matches(ReadOnlySpan<byte> password)
    {
        var derived = Derive(password, _salt, Cost);
        return CryptographicOperations.FixedTimeEquals(derived, _hash);
    }

    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PasswordHash? hash)
    {
        hash = null;
        var parts = text.Split('$');
        if (parts is not ["", "argon2id", "v=19", var cost, var saltText, var hashText]) return false;
        var numbers = cost.Split(',');
        if (numbers.Length != 3 || !TryNumber(numbers[0], "m=", StoredMemoryKiBMax, out var memory)
            || !TryNumber(numbers[1], "t=", StoredPassesMax, out var passes) || numbers[2] != "p=1")
        {
            return false;
        }
        if (!TryBase64(saltText, SaltBytes, out var salt) || !TryBase64(hashText, HashBytes, out var bytes)) return false;
        hash = new PasswordHash(new Argon2Cost(memory, passes), salt, bytes);
        return true;
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"$argon2id$v=19$m={Cost.MemoryKiB},t={Cost.Passes},p=1${Unpadded(_salt)}${Unpadded(_hash)}");

    /// <summary>RFC 8265 §4.2.2 OpaqueString: spaces of every script become SP, then form C. False for what cannot be a password.</summary>
    public static bool TryPrepare(ReadOnlySpan<byte> typed, out byte[] prepared)
    {
        prepared = [];
        if (typed.IsEmpty || typed.Length > PasswordBytesMax || typed.Contains((byte)0)) return false;
        if (Ascii.IsValid(typed))
        {
            prepared = typed.ToArray();
            return true;
        }
        if (!System.Text.Unicode.Utf8.IsValid(typed)) return false;
        var text = new StringBuilder(typed.Length);
        foreach (var rune in Encoding.UTF8.GetString(typed).EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator) text.Append(' ');
            else text.Append(rune);
        }
        prepared = Encoding.UTF8.GetBytes(UnicodeForm.Compose(text.ToString()));
        return true;
    }

    private static byte[] Derive(ReadOnlySpan<byte> password, byte[] salt, Argon2Cost cost)
    {
        var algorithm = PasswordBasedKeyDerivationAlgorithm.Argon2id(
            new Argon2Parameters { DegreeOfParallelism = 1, MemorySize = cost.MemoryKiB, NumberOfPasses = cost.Passes });
        return algorithm.DeriveBytes(password, salt, HashBytes);
    }

    private static bool TryNumber(string text, string name, int max, out int number)
    {
        number = 0;
        return text.StartsWith(name, StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number >= 1 && number <= max;
    }

    // The PHC form writes base64 without padding.
    private static string Unpadded(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    private static bool TryBase64(string text, int length, out byte[] bytes)
    {
        bytes = new byte[length];
        var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
        return Convert.TryFromBase64String(padded, bytes, out var written) && written == length;
    }
}
