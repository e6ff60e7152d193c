using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Posthorn.Wire;

/// <summary>What was negotiated, for Received lines, logs and policies.</summary>
/// <param name="Protocol"><c>TLS1.3</c> or <c>TLS1.2</c>.</param>
/// <param name="Cipher">The IANA name of the cipher suite.</param>
/// <param name="ServerName">What the client asked for (SNI); null when it named nobody.</param>
/// <param name="PeerFaults">What was wrong with the peer's certificate and was allowed to pass; always none on the server's side.</param>
public sealed record TlsDetails(string Protocol, string Cipher, string? ServerName, SslPolicyErrors PeerFaults)
{
    internal const SslProtocols Allowed = SslProtocols.Tls12 | SslProtocols.Tls13; // RFC 8314 §4.1, RFC 8996

    internal static TlsDetails Of(SslStream stream, string? serverName, SslPolicyErrors faults) => new(
        stream.SslProtocol switch
        {
            SslProtocols.Tls13 => "TLS1.3",
            SslProtocols.Tls12 => "TLS1.2",
            _ => stream.SslProtocol.ToString(),
        },
        stream.NegotiatedCipherSuite.ToString(),
        string.IsNullOrEmpty(serverName) ? null : serverName,
        faults);
}

/// <summary>Either what was negotiated, or one line that says why there is no TLS; then the connection is gone.</summary>
public readonly record struct TlsOutcome(TlsDetails? Details, string? Failure)
{
    public bool Ok => Details is not null;
}

/// <summary>The server's side of every TLS handshake: TLS 1.2 and 1.3, sessions resumed, the certificate chosen by server name.</summary>
/// <param name="select">Asked at each handshake with the client's SNI (null when there is none), so a new certificate serves at once.
/// It must answer from memory. Null refuses the handshake. Resumption lasts as long as the same context comes back.</param>
/// <param name="authorities">Whose client certificates are believed; null asks clients for none.</param>
public sealed class TlsServer(Func<string?, SslStreamCertificateContext?> select, X509Certificate2Collection? authorities = null)
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2"; // RFC 5280 §4.2.1.12

    // One set of options for each certificate; the table forgets those whose certificate was replaced.
    private readonly ConditionalWeakTable<SslStreamCertificateContext, SslServerAuthenticationOptions> _options = [];

    internal SslServerAuthenticationOptions Choose(string? serverName)
    {
        var certificate = select(string.IsNullOrEmpty(serverName) ? null : serverName)
            ?? throw new AuthenticationException("there is no certificate for this name");
        return _options.GetValue(certificate, certificate => new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            EnabledSslProtocols = TlsDetails.Allowed,
            AllowRenegotiation = false,
            AllowTlsResume = true,
            ClientCertificateRequired = authorities is not null, // asked for; who has none is served all the same
            // Any is let in; whether it says who the client is, Trusts decides.
            RemoteCertificateValidationCallback = authorities is null ? null : static (_, client, _, _) => client is null or X509Certificate2,
        });
    }

    /// <summary>Whether one of the authorities vouches for a client's certificate now, and for this use.</summary>
    internal bool Trusts(X509Certificate2 client)
    {
        if (authorities is null) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(client);
    }
}

/// <summary>The client's side: whom we expect, and who judges the certificate.</summary>
/// <param name="ServerName">Sent as SNI and compared with the certificate.</param>
/// <param name="Accept">The policy: opportunistic TLS accepts everything, MTA-STS asks for no faults, DANE looks itself
/// (RFC 7435, RFC 8461, RFC 7672).
/// Null accepts only a certificate without faults.</param>
public sealed record TlsClient(string ServerName, RemoteCertificateValidationCallback? Accept = null)
{
    /// <summary>What the client shows of itself when it is asked.</summary>
    public X509Certificate2? Certificate { get; init; }
}
