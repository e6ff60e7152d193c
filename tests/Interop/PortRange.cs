using System.Net;
using System.Net.Sockets;

namespace Posthorn.Interop;

/// <summary>Gives each server an offset of its own for its well-known ports, below the range that the system hands out by itself.</summary>
internal static class PortRange
{
    private const int First = 10_000;
    private const int Last = 27_000;
    private const int Step = 1_000;

    private static readonly int[] WellKnown = [24, 25, 80, 110, 143, 443, 465, 587, 993, 995, 4190];
    private static readonly Lock Gate = new();
    private static int _next = First + (Environment.ProcessId % ((Last - First) / Step) * Step);

    public static int Take()
    {
        lock (Gate)
        {
            for (int tries = 0; tries <= (Last - First) / Step; tries++)
            {
                int offset = _next;
                _next = _next + Step > Last ? First : _next + Step;
                if (WellKnown.All(p => IsFree(offset + p))) return offset;
            }
        }

        throw new InvalidOperationException("No range of ports is free on 127.0.0.1.");
    }

    /// <summary>One free port, for a peer that needs no more.</summary>
    public static int TakeOne()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
