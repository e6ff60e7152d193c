using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Directory;

/// <summary>Which passwords were proven lately, so that a client that opens ten connections costs one Argon2id.</summary>
internal sealed class ProvenPasswords
{
    private const int EntriesMax = 16_384;

    private static readonly long LifetimeMilliseconds = (long)TimeSpan.FromMinutes(5).TotalMilliseconds;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, long> _until = [];

    public bool Knows(string stored, ReadOnlySpan<byte> password, long now)
    {
        var proof = ProofOf(stored, password);
        lock (_lock)
        {
            return _until.TryGetValue(proof, out var until) && until > now;
        }
    }

    public void Remember(string stored, ReadOnlySpan<byte> password, long now)
    {
        var proof = ProofOf(stored, password);
        lock (_lock)
        {
            if (_until.Count >= EntriesMax) _until.Clear();
            _until[proof] = now + LifetimeMilliseconds;
        }
    }

    // The stored hash has a fixed length for its parameters and ends before the first byte of the password could begin: it holds no NUL.
    private UInt128 ProofOf(string stored, ReadOnlySpan<byte> password)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData(Encoding.ASCII.GetBytes(stored));
        hmac.AppendData([0]);
        hmac.AppendData(password);
        Span<byte> mac = stackalloc byte[32];
        hmac.GetHashAndReset(mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }
}
