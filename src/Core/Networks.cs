using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Posthorn.Core;

/// <summary>A list of networks in CIDR notation: who is trusted, exempt, allowed.</summary>
public sealed class NetworkSet
{
    public static readonly NetworkSet Empty = new([]);

    /// <summary>127.0.0.0/8 and ::1.</summary>
    public static readonly NetworkSet Loopback = new([IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")]);

    /// <summary>What is nobody's on the Internet (private, link-local, carriers' shared and unique local addresses): behind one may stand a proxy, a
    /// container bridge or a whole house.</summary>
    public static readonly NetworkSet Private = new(
    [
        IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("169.254.0.0/16"),
        IPNetwork.Parse("100.64.0.0/10"), IPNetwork.Parse("fc00::/7"), IPNetwork.Parse("fe80::/10"),
    ]);

    private readonly IPNetwork[] _networks;

    private NetworkSet(IPNetwork[] networks) => _networks = networks;

    public bool IsEmpty => _networks.Length == 0;

    /// <summary>Reads networks (<c>192.0.2.0/24</c>, <c>2001:db8::/32</c>) and single addresses.</summary>
    /// <param name="wrong">The first text that is neither, or whose address has bits beyond its prefix.</param>
    public static bool TryParse(IEnumerable<string> texts, [NotNullWhen(true)] out NetworkSet? set, [NotNullWhen(false)] out string? wrong)
    {
        var networks = new List<IPNetwork>();
        foreach (var text in texts)
        {
            if (!TryParseOne(text, out var network))
            {
                (set, wrong) = (null, text);
                return false;
            }
            networks.Add(network);
        }
        (set, wrong) = (new NetworkSet([.. networks]), null);
        return true;
    }

    /// <summary>Whether one of the networks holds the address; IPv4 written as IPv6 counts as IPv4.</summary>
    public bool Contains(IPAddress address)
    {
        address = address.Unmapped();
        foreach (var network in _networks)
        {
            if (network.Contains(address)) return true;
        }
        return false;
    }

    private static bool TryParseOne(string text, out IPNetwork network)
    {
        network = default;
        if (text.Contains('/', StringComparison.Ordinal))
        {
            // IPNetwork clears bits beyond the prefix; whoever wrote them meant something else.
            if (!IPNetwork.TryParse(text, out network)
                || !network.BaseAddress.Equals(IPAddress.Parse(text.AsSpan(0, text.IndexOf('/', StringComparison.Ordinal))))) return false;
            if (!network.BaseAddress.IsIPv4MappedToIPv6) return true;
            if (network.PrefixLength < 96) return false;
            network = new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - 96);
            return true;
        }
        if (!IPAddress.TryParse(text, out var address)) return false;
        address = address.Unmapped();
        network = new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        return true;
    }
}

public static class IPAddressForms
{
    /// <summary>The address itself, or the IPv4 address that a dual-stack socket shows as <c>::ffff:a.b.c.d</c>.</summary>
    public static IPAddress Unmapped(this IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
