using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>Why a certificate does not prove what it must (RFC 8460 §4.3).</summary>
public sealed record CertificateFault(string ResultType, string Reason);

/// <summary>Judges the certificate of one session.</summary>
public sealed class CertificateCheck
{
    private readonly HostTls _tls;

    internal CertificateCheck(HostTls tls) => _tls = tls;

    /// <summary>What is wrong; set when the certificate was refused, and also when it was only looked at.</summary>
    public CertificateFault? Fault { get; private set; }

    /// <summary>For SslStream.</summary>
    public bool Accept(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_tls is { IsProven: false, IsWatched: false }) return true; // RFC 7435: nobody knows what it should say
        using var leaf = certificate is null ? null : X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        X509Certificate2[] others = chain is null ? [] : [.. chain.ChainPolicy.ExtraStore];
        Fault = leaf is null ? new CertificateFault("validation-failure", "the server has no certificate")
            : _tls.Level == TlsLevel.Dane ? Dane.Check(_tls.Associations, leaf, others, _tls.Names, _tls.Now)
            : Pkix.Check(leaf, others, _tls.Names[0], _tls.Roots, _tls.Now);
        return Fault is null || !_tls.IsProven;
    }
}

/// <summary>Certificates that an authority signed for a name (RFC 6125, RFC 8461 §4.2).</summary>
internal static class Pkix
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <param name="roots">Null for those that the system trusts.</param>
    /// <returns>Null when nothing is wrong.</returns>
    public static CertificateFault? Check(
        X509Certificate2 leaf, IEnumerable<X509Certificate2> others, string name, X509Certificate2Collection? roots, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck,
            VerificationTime = now.UtcDateTime,
            DisableCertificateDownloads = true,
        };
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid(ServerAuthentication));
        foreach (var other in others) chain.ChainPolicy.ExtraStore.Add(other);
        if (roots is not null)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        }
        if (!chain.Build(leaf)) return Fault(chain.ChainStatus);
        return leaf.MatchesHostname(name, allowCommonName: false)
            ? null
            : new CertificateFault("certificate-host-mismatch", $"the certificate is not for {name}");
    }

    private static CertificateFault Fault(X509ChainStatus[] statuses)
    {
        var all = statuses.Aggregate(X509ChainStatusFlags.NoError, static (flags, status) => flags | status.Status);
        var reason = string.Join(", ", statuses.Select(static status => status.Status.ToString()).Distinct());
        var type = (all & X509ChainStatusFlags.NotTimeValid) != 0 ? "certificate-expired"
            : (all & (X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain)) != 0 ? "certificate-not-trusted"
            : "validation-failure";
        return new CertificateFault(type, "the certificate is not valid: " + reason);
    }
}
