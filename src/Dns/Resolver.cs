using System.Net;
using Posthorn.Core;

namespace Posthorn.Dns;

/// <summary>How a question was answered.</summary>
public enum DnsStatus
{
    /// <summary>There are records.</summary>
    Ok,

    /// <summary>The name exists and has no record of this type (RFC 2308 §2.2).</summary>
    NoData,

    /// <summary>The name does not exist (RFC 2308 §2.1).</summary>
    NxDomain,

    /// <summary>No answer, SERVFAIL, or one that made no sense: asking later may help.</summary>
    Failed,
}

/// <summary>An answer, or the reason why there is none.</summary>
/// <param name="Records">Empty unless <see cref="DnsStatus.Ok"/>.</param>
/// <param name="Ttl">How long the answer holds, the negative one too.</param>
/// <param name="Authentic">The answer was validated (RFC 4035 AD bit over a trusted path).</param>
/// <param name="Failure">One line for the log and the postmaster; set when <see cref="DnsStatus.Failed"/>.</param>
public sealed record DnsAnswer<T>(DnsStatus Status, IReadOnlyList<T> Records, TimeSpan Ttl, bool Authentic = false, string? Failure = null)
{
    public bool Ok => Status == DnsStatus.Ok;
}

/// <summary>One MX record (RFC 1035 §3.3.9).</summary>
/// <param name="Exchange">Without the trailing dot; empty for the null MX (RFC 7505).</param>
public sealed record MxRecord(int Preference, string Exchange);

/// <summary>Asks the domain name system. Names are given in A-labels without a trailing dot; asking never throws but for cancellation.</summary>
public abstract class Resolver : IAsyncDisposable
{
    /// <summary>RFC 5321 §5.1: the exchanges of a domain, by rising preference.</summary>
    public abstract ValueTask<DnsAnswer<MxRecord>> MxAsync(Domain domain, CancellationToken ct = default);

    /// <summary>The A and AAAA records of a host together, AAAA first (RFC 6724 leaves the order to the caller).</summary>
    public abstract ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default);

    /// <summary>The TXT records of a name, the strings of each joined (RFC 7208 §3.3).</summary>
    public abstract ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default);

    /// <summary>The names of an address (RFC 1035 §3.5, RFC 3596 §2.5).</summary>
    public abstract ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default);

    public abstract ValueTask DisposeAsync();
}
