using System.Net;
using System.Net.Sockets;

namespace Posthorn.Bench;

/// <summary>
/// A name server of one thread that answers "no such name" at once (RFC 1035 §4.1.1, RCODE 3): both servers ask it about their clients,
/// and no outside resolver becomes part of a measurement. Below sink.test and dead.test every name has the exchange mx.sink.test or mx.dead.test,
/// of which one is this machine and nobody answers for the other.
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
                if (TryAnswer(packet, end) is { } answer)
                {
                    _socket.SendTo(answer, SocketFlags.None, client);
                    continue;
                }
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

    // RFC 1035 §4.1.3: the question's name is compressed to its place, and so is the tail of the exchange's.
    private static byte[]? TryAnswer(byte[] packet, int end)
    {
        var question = packet.AsSpan(HeaderLength, end - HeaderLength);
        var tail = question.LastIndexOf("\u0004sink\u0004test\0"u8);
        if (tail < 0)
            tail = question.LastIndexOf("\u0004dead\u0004test\0"u8);
        if (tail < 0)
            return null;
        var type = packet[end - 3];
        byte[] head = [packet[0], packet[1], (byte)(packet[2] | 0x84), 0x80, 0, 1, 0, (byte)(type is 15 or 1 ? 1 : 0), 0, 0, 0, 0];
        byte[] record = type switch
        {
            15 => [0xC0, HeaderLength, 0, 15, 0, 1, 0, 0, 14, 16, 0, 7, 0, 10, 2, (byte)'m', (byte)'x', 0xC0, (byte)(HeaderLength + tail)],
            1 => [0xC0, HeaderLength, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, (byte)(question[tail + 1] == 's' ? OutboundSink.Host : 66)],
            _ => [],
        };
        return [.. head, .. question, .. record];
    }
}
