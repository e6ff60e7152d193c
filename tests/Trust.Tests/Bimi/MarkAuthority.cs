using System.Formats.Asn1;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Posthorn.Trust.Tests;

/// <summary>An authority for marks and the certificates that it issues, in the shape of those that are sold.</summary>
internal sealed class MarkAuthority
{
    public const string Svg = """
        <svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">
        <title>Good</title><circle cx="4" cy="4" r="4"/></svg>
        """;

    public const string BrandIndicator = "1.3.6.1.5.5.7.3.31";

    private readonly TestAuthority _authority = new();

    public X509Certificate2Collection Roots => [_authority.Root];

    /// <summary>A file as it is published: the certificate, and the authority between it and the root.</summary>
    public byte[] Issue(
        string name, byte[]? image = null, string? usage = BrandIndicator, bool packed = true, byte[]? hashed = null, DateTimeOffset? ends = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Good Ltd, O=Good Ltd", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        if (usage is not null) request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        request.CertificateExtensions.Add(Logotype(image ?? Encoding.UTF8.GetBytes(Svg), packed, hashed));
        var middle = _authority.Middle;
        var now = TestAuthority.Now;
        using var leaf = request.Create(middle, now.AddYears(-1), ends ?? now.AddYears(1), RandomNumberGenerator.GetBytes(8));
        return Encoding.ASCII.GetBytes(leaf.ExportCertificatePem() + "\n" + middle.ExportCertificatePem() + "\n");
    }

    public static byte[] Gzip(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);
        return output.ToArray();
    }

    // RFC 3709 §4.1
    private static X509Extension Logotype(byte[] image, bool packed, byte[]? hashed)
    {
        var octets = packed ? Gzip(image) : image;
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 2, true)))
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0, true)))
        using (writer.PushSequence())
        using (writer.PushSequence())
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, "image/svg+xml");
            using (writer.PushSequence())
            using (writer.PushSequence())
            {
                using (writer.PushSequence()) writer.WriteObjectIdentifier("2.16.840.1.101.3.4.2.1");
                writer.WriteOctetString(SHA256.HashData(hashed ?? octets));
            }
            using (writer.PushSequence())
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, "data:image/svg+xml;base64," + Convert.ToBase64String(octets));
            }
        }
        return new X509Extension("1.3.6.1.5.5.7.1.12", writer.Encode(), critical: false);
    }
}
