using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Posthorn.Core;

namespace Posthorn.Wire;

/// <summary>How many connections a listener takes.</summary>
public sealed record ConnectionLimits
{
    /// <summary>All together.</summary>
    public int ConnectionsMax { get; init; } = 10_000;

    /// <summary>From one IPv4 address or one IPv6 /64, which is what one subscriber has (RFC 6177).</summary>
    public int ConnectionsPerNetworkMax { get; init; } = 50;

    /// <summary>From one IPv4 /24 or one IPv6 /48, which is what one customer of a provider may have.</summary>
    public int ConnectionsPerWideNetworkMax { get; init; } = 200;

    /// <summary>Whose connections count only against <see cref="ConnectionsMax"/>; <see cref="NetworkSet.Empty"/> exempts nobody.</summary>
    public NetworkSet Exempt { get; init; } = NetworkSet.Loopback;
}

/// <summary>Counts the connections of one listener by network. One lock, a few instructions.</summary>
public sealed class ConnectionLimiter(ConnectionLimits limits)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Network, int> _networks = [];
    private int _count;

    /// <summary>Connections now.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>A place, to be disposed of when the connection ends; null when there is none.</summary>
    public Place? TryEnter(IPAddress address)
    {
        address = address.Unmapped();
        var network = limits.Exempt.Contains(address) ? default(Network?) : Network.Of(address);
        lock (_gate)
        {
            if (_count >= limits.ConnectionsMax) return null;
            if (network is { } counted)
            {
                _networks.TryGetValue(counted, out var already);
                _networks.TryGetValue(counted.Wide, out var around);
                if (already >= limits.ConnectionsPerNetworkMax || around >= limits.ConnectionsPerWideNetworkMax) return null;
                _networks[counted] = already + 1;
                _networks[counted.Wide] = around + 1;
            }
            _count++;
        }
        return new Place(this, network);
    }

    private void Leave(Network? network)
    {
        lock (_gate)
        {
            _count--;
            if (network is not { } counted) return;
            Take(counted);
            Take(counted.Wide);
        }
    }

    private void Take(Network network)
    {
        var left = _networks[network] - 1;
        if (left == 0) _networks.Remove(network);
        else _networks[network] = left;
    }

    /// <summary>A connection's place, taken until it is disposed of.</summary>
    public sealed class Place : IDisposable
    {
        private readonly Network? _network;
        private ConnectionLimiter? _limiter;

        internal Place(ConnectionLimiter limiter, Network? network) => (_limiter, _network) = (limiter, network);

        public void Dispose() => Interlocked.Exchange(ref _limiter, null)?.Leave(_network);
    }

    /// <summary>The first 64 bits of an IPv6 address, or an IPv4 address.</summary>
    internal readonly record struct Network(bool IsIPv6, ulong Prefix, bool IsWide = false)
    {
        /// <summary>The first 48 bits of an IPv6 address, or the /24 of an IPv4 address.</summary>
        public Network Wide => new(IsIPv6, IsIPv6 ? Prefix & ~0xFFFFUL : Prefix & ~0xFFUL, true);

        public static Network Of(IPAddress address)
        {
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out _);
            return address.AddressFamily == AddressFamily.InterNetworkV6
                ? new Network(true, BinaryPrimitives.ReadUInt64BigEndian(bytes))
                : new Network(false, BinaryPrimitives.ReadUInt32BigEndian(bytes));
        }
    }
}
