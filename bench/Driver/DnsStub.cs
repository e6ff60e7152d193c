using System.Net;
using System.Net.Sockets;

namespace Posthorn.Bench;

/// <summary>
/// A name server of one thread that answers "no such name" at once (RFC 1035 §4.1.1, RCODE 3): both servers ask it about their clients,
/// and no outside resolver becomes part of a measurement.
/// </summary>
internal sealed class DnsStub : IDisposable
{
    public const string Address = "127.0.0.97";
    private const int HeaderLength = 12;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    public DnsStub()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Parse(Address), 53));
        new Thread(Answer, 64 * 1024) { IsBackground = true, Name = "dns stub" }.Start();
    }

    public void Dispose() => _socket.Dispose();

    private void Answer()
    {
        var packet = new byte[1500];
        EndPoint client = new IPEndPoint(IPAddress.Any, 0);
        try
        {
            while (true)
            {
                int length = _socket.ReceiveFrom(packet, ref client);
                int end = HeaderLength;
                while (end < length && packet[end] != 0)
                    end += packet[end] + 1;
                end += 5;   // the root label, type and class
                if (end > length)
                    continue;
                packet[2] |= 0x80;                       // an answer
                packet[3] = 0x83;                        // recursion available, NXDOMAIN
                packet.AsSpan(6, 6).Clear();             // one question, nothing else
                _socket.SendTo(packet.AsSpan(0, end), SocketFlags.None, client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed with the driver.
        }
    }
}
