using System.Net;
using System.Net.Sockets;
using Posthorn.Core;
using Posthorn.Dns;

namespace Posthorn.Delivery;

/// <summary>Which hosts take the mail of a domain, in the order to try them; or why none does.</summary>
/// <param name="Authentic">DNSSEC vouches for it (RFC 7672 §2.2.1).</param>
internal readonly record struct ExchangeHosts(IReadOnlyList<string> Hosts, OutboundVerdict? Verdict, bool Authentic = false);

/// <summary>The addresses of a host, in the order to try them; or why there is none.</summary>
/// <param name="Authentic">DNSSEC vouches for them.</param>
internal readonly record struct HostAddresses(IReadOnlyList<IPAddress> Addresses, OutboundVerdict? Verdict, bool Authentic = false);

/// <summary>Finds the servers of a domain (RFC 5321 §5.1).</summary>
internal sealed class Exchanges(DeliverySettings settings, Resolver resolver)
{
    private const int SmtpPort = 25;

    // Where no server of somebody else can be: this host, private and link-local networks, and what is no host's address at all.
    private static readonly NetworkSet NotPublic = NetworkSet.TryParse(
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
            "::/127", "fc00::/7", "fe80::/9", "ff00::/8",
        ],
        out var set,
        out var wrong) ? set : throw new FormatException(wrong);

    public async ValueTask<ExchangeHosts> FindAsync(Domain domain, CancellationToken ct)
    {
        var answer = await resolver.MxAsync(domain, ct);
        switch (answer.Status)
        {
            case DnsStatus.Failed:
                return new([], OutboundVerdict.Later("4.4.3", answer.Failure ?? $"the exchanges of {domain} cannot be looked up"));
            case DnsStatus.NxDomain:
                return new([], OutboundVerdict.Never("5.1.2", $"the domain {domain} does not exist"));
            case DnsStatus.NoData when domain == settings.Hostname:
                return new([], Loop(domain));
            case DnsStatus.NoData:
                return new([domain.Ascii], null, answer.Authentic); // the implicit MX
            default:
                return Order(domain, answer.Records) with { Authentic = answer.Authentic };
        }
    }

    /// <summary>Of an exchange: somebody else wrote it down, so it may lead to public addresses only.</summary>
    public ValueTask<HostAddresses> AddressesAsync(string host, CancellationToken ct) =>
        AddressesAsync(host, anywhere: settings.Port != SmtpPort, ct);

    /// <summary>Of the relay, which may stand where the operator wants.</summary>
    public async ValueTask<HostAddresses> RelayAddressesAsync(string host, CancellationToken ct)
    {
        var found = await AddressesAsync(host, anywhere: true, ct);
        return found.Verdict is null ? found : new([], found.Verdict with { Outcome = OutboundOutcome.Deferred, Status = "4.4.3" });
    }

    private async ValueTask<HostAddresses> AddressesAsync(string host, bool anywhere, CancellationToken ct)
    {
        var answer = await resolver.AddressesAsync(host, ct);
        if (answer.Status == DnsStatus.Failed)
        {
            return new([], OutboundVerdict.Later("4.4.3", answer.Failure ?? $"the addresses of {host} cannot be looked up"));
        }
        if (!answer.Ok) return new([], OutboundVerdict.Never("5.4.4", $"the host {host} has no address"));
        var allowed = anywhere ? answer.Records : answer.Records.Where(address => !NotPublic.Contains(address));
        var addresses = Alternating(allowed).Take(OutboundLimits.AddressesMax).ToArray();
        return addresses.Length > 0
            ? new(addresses, null, answer.Authentic)
            : new([], OutboundVerdict.Never("5.4.4", $"the host {host} has no public address, only {answer.Records[0]}"));
    }

    private static OutboundVerdict NullMx(Domain domain) =>
        OutboundVerdict.Never("5.1.10", $"the domain {domain} does not accept mail (null MX)");

    private static OutboundVerdict Loop(Domain domain) =>
        OutboundVerdict.Never("5.4.6", $"mail for {domain} leads back to this server, which does not take it");

    // RFC 8305 §4: the families take turns, so that a network without one of them costs one delay.
    private static IEnumerable<IPAddress> Alternating(IEnumerable<IPAddress> addresses)
    {
        var families = addresses.ToLookup(address => address.AddressFamily);
        var (six, four) = (families[AddressFamily.InterNetworkV6].ToArray(), families[AddressFamily.InterNetwork].ToArray());
        for (var i = 0; i < Math.Max(six.Length, four.Length); i++)
        {
            if (i < six.Length) yield return six[i];
            if (i < four.Length) yield return four[i];
        }
    }

    private ExchangeHosts Order(Domain domain, IReadOnlyList<MxRecord> records)
    {
        // RFC 7505 §3: a single record with the root as its exchange.
        if (records is [{ Exchange: "" }]) return new([], NullMx(domain));
        var own = records.Where(mx => mx.Exchange.Equals(settings.Hostname.Ascii, StringComparison.OrdinalIgnoreCase))
            .Select(mx => mx.Preference).DefaultIfEmpty(int.MaxValue).Min();
        // RFC 5321 §5.1: at and behind our own place the mail would come round; among equals the order is random.
        var hosts = records.Where(mx => mx.Preference < own && mx.Exchange.Length > 0)
            .OrderBy(mx => mx.Preference).ThenBy(_ => Random.Shared.Next())
            .Select(mx => mx.Exchange).Distinct(StringComparer.OrdinalIgnoreCase).Take(OutboundLimits.ExchangesMax).ToArray();
        if (hosts.Length > 0) return new(hosts, null);
        return new([], own < int.MaxValue ? Loop(domain) : NullMx(domain));
    }
}
