using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Posthorn.Server;

/// <summary>The certificate that the server makes for itself: ECDSA P-256, for the hostname and the addresses that it listens on.</summary>
/// <remarks>The key stays the same when the certificate is renewed, so that whoever trusts the key goes on doing so.</remarks>
internal sealed class SelfSigned(string directory, ServerConfig config, TimeProvider time)
{
    /// <summary>What Apple's and others' clients take at most.</summary>
    private static readonly TimeSpan Validity = TimeSpan.FromDays(397);

    /// <summary>A new one is made when less than this is left.</summary>
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    public string CertificateFile { get; } = Path.Combine(directory, "self-signed.pem");

    public const string KeyFileName = "self-signed.key";

    private string KeyFile { get; } = Path.Combine(directory, KeyFileName);

    /// <summary>The stored certificate, or a new one when there is none, it is nearly over, or the hostname has changed.</summary>
    public (X509Certificate2 Certificate, bool Made) Obtain()
    {
        PrivateFile.MakeDirectory(directory);
        using var key = Key();
        if (Stored(key) is { } stored) return (stored, false);
        var certificate = Make(key);
        PrivateFile.Write(CertificateFile, certificate.ExportCertificatePem() + "\n");
        return (certificate, true);
    }

    private ECDsa Key()
    {
        if (File.Exists(KeyFile))
        {
            var stored = ECDsa.Create();
            try
            {
                stored.ImportFromPem(File.ReadAllText(KeyFile));
                return stored;
            }
            catch (Exception e) when (e is ArgumentException or CryptographicException)
            {
                stored.Dispose();
                throw new CommandFailedException($"{KeyFile} holds no private key: remove it, and a new one is made", e);
            }
        }
        var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        PrivateFile.Write(KeyFile, made.ExportPkcs8PrivateKeyPem() + "\n");
        return made;
    }

    private X509Certificate2? Stored(ECDsa key)
    {
        if (!File.Exists(CertificateFile)) return null;
        try
        {
            using var stored = X509Certificate2.CreateFromPem(File.ReadAllText(CertificateFile));
            var fresh = stored.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime > RenewBefore;
            return fresh && stored.MatchesHostname(config.Hostname.Ascii, allowWildcards: false, allowCommonName: false)
                ? stored.CopyWithPrivateKey(key)
                : null;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            return null; // another key's, or damaged: a new one costs nothing
        }
    }

    private X509Certificate2 Make(ECDsa key)
    {
        // Hostnames longer than a common name may be stand in the alternative names only (RFC 5280 §A.1: 64 characters).
        var name = config.Hostname.Ascii.Length <= 64 ? $"CN={config.Hostname.Ascii}" : "CN=Posthorn";
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(config.Hostname.Ascii);
        foreach (var address in config.Addresses)
        {
            if (!address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)) names.AddIpAddress(address);
        }
        if (config.Addresses.Any(IPAddress.IsLoopback) && config.Hostname.Ascii != "localhost") names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(X509BasicConstraintsExtension.CreateForEndEntity(critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false)); // serverAuth
        var now = time.GetUtcNow();
        return request.CreateSelfSigned(now - TimeSpan.FromHours(1), now + Validity);
    }
}
