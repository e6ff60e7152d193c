using System.Security.Cryptography.X509Certificates;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>The key of this server's MX as others find it.</summary>
public static class HostKey
{
    /// <summary>The record to publish: <c>3 1 1</c>, which outlives every renewal with the same key (RFC 7671 §5.1).</summary>
    public static TlsaRecord RecordOf(PublicKey key) => Dane.RecordOf(key);
}
