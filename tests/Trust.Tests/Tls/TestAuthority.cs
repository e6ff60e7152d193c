using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Posthorn.Trust.Tests;

/// <summary>A root, an authority below it, and certificates of both, made for one test.</summary>
internal sealed class TestAuthority
{
    public static readonly DateTimeOffset Now = new(2026, 11, 25, 10, 0, 0, TimeSpan.Zero);

    private static readonly DateTimeOffset Start = Now.AddYears(-2);
    private static readonly DateTimeOffset End = Now.AddYears(2);

    public TestAuthority()
    {
        Root = Authority("Root", null);
        Middle = Authority("Middle", Root);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2 Middle { get; }

    public static X509Certificate2 SelfSigned(string name, DateTimeOffset? ends = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Request(name, key).CreateSelfSigned(Start, ends ?? End);
    }

    public X509Certificate2 Leaf(string name, DateTimeOffset? ends = null, X509Certificate2? issuer = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Request(name, key).Create(issuer ?? Middle, Start, ends ?? End.AddDays(-2), RandomNumberGenerator.GetBytes(8));
        return leaf.CopyWithPrivateKey(key);
    }

    /// <summary>Another authority of the same name, as a forger makes it.</summary>
    public static X509Certificate2 Forged() => Authority("Middle", null);

    private static X509Certificate2 Authority(string name, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        if (issuer is null) return request.CreateSelfSigned(Start, End);
        using var made = request.Create(issuer, Start, End.AddDays(-1), RandomNumberGenerator.GetBytes(8));
        return made.CopyWithPrivateKey(key);
    }

    private static CertificateRequest Request(string name, ECDsa key)
    {
        var request = new CertificateRequest("CN=leaf", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request;
    }
}
