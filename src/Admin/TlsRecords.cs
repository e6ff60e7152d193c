using System.Security.Cryptography.X509Certificates;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>What must stand in the DNS so that others send here over proven TLS, and tell how it went.</summary>
internal static class TlsRecords
{
    /// <param name="sts">The policy that is served for the domain.</param>
    /// <param name="keys">The key of the MX, and the one that follows it.</param>
    public static IEnumerable<DnsRecord> For(Domain domain, ServerFacts facts, StsPolicy sts, IReadOnlyList<PublicKey> keys)
    {
        var host = facts.Hostname.Ascii;
        if (sts.Mode != StsMode.None)
        {
            yield return new(
                $"_mta-sts.{domain.Ascii}", "TXT", Quoted(HostedSts.RecordOf(sts)), "Other servers ask for the policy on TLS (MTA-STS).");
            yield return new($"mta-sts.{domain.Ascii}", "CNAME", host + ".", "They ask for it here; the certificate must be for this name too.");
        }
        yield return new(
            $"_smtp._tls.{domain.Ascii}", "TXT", Quoted($"v=TLSRPTv1; rua=mailto:{ReportAddress.Tls}@{domain.Ascii}"),
            "Other servers report each day how TLS with this server went (TLS-RPT).");
        foreach (var (key, index) in keys.Select(static (key, index) => (key, index)))
        {
            // RFC 7672 §3.1.1 and §2.2.2: the key of the MX at port 25; only in a signed zone does anybody look at it.
            yield return new(
                $"_25._tcp.{host}", "TLSA", TlsaOf(key),
                index == 0 ? "The key of the MX, for servers that ask DNSSEC (DANE); only in a signed zone." : "The key that follows it.");
        }
    }

    private static string TlsaOf(PublicKey key) => HostKey.RecordOf(key).ToString();

    private static string Quoted(string text) => $"\"{text}\"";
}
