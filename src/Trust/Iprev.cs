using System.Net;
using System.Net.Sockets;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>Whether a client's address has a name that has this address (RFC 8601 §3).</summary>
/// <param name="Name">The name that was confirmed; null when none was.</param>
public sealed record IprevVerdict(AuthResult Result, IPAddress Client, string? Name);

internal static class Iprev
{
    /// <summary>Never throws but for cancellation.</summary>
    public static async ValueTask<IprevVerdict> CheckAsync(Resolver resolver, IPAddress client, CancellationToken ct)
    {
        if (client.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)) return new(AuthResult.None, client, null);
        var names = await resolver.PtrAsync(client, ct);
        if (names.Status == DnsStatus.Failed) return new(AuthResult.TempError, client, null);
        if (!names.Ok) return new(AuthResult.PermError, client, null);
        var result = AuthResult.Fail;
        foreach (var name in names.Records.Take(TrustLimits.ReverseNamesMax))
        {
            var addresses = await resolver.AddressesAsync(name, client.AddressFamily, ct);
            if (addresses.Records.Contains(client)) return new(AuthResult.Pass, client, name);
            if (addresses.Status == DnsStatus.Failed) result = AuthResult.TempError;
        }
        return new(result, client, null);
    }
}
