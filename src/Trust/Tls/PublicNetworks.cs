using System.Net;
using Posthorn.Core;

namespace Posthorn.Trust;

/// <summary>Where servers of somebody else can be: not on this host, not in private and link-local networks.</summary>
internal static class PublicNetworks
{
    private static readonly NetworkSet NotPublic = NetworkSet.TryParse(
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
            "::/127", "fc00::/7", "fe80::/9", "ff00::/8",
        ],
        out var set,
        out var wrong) ? set : throw new FormatException(wrong);

    public static bool Contain(IPAddress address) => !NotPublic.Contains(address);
}
