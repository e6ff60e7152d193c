using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Posthorn.Trust;

/// <summary>A private key, ready to sign, with the name under which its public half is published.</summary>
public sealed class SigningKey : IDisposable
{
    /// <summary>RSA keys are made with so many bits: the most that every verifier takes (RFC 8301 §3.2).</summary>
    public const int RsaBits = 2048;

    // One object of the library is for one thread at a time.
    private readonly ConcurrentBag<RSA> _idle = [];
    private readonly byte[] _secret;
    private readonly Key? _ed25519;

    private SigningKey(string domain, string selector, SigningAlgorithm algorithm, byte[] secret)
    {
        (Domain, Selector, Algorithm, _secret) = (domain, selector, algorithm, secret);
        if (algorithm == SigningAlgorithm.Ed25519Sha256)
        {
            _ed25519 = Key.Import(SignatureAlgorithm.Ed25519, secret, KeyBlobFormat.RawPrivateKey);
            Record = "v=DKIM1; k=ed25519; p=" + Convert.ToBase64String(_ed25519.PublicKey.Export(KeyBlobFormat.RawPublicKey));
        }
        else
        {
            var rsa = Open();
            (Bits, Record) = (rsa.KeySize, "v=DKIM1; k=rsa; p=" + Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo()));
            _idle.Add(rsa);
        }
    }

    public string Domain { get; }

    public string Selector { get; }

    /// <summary>The TXT record to publish at <c>selector._domainkey.domain</c> (RFC 6376 §3.6.1, RFC 8463 §4).</summary>
    public string Record { get; }

    public int Bits { get; } = 256;

    internal SigningAlgorithm Algorithm { get; }

    /// <summary>As in the a tag.</summary>
    public string AlgorithmName => Algorithm == SigningAlgorithm.RsaSha256 ? "rsa-sha256" : "ed25519-sha256";

    /// <summary>Reads a private key in PEM: PKCS#8 of RSA or Ed25519, or PKCS#1.</summary>
    /// <param name="reason">Why it is none that can sign.</param>
    public static bool TryRead(string domain, string selector, string pem, [NotNullWhen(true)] out SigningKey? key, out string reason)
    {
        (key, reason) = (null, "the key is no private key in PEM");
        if (TryEd25519(pem) is { } seed)
        {
            key = new SigningKey(domain, selector, SigningAlgorithm.Ed25519Sha256, seed);
            return true;
        }
        using var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
            var secret = rsa.ExportPkcs8PrivateKey();
            if (rsa.KeySize is < TrustLimits.RsaBitsMin or > TrustLimits.RsaBitsMax)
            {
                reason = $"an RSA key has {TrustLimits.RsaBitsMin} to {TrustLimits.RsaBitsMax} bits, this one has {rsa.KeySize}";
                return false;
            }
            key = new SigningKey(domain, selector, SigningAlgorithm.RsaSha256, secret);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return false;
        }
    }

    internal static SigningKey Make(string domain, string selector, SigningAlgorithm algorithm)
    {
        if (algorithm == SigningAlgorithm.Ed25519Sha256) return new(domain, selector, algorithm, RandomNumberGenerator.GetBytes(32));
        using var rsa = RSA.Create(RsaBits);
        return new(domain, selector, algorithm, rsa.ExportPkcs8PrivateKey());
    }

    /// <param name="secret">As <see cref="Secret"/> gave it; kept.</param>
    internal static SigningKey Restore(string domain, string selector, SigningAlgorithm algorithm, byte[] secret) =>
        new(domain, selector, algorithm, secret);

    /// <summary>What is sealed: PKCS#8 of RSA, the seed of Ed25519.</summary>
    internal ReadOnlySpan<byte> Secret => _secret;

    /// <summary>Signs a SHA-256 hash. Any thread may.</summary>
    internal byte[] Sign(ReadOnlySpan<byte> hash)
    {
        if (_ed25519 is not null) return SignatureAlgorithm.Ed25519.Sign(_ed25519, hash); // RFC 8463 §3
        if (!_idle.TryTake(out var rsa)) rsa = Open();
        var signature = rsa.SignHash(hash, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        _idle.Add(rsa);
        return signature;
    }

    public void Dispose()
    {
        _ed25519?.Dispose();
        while (_idle.TryTake(out var rsa)) rsa.Dispose();
        CryptographicOperations.ZeroMemory(_secret);
    }

    private RSA Open()
    {
        var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(_secret, out _);
        return rsa;
    }

    // RFC 8410 §7: a PKCS#8 whose key is an octet string of 32 octets.
    private static byte[]? TryEd25519(string pem)
    {
        if (!PemEncoding.TryFind(pem, out var fields) || !pem.AsSpan()[fields.Label].SequenceEqual("PRIVATE KEY")) return null;
        var octets = Convert.FromBase64String(pem[fields.Base64Data]);
        ReadOnlySpan<byte> head = [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
        return octets.Length == head.Length + 32 && octets.AsSpan().StartsWith(head) ? octets[head.Length..] : null;
    }
}
