using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Wire;

/// <summary>A SOCKS 5 proxy through which connections are made (RFC 1928).</summary>
/// <param name="Login">With <paramref name="Password"/> (RFC 1929); null when it knows us by our address.</param>
public sealed record SocksProxy(IPEndPoint EndPoint, string? Login = null, string? Password = null)
{
    private const byte Version = 5;
    private const byte NoLogin = 0;
    private const byte WithPassword = 2;

    /// <summary>Never the password.</summary>
    public override string ToString() => EndPoint.ToString();

    /// <summary>Asks the proxy, over a connection to it, for one to the target.</summary>
    /// <exception cref="IOException">It does not make one, or is no such proxy.</exception>
    internal async ValueTask OpenAsync(Socket socket, IPEndPoint target, CancellationToken ct)
    {
        await SendAsync(socket, Login is null ? [Version, 1, NoLogin] : [Version, 1, WithPassword], ct);
        var choice = await ReceiveAsync(socket, 2, ct);
        if (choice[0] != Version) throw new IOException($"{EndPoint} is no SOCKS 5 proxy");
        if (choice[1] != (Login is null ? NoLogin : WithPassword)) throw new IOException($"the proxy {EndPoint} wants another way to log in");
        if (Login is not null) await LogInAsync(socket, Login, ct);

        var address = target.Address.GetAddressBytes();
        var type = (byte)(target.AddressFamily == AddressFamily.InterNetworkV6 ? 4 : 1);
        await SendAsync(socket, [Version, 1, 0, type, .. address, (byte)(target.Port >> 8), (byte)target.Port], ct);
        var head = await ReceiveAsync(socket, 4, ct);
        if (head[0] != Version || head[1] != 0) throw new IOException($"{target} through {EndPoint}: {Reason(head[1])}");
        // The address that the proxy connects from is of no interest, but it comes before the server's first word.
        var length = head[3] switch
        {
            1 => 4,
            4 => 16,
            3 => (await ReceiveAsync(socket, 1, ct))[0],
            _ => throw new IOException($"{EndPoint} is no SOCKS 5 proxy"),
        };
        await ReceiveAsync(socket, length + 2, ct);
    }

    // RFC 1929 §2
    private async ValueTask LogInAsync(Socket socket, string login, CancellationToken ct)
    {
        var (name, secret) = (Encoding.UTF8.GetBytes(login), Encoding.UTF8.GetBytes(Password ?? ""));
        if (name.Length is 0 or > 255 || secret.Length is 0 or > 255) throw new IOException("a SOCKS 5 log-in has 1 to 255 octets");
        await SendAsync(socket, [1, (byte)name.Length, .. name, (byte)secret.Length, .. secret], ct);
        if ((await ReceiveAsync(socket, 2, ct))[1] != 0) throw new IOException($"the log-in at the proxy {EndPoint} failed");
    }

    private static async ValueTask SendAsync(Socket socket, byte[] octets, CancellationToken ct)
    {
        for (var at = 0; at < octets.Length;) at += await socket.SendAsync(octets.AsMemory(at), ct);
    }

    private async ValueTask<byte[]> ReceiveAsync(Socket socket, int count, CancellationToken ct)
    {
        var octets = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await socket.ReceiveAsync(octets.AsMemory(at), ct);
            if (read == 0) throw new IOException($"the proxy {EndPoint} closed the connection");
            at += read;
        }
        return octets;
    }

    // RFC 1928 §6
    private static string Reason(byte code) => code switch
    {
        2 => "the proxy does not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "connection refused",
        6 => "it took too long",
        8 => "the proxy has no way to this kind of address",
        _ => "the proxy failed",
    };
}
