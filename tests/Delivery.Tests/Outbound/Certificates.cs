using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Posthorn.Delivery.Tests;

/// <summary>Certificates for servers in tests: one that signed itself, one of an authority that this process trusts.</summary>
internal static class Certificates
{
    private static readonly DateTimeOffset Start = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static X509Certificate2? _authority;

    public static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Request(name, key).CreateSelfSigned(Start, End);
    }

    public static X509Certificate2 Trusted(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Request(name, key).Create(_authority!, Start, End.AddYears(-1), RandomNumberGenerator.GetBytes(8));
        return leaf.CopyWithPrivateKey(key);
    }

    // .NET keeps a user's own roots below HOME, which is read once: so it is a place of this process before anything asks for a chain.
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The store must be in place before the first test.")]
    [SuppressMessage("Security", "CA5380", Justification = "The store is a directory of this process alone.")]
    internal static void TrustAuthority()
    {
        var home = System.IO.Directory.CreateTempSubdirectory("posthorn-roots-").FullName;
        Environment.SetEnvironmentVariable("HOME", home);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => System.IO.Directory.Delete(home, recursive: true);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Authority of the tests", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = request.CreateSelfSigned(Start, End);
        using var store = new X509Store(StoreName.Root, StoreLocation.CurrentUser, OpenFlags.ReadWrite);
        store.Add(X509CertificateLoader.LoadCertificate(_authority.Export(X509ContentType.Cert)));
    }

    private static CertificateRequest Request(string name, ECDsa key)
    {
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request;
    }
}
