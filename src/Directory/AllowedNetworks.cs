using System.Net;
using System.Net.Sockets;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>The networks a credential may be used from; an empty list means anywhere.</summary>
public sealed record AllowedNetworks
{
    private readonly IReadOnlyList<IPNetwork> _networks;

    private AllowedNetworks(IReadOnlyList<IPNetwork> networks) => _networks = networks;

    public static AllowedNetworks Anywhere { get; } = new([]);

    /// <summary>Reads addresses and CIDR ranges.</summary>
    public static Result<AllowedNetworks> Parse(IEnumerable<string> texts)
    {
        var networks = new List<IPNetwork>();
        foreach (var text in texts)
        {
            if (!TryParse(text, out var network)) return new Refusal(RefusalKind.Invalid, $"'{text}' is not an address or a CIDR range");
            networks.Add(network);
        }
        return networks.Count == 0 ? Anywhere : new AllowedNetworks(networks);
    }

    public IReadOnlyList<string> Texts => [.. _networks.Select(network => network.ToString())];

    /// <param name="remote">None is the Unix socket, which only this machine can reach.</param>
    public bool Contains(IPAddress? remote)
    {
        if (_networks.Count == 0) return true;
        remote ??= IPAddress.Loopback;
        if (remote.IsIPv4MappedToIPv6) remote = remote.MapToIPv4();
        foreach (var network in _networks)
        {
            if (network.Contains(remote)) return true;
        }
        return false;
    }

    /// <summary>The stored form: ranges separated by spaces.</summary>
    public override string ToString() => string.Join(' ', Texts);

    internal static AllowedNetworks Stored(string text) =>
        Parse(text.Split(' ', StringSplitOptions.RemoveEmptyEntries)).TryGet(out var networks)
            ? networks
            : throw new InvalidDataException("the directory holds a network that cannot be read");

    private static bool TryParse(string text, out IPNetwork network)
    {
        network = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var address)) return false;
        if (address.IsIPv4MappedToIPv6) return false;
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var prefix = bits;
        if (slash >= 0
            && (!int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out prefix) || prefix > bits)) return false;
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var keep = Math.Clamp(prefix - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - keep));
        }
        network = new IPNetwork(new IPAddress(bytes), prefix);
        return true;
    }
}
