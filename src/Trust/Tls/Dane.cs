using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>Certificates as TLSA records want them (RFC 6698, RFC 7671, RFC 7672).</summary>
internal static class Dane
{
    private const byte TrustAnchor = 2; // DANE-TA
    private const byte EndEntity = 3; // DANE-EE
    private const byte FullCertificate = 0;
    private const byte PublicKey = 1;
    private const byte Exact = 0;
    private const byte Sha256 = 1;
    private const byte Sha512 = 2;

    // What a chain may have against it that ends at an anchor which no authority signed.
    private const X509ChainStatusFlags AtTheEnd = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

    /// <summary>RFC 7672 §3.1.3: PKIX-TA and PKIX-EE are of no use between mail servers; and RFC 7671 §10.1.2 for what is malformed.</summary>
    public static bool IsUsable(TlsaRecord record) =>
        record is { Usage: TrustAnchor or EndEntity, Selector: FullCertificate or PublicKey } && record.MatchingType switch
        {
            Exact => record.Data.Length > 0,
            Sha256 => record.Data.Length == SHA256.HashSizeInBytes * 2,
            Sha512 => record.Data.Length == SHA512.HashSizeInBytes * 2,
            _ => false,
        };

    public static bool Matches(TlsaRecord record, X509Certificate2 certificate)
    {
        var octets = record.Selector == FullCertificate ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        var data = record.MatchingType switch
        {
            Exact => octets,
            Sha256 => SHA256.HashData(octets),
            _ => SHA512.HashData(octets),
        };
        return Convert.ToHexStringLower(data) == record.Data;
    }

    /// <summary>The record for a key of ours: <c>3 1 1</c>, which outlives every renewal with the same key (RFC 7671 §5.1).</summary>
    public static TlsaRecord RecordOf(PublicKey key) =>
        new(EndEntity, PublicKey, Sha256, Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo())));

    /// <param name="usable">Records that <see cref="IsUsable"/>.</param>
    /// <param name="others">What the server sent beside its own certificate.</param>
    /// <param name="names">The names that a certificate below a trust anchor may be for (RFC 7672 §3.2.2).</param>
    /// <returns>Null when one of the records is satisfied.</returns>
    public static CertificateFault? Check(
        IReadOnlyList<TlsaRecord> usable,
        X509Certificate2 leaf,
        IReadOnlyList<X509Certificate2> others,
        IReadOnlyList<string> names,
        DateTimeOffset now)
    {
        CertificateFault? fault = null;
        foreach (var record in usable)
        {
            if (record.Usage == EndEntity)
            {
                // RFC 7672 §3.1.1: neither names nor dates matter, the record says it all.
                if (Matches(record, leaf)) return null;
                continue;
            }
            var found = CheckAnchor(record, leaf, others, names, now);
            if (found is null) return null;
            fault ??= found == NoMatch ? null : found;
        }
        return fault ?? NoMatch;
    }

    private static CertificateFault NoMatch { get; } = new("validation-failure", "no TLSA record matches the certificate");

    private static CertificateFault? CheckAnchor(
        TlsaRecord record, X509Certificate2 leaf, IReadOnlyList<X509Certificate2> others, IReadOnlyList<string> names, DateTimeOffset now)
    {
        // RFC 7671 §5.2.2: a whole certificate in the record need not be sent.
        using var inRecord = record is { Selector: FullCertificate, MatchingType: Exact } ? Load(record.Data) : null;
        var anchor = others.FirstOrDefault(other => Matches(record, other)) ?? inRecord;
        if (anchor is null) return NoMatch;
        using var chain = new X509Chain();
        chain.ChainPolicy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck,
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            VerificationTime = now.UtcDateTime,
            DisableCertificateDownloads = true,
        };
        foreach (var other in others) chain.ChainPolicy.ExtraStore.Add(other);
        chain.ChainPolicy.ExtraStore.Add(anchor);
        chain.ChainPolicy.CustomTrustStore.Add(anchor);
        chain.Build(leaf);
        if (FaultBelow(anchor, chain) is { } fault) return fault;
        return names.Any(name => leaf.MatchesHostname(name))
            ? null
            : new CertificateFault("certificate-host-mismatch", $"the certificate is not for {string.Join(" or ", names)}");
    }

    private static CertificateFault? FaultBelow(X509Certificate2 anchor, X509Chain chain)
    {
        foreach (var element in chain.ChainElements)
        {
            var flags = element.ChainElementStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, status) => all | status.Status);
            var isAnchor = element.Certificate.RawDataMemory.Span.SequenceEqual(anchor.RawDataMemory.Span);
            var wrong = flags & ~AtTheEnd;
            if ((wrong & X509ChainStatusFlags.NotTimeValid) != 0)
            {
                return new CertificateFault("certificate-expired", "a certificate of the chain has expired");
            }
            if (wrong != 0) return new CertificateFault("validation-failure", $"a certificate of the chain is not valid: {wrong}");
            if (isAnchor) return null;
        }
        return new CertificateFault("certificate-not-trusted", "the certificate does not lead to the one that TLSA names");
    }

    private static X509Certificate2? Load(string hexadecimal)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(Convert.FromHexString(hexadecimal));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
