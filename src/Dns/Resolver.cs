using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Dns;

// Dns asks questions and says how they were answered; what an answer means for mail is decided by whoever asked.
//
// Two resolvers stand behind one door. The network's asks recursive resolvers and remembers what they said; the zone file's answers
// everything itself, so that several servers can mail each other on one machine, and tests need no network.
//
// Invariants. Asking never throws but for the caller's own cancellation: a resolver that is silent, broken or hostile is a Failed answer.
// What is remembered is bounded in entries and octets, holds no longer than its TTL, and equal questions under way are asked once.
// A chain of CNAMEs ends. An answer is authentic only when a resolver on this very machine says so (RFC 4035 §4.9.3).
//
// Locks: AnswerCache's and ZoneFileResolver's, held for dictionary work and for reading the file that changed.

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

/// <summary>One SRV record (RFC 2782).</summary>
/// <param name="Target">Without the trailing dot; empty when the service is decidedly not there.</param>
public sealed record SrvRecord(int Priority, int Weight, int Port, string Target);

/// <summary>One TLSA record (RFC 6698 §2.1).</summary>
/// <param name="Data">The certificate association data, as hexadecimal digits in lower case.</param>
public sealed record TlsaRecord(byte Usage, byte Selector, byte MatchingType, string Data)
{
    /// <summary>As a master file has it.</summary>
    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Usage} {Selector} {MatchingType} {Data}");
}

/// <summary>Asks the domain name system. Names are given in A-labels without a trailing dot; asking never throws but for cancellation.</summary>
public abstract class Resolver : IAsyncDisposable
{
    /// <summary>The resolver that the settings ask for.</summary>
    /// <exception cref="FormatException">The zone file says something else than RFC 1035 §5; the message names file and line.</exception>
    /// <exception cref="IOException">The zone file cannot be read.</exception>
    public static Resolver Open(DnsSettings settings, TimeProvider time, ILoggerFactory logs)
    {
        var log = logs.CreateLogger("Posthorn.Dns");
        return settings.ZoneFile is { } file ? new ZoneFileResolver(file, log) : new NetworkResolver(settings, time, log);
    }

    /// <summary>RFC 5321 §5.1: the exchanges of a domain, by rising preference.</summary>
    public ValueTask<DnsAnswer<MxRecord>> MxAsync(Domain domain, CancellationToken ct = default) => MxAsync(domain.Ascii, ct);

    /// <summary>The exchanges of any name, by rising preference: SPF asks for names that are no host's (RFC 7208 §5.4).</summary>
    public abstract ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken ct = default);

    /// <summary>The A and AAAA records of a host together, AAAA first (RFC 6724 leaves the order to the caller).</summary>
    public abstract ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default);

    /// <summary>The addresses of one family only.</summary>
    public abstract ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, AddressFamily family, CancellationToken ct = default);

    /// <summary>The TXT records of a name, the strings of each joined (RFC 7208 §3.3).</summary>
    public abstract ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default);

    /// <summary>Where a service of a domain is (RFC 2782): <c>_imaps._tcp.example.org</c>.</summary>
    public abstract ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken ct = default);

    /// <summary>What the certificate of a service must be like (RFC 6698 §3): <c>_25._tcp.mx.example.org</c>.</summary>
    /// <remarks>Whoever knows no such records has none.</remarks>
    public virtual ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken ct = default) => new(NoSuchName<TlsaRecord>());

    /// <summary>The names of an address (RFC 1035 §3.5, RFC 3596 §2.5).</summary>
    public abstract ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default);

    /// <summary>The name under which an address is looked up.</summary>
    public static string ReverseName(IPAddress address) => DnsName.Reverse(address);

    public abstract ValueTask DisposeAsync();

    /// <summary>The answer for what cannot be a name; nobody needs to be asked.</summary>
    internal static DnsAnswer<T> NoSuchName<T>() => new(DnsStatus.NxDomain, [], TimeSpan.Zero);

    /// <summary>Either family is enough for an answer; without one, not knowing outweighs knowing that there is nothing.</summary>
    internal static DnsAnswer<IPAddress> Together(DnsAnswer<IPAddress> six, DnsAnswer<IPAddress> four)
    {
        var ttl = six.Ttl < four.Ttl ? six.Ttl : four.Ttl;
        var authentic = six.Authentic && four.Authentic;
        if (six.Ok || four.Ok) return new(DnsStatus.Ok, [.. six.Records, .. four.Records], ttl, authentic);
        var worse = four.Status >= six.Status ? four : six;
        return worse with { Ttl = ttl, Authentic = authentic };
    }
}
