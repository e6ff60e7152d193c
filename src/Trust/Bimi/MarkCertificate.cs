using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Posthorn.Trust;

/// <summary>What a mark certificate proves.</summary>
/// <param name="Image">The mark, an SVG of the profile.</param>
/// <param name="Organization">Of the subject; empty without one.</param>
internal sealed record Mark(byte[] Image, string Organization, DateTimeOffset Until);

/// <summary>
/// Verified and common mark certificates (draft-fetch-validation-vmc-wchuang §5): a chain to an authority that the operator trusts for marks,
/// for the domain that asserts, with the mark inside (RFC 3709). Lists of revocation and of transparency are not asked; the certificate is
/// fetched again every day.
/// </summary>
internal static class MarkCertificate
{
    private const string BrandIndicator = "1.3.6.1.5.5.7.3.31";
    private const string Logotype = "1.3.6.1.5.5.7.1.12";
    private const string Organization = "2.5.4.10";
    private const string DataUri = "data:image/svg+xml;base64,";

    private static readonly Asn1Tag SubjectLogo = new(TagClass.ContextSpecific, 2, isConstructed: true);
    private static readonly Asn1Tag Direct = new(TagClass.ContextSpecific, 0, isConstructed: true);

    /// <param name="pem">The certificate, then those of the authorities between it and a root.</param>
    /// <param name="names">For which of these it must be.</param>
    /// <param name="fault">One line, when it is false.</param>
    public static bool TryVerify(
        byte[] pem, IReadOnlyList<string> names, X509Certificate2Collection roots, DateTimeOffset now,
        [NotNullWhen(true)] out Mark? mark, [NotNullWhen(false)] out string? fault)
    {
        mark = null;
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(Encoding.ASCII.GetString(pem));
            fault = certificates.Count == 0 ? "there is no certificate"
                : certificates.Count > TrustLimits.MarkCertificatesMax ? "there are too many certificates"
                : Verify(certificates, names, roots, now, out mark);
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or ArgumentException)
        {
            fault = "the certificate cannot be read";
        }
        finally
        {
            foreach (var certificate in certificates) certificate.Dispose();
        }
        return fault is null;
    }

    private static string? Verify(
        X509Certificate2Collection certificates, IReadOnlyList<string> names, X509Certificate2Collection roots, DateTimeOffset now, out Mark? mark)
    {
        mark = null;
        var leaf = certificates[0];
        using var chain = new X509Chain();
        chain.ChainPolicy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck,
            VerificationTime = now.UtcDateTime,
            DisableCertificateDownloads = true,
            TrustMode = X509ChainTrustMode.CustomRootTrust,
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(BrandIndicator));
        for (var i = 1; i < certificates.Count; i++) chain.ChainPolicy.ExtraStore.Add(certificates[i]);
        if (!chain.Build(leaf))
        {
            return "the certificate is not valid: " + string.Join(", ", chain.ChainStatus.Select(static status => status.Status).Distinct());
        }
        // An authority for every purpose is none for marks: the certificate itself has to say that it is one.
        if (!leaf.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(static usage => usage.EnhancedKeyUsages[BrandIndicator] is not null))
        {
            return "the certificate is not for marks";
        }
        var proven = leaf.Extensions.FirstOrDefault(static extension => extension.Oid?.Value == "2.5.29.17") is { } alternatives
            ? new X509SubjectAlternativeNameExtension(alternatives.RawData).EnumerateDnsNames() : [];
        if (!proven.Any(name => names.Contains(name, StringComparer.OrdinalIgnoreCase))) return $"the certificate is not for {names[0]}";
        var logotype = leaf.Extensions.FirstOrDefault(static extension => extension.Oid?.Value == Logotype);
        if (logotype is null || ImageOf(logotype.RawData) is not { } image) return "the certificate has no mark inside";
        if (SvgProfile.Fault(image) is { } wrong) return wrong;
        mark = new Mark(image, OrganizationOf(leaf), leaf.NotAfter);
        return null;
    }

    // RFC 3709 §4.1: subjectLogo [2] EXPLICIT CHOICE { direct [0] LogotypeData }, whose first image counts.
    internal static byte[]? ImageOf(byte[] extension)
    {
        var logotype = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
        while (logotype.HasData && logotype.PeekTag() != SubjectLogo) logotype.ReadEncodedValue();
        if (!logotype.HasData) return null;
        var choice = logotype.ReadSequence(SubjectLogo);
        if (choice.PeekTag() != Direct) return null;
        var data = choice.ReadSequence(Direct);
        if (!data.HasData || data.PeekTag() != Asn1Tag.Sequence) return null;
        var details = data.ReadSequence().ReadSequence().ReadSequence();
        details.ReadCharacterString(UniversalTagNumber.IA5String); // the media type: what counts is what it is
        var hashes = details.ReadSequence();
        var address = details.ReadSequence().ReadCharacterString(UniversalTagNumber.IA5String);
        if (!address.StartsWith(DataUri, StringComparison.OrdinalIgnoreCase)) return null;
        if (address.Length - DataUri.Length > TrustLimits.IndicatorOctetsMax * 2 || !Base64.IsValid(address.AsSpan(DataUri.Length))) return null;
        var packed = Convert.FromBase64String(address[DataUri.Length..]);
        var image = packed is [0x1F, 0x8B, ..] ? Unpack(packed) : packed;
        return image is not null && IsNamed(hashes, packed, image) ? image : null;
    }

    // RFC 3709 §4.1: the hash of what the address leads to. Authorities differ on whether that is packed.
    private static bool IsNamed(AsnReader hashes, byte[] packed, byte[] image)
    {
        while (hashes.HasData)
        {
            var one = hashes.ReadSequence();
            var algorithm = one.ReadSequence().ReadObjectIdentifier();
            var value = one.ReadOctetString();
            if (HashOf(algorithm, packed) is { } outer && outer.AsSpan().SequenceEqual(value)) return true;
            if (HashOf(algorithm, image) is { } inner && inner.AsSpan().SequenceEqual(value)) return true;
        }
        return false;
    }

    private static byte[]? HashOf(string algorithm, byte[] octets) => algorithm switch
    {
        "2.16.840.1.101.3.4.2.1" => SHA256.HashData(octets),
        "2.16.840.1.101.3.4.2.2" => SHA384.HashData(octets),
        "2.16.840.1.101.3.4.2.3" => SHA512.HashData(octets),
        _ => null,
    };

    private static byte[]? Unpack(byte[] packed)
    {
        try
        {
            using var gzip = new GZipStream(new MemoryStream(packed, writable: false), CompressionMode.Decompress);
            var image = new byte[TrustLimits.IndicatorOctetsMax + 1];
            var length = gzip.ReadAtLeast(image, image.Length, throwOnEndOfStream: false);
            return length <= TrustLimits.IndicatorOctetsMax ? image[..length] : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static string OrganizationOf(X509Certificate2 leaf)
    {
        foreach (var name in leaf.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (name.HasMultipleElements || name.GetSingleElementType().Value != Organization) continue;
            return ReportText.OneLine(name.GetSingleElementValue() ?? "");
        }
        return "";
    }
}
