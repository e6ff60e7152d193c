using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Posthorn.Server;

/// <summary>The numbers of contract and registry; <see cref="ServerConfig.Port"/> moves them.</summary>
internal static class Ports
{
    public const int Lmtp = 24;
    public const int Smtp = 25;
    public const int Http = 80;
    public const int Pop3 = 110; // RFC 1939 §3
    public const int Imap = 143;
    public const int Https = 443;
    public const int Submissions = 465; // RFC 8314 §3.3
    public const int Submission = 587; // RFC 6409 §3.1
    public const int Imaps = 993; // RFC 8314 §3.2
    public const int Pop3s = 995; // RFC 8314 §3.1

    public static IReadOnlyList<IPEndPoint> EndPoints(ServerConfig config, int standard) =>
        [.. config.Addresses.Select(address => new IPEndPoint(address, config.Port(standard)))];

    public static IReadOnlyList<IPEndPoint> LmtpEndPoints(ServerConfig config) =>
        [.. config.LmtpAddresses.Select(address => new IPEndPoint(address, config.Port(Lmtp)))];

    /// <summary>Says in one line why a port cannot be had. Set after whoever else makes sockets of their own.</summary>
    public static void ExplainFailures(SocketTransportOptions transport)
    {
        var create = transport.CreateBoundListenSocket;
        transport.CreateBoundListenSocket = endPoint =>
        {
            try
            {
                return create(endPoint);
            }
            catch (SocketException e) when (endPoint is IPEndPoint)
            {
                throw new CommandFailedException($"cannot listen on {endPoint}: {Reason(e)}", e);
            }
        };
    }

    private static string Reason(SocketException failure) => failure.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => "another program uses this port",
        SocketError.AccessDenied => "ports below 1024 need the right to bind them; the systemd unit has it, [listen] port_offset avoids it",
        SocketError.AddressNotAvailable => "this machine does not have that address; see [listen] address",
        _ => failure.Message,
    };
}
