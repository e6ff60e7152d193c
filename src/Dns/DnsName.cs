using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Dns;

/// <summary>Names as both resolvers compare them: lower case, no trailing dot, the root is the empty text (RFC 4343, RFC 1035 §2.3.4).</summary>
internal static class DnsName
{
    public const int OctetsMax = 253;
    private const int LabelOctetsMax = 63;

    /// <summary>False for what no name can be; there is nothing to ask then.</summary>
    /// <remarks>Underscores and other printable ASCII may stand in labels (RFC 2181 §11).</remarks>
    public static bool TryNormalize(ReadOnlySpan<char> text, out string name)
    {
        name = "";
        if (text.Length > 0 && text[^1] == '.') text = text[..^1];
        if (text.Length > OctetsMax) return false;
        if (text.IsEmpty) return true;
        foreach (var label in text.Split('.'))
        {
            var octets = text[label];
            if (octets.Length is 0 or > LabelOctetsMax || octets.ContainsAnyExceptInRange('!', '~') || octets.Contains('\\')) return false;
        }
        name = text.ToString().ToLowerInvariant();
        return true;
    }

    /// <summary>The name without its first label; the root for a single one.</summary>
    public static string Parent(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? "" : name[(dot + 1)..];
    }

    /// <summary>The name under which an address is looked up (RFC 1035 §3.5, RFC 3596 §2.5).</summary>
    public static string Reverse(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        if (address.AddressFamily == AddressFamily.InterNetwork) return $"{bytes[3]}.{bytes[2]}.{bytes[1]}.{bytes[0]}.in-addr.arpa";
        var name = new StringBuilder(72);
        for (var i = bytes.Length - 1; i >= 0; i--)
        {
            name.Append(CultureInfo.InvariantCulture, $"{bytes[i] & 0xF:x}.{bytes[i] >> 4:x}.");
        }
        return name.Append("ip6.arpa").ToString();
    }
}
