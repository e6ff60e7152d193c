using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using NSec.Cryptography;

namespace Posthorn.Trust;

/// <summary>A public key as it stands in the name system (RFC 6376 §3.6.1, RFC 8463 §4).</summary>
internal sealed class DkimPublicKey : IDisposable
{
    private readonly RSA? _rsa;
    private readonly PublicKey? _ed25519;
    private readonly Lock _gate = new();

    private DkimPublicKey(RSA? rsa, PublicKey? ed25519, TagList tags)
    {
        (_rsa, _ed25519) = (rsa, ed25519);
        Bits = rsa?.KeySize ?? 256;
        var flags = tags["t"] is { } t ? TagList.Words(t) : [];
        IsTesting = flags.Contains("y");
        IsStrict = flags.Contains("s");
    }

    public int Bits { get; }

    public SigningAlgorithm Algorithm => _rsa is null ? SigningAlgorithm.Ed25519Sha256 : SigningAlgorithm.RsaSha256;

    /// <summary>The domain tries DKIM out (t=y).</summary>
    public bool IsTesting { get; }

    /// <summary>The identity is of the very domain, not of one below it (t=s).</summary>
    public bool IsStrict { get; }

    /// <param name="service">Who uses it: email, or tlsrpt (RFC 8460 §3).</param>
    /// <param name="reason">Why it is no key that can be used.</param>
    public static bool TryParse(string record, string service, [NotNullWhen(true)] out DkimPublicKey? key, out string reason)
    {
        key = null;
        reason = "the key record is no list of tags";
        if (!TagList.TryParse(record, out var tags)) return false;
        reason = Fault(tags, service) ?? "";
        if (reason.Length > 0) return false;
        var octets = tags.Octets("p")!;
        var ed25519 = (tags["k"] ?? "rsa").Equals("ed25519", StringComparison.OrdinalIgnoreCase);
        key = ed25519 ? OfEd25519(octets, tags) : OfRsa(octets, tags);
        if (key is null) reason = "the key cannot be read";
        return key is not null;
    }

    public bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature)
    {
        if (_ed25519 is not null) return SignatureAlgorithm.Ed25519.Verify(_ed25519, hash, signature);
        try
        {
            lock (_gate) return _rsa!.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            return false; // a signature that is longer than the key
        }
    }

    public void Dispose() => _rsa?.Dispose();

    private static string? Fault(TagList tags, string service)
    {
        if (tags["v"] is { } version && (version != "DKIM1" || tags.First != "v")) return "the version of the key is not DKIM1";
        if (tags["p"] is not { } p) return "there is no key in the record";
        if (p.Length == 0) return "the key was revoked";
        if ((tags["k"] ?? "rsa").ToLowerInvariant() is not ("rsa" or "ed25519")) return "the type of the key is not known";
        if (tags["h"] is { } hashes && !TagList.Words(hashes).Contains("sha256")) return "the key is for other hashes";
        if (tags["s"] is { } services && !TagList.Words(services).Any(one => one == "*" || one == service)) return "the key is for another service";
        return tags.Octets("p") is null ? "the key is no base64" : null;
    }

    private static DkimPublicKey? OfEd25519(byte[] octets, TagList tags) =>
        PublicKey.TryImport(SignatureAlgorithm.Ed25519, octets, KeyBlobFormat.RawPublicKey, out var key) ? new(null, key, tags) : null;

    // RFC 6376 erratum 3017: a SubjectPublicKeyInfo; some publish the key inside of it.
    private static DkimPublicKey? OfRsa(byte[] octets, TagList tags)
    {
        var rsa = RSA.Create();
        try
        {
            int read;
            try
            {
                rsa.ImportSubjectPublicKeyInfo(octets, out read);
            }
            catch (CryptographicException)
            {
                rsa.ImportRSAPublicKey(octets, out read);
            }
            if (read == octets.Length) return new DkimPublicKey(rsa, null, tags);
        }
        catch (CryptographicException)
        {
            // It is neither.
        }
        rsa.Dispose();
        return null;
    }
}
