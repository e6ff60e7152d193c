using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Dns.Tests;

/// <summary>A name server on loopback, over UDP and TCP on one port, that answers what the test wrote down.</summary>
internal sealed class Responder : IAsyncDisposable
{
    private readonly Socket _udp;
    private readonly TcpListener _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<Query, Reply?> _answer;
    private readonly Task _serving;
    private int _queries;
    private int _streamQueries;

    /// <param name="answer">Null keeps silent.</param>
    public Responder(Func<Query, Reply?> answer)
    {
        _answer = answer;
        (_udp, _tcp) = Bind();
        EndPoint = (IPEndPoint)_tcp.LocalEndpoint;
        _serving = Task.WhenAll(ServeDatagramsAsync(), ServeStreamsAsync());
    }

    public IPEndPoint EndPoint { get; }

    public int Queries => Volatile.Read(ref _queries);

    public int StreamQueries => Volatile.Read(ref _streamQueries);

    public static byte[] NameOf(string name)
    {
        var bytes = new List<byte>();
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.ASCII.GetBytes(label));
        }
        return [.. bytes, 0];
    }

    public static Rr A(string owner, int ttl, string address) => new(owner, 1, ttl, IPAddress.Parse(address).GetAddressBytes());

    public static Rr Aaaa(string owner, int ttl, string address) => new(owner, 28, ttl, IPAddress.Parse(address).GetAddressBytes());

    public static Rr Mx(string owner, int ttl, int preference, string exchange) =>
        new(owner, 15, ttl, [(byte)(preference >> 8), (byte)preference, .. NameOf(exchange)]);

    public static Rr Srv(string owner, int ttl, byte priority, byte weight, int port, string target) =>
        new(owner, 33, ttl, [0, priority, 0, weight, (byte)(port >> 8), (byte)port, .. NameOf(target)]);

    public static Rr Tlsa(string owner, int ttl, byte usage, byte selector, byte matching, params byte[] data) =>
        new(owner, 52, ttl, [usage, selector, matching, .. data]);

    public static Rr Cname(string owner, int ttl, string target) => new(owner, 5, ttl, NameOf(target));

    public static Rr Ptr(string owner, int ttl, string target) => new(owner, 12, ttl, NameOf(target));

    public static Rr Txt(string owner, int ttl, params string[] strings) =>
        new(owner, 16, ttl, [.. strings.SelectMany(s => new[] { (byte)s.Length }.Concat(Encoding.ASCII.GetBytes(s)))]);

    public static Rr Soa(string owner, int ttl, int minimum)
    {
        var numbers = new byte[20];
        BinaryPrimitives.WriteInt32BigEndian(numbers.AsSpan(16), minimum);
        return new(owner, 6, ttl, [.. NameOf("ns." + owner), .. NameOf("admin." + owner), .. numbers]);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving; // first: a listener that is gone in the middle of a loop complains otherwise
        _tcp.Dispose();
        _udp.Dispose();
        _stop.Dispose();
    }

    // One port that is free for both.
    private static (Socket Udp, TcpListener Tcp) Bind()
    {
        while (true)
        {
            var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            var tcp = new TcpListener(IPAddress.Loopback, 0);
            tcp.Start();
            try
            {
                udp.Bind(tcp.LocalEndpoint);
                return (udp, tcp);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                udp.Dispose();
                tcp.Dispose();
            }
        }
    }

    private static bool IsOver(Exception e) => e is OperationCanceledException or SocketException or ObjectDisposedException or IOException;

    private async Task ServeDatagramsAsync()
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                var got = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                var reply = Answer(buffer.AsSpan(0, got.ReceivedBytes), stream: false);
                if (reply is not null) await _udp.SendToAsync(reply, got.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception e) when (IsOver(e))
        {
            // The test is over.
        }
    }

    private async Task ServeStreamsAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _tcp.AcceptTcpClientAsync(_stop.Token);
                var stream = client.GetStream();
                var length = new byte[2];
                await stream.ReadExactlyAsync(length, _stop.Token);
                var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(message, _stop.Token);
                if (Answer(message, stream: true) is not { } reply) continue;
                BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)reply.Length);
                await stream.WriteAsync((byte[])[.. length, .. reply], _stop.Token);
            }
        }
        catch (Exception e) when (IsOver(e))
        {
            // The test is over.
        }
    }

    private byte[]? Answer(ReadOnlySpan<byte> message, bool stream)
    {
        Interlocked.Increment(ref _queries);
        if (stream) Interlocked.Increment(ref _streamQueries);
        var name = new StringBuilder();
        var at = 12;
        for (; message[at] > 0; at += message[at] + 1) name.Append(Encoding.ASCII.GetString(message.Slice(at + 1, message[at]))).Append('.');
        at++;
        var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
        var additional = BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        if (_answer(new Query(name.ToString().TrimEnd('.'), type, stream, additional > 0)) is not { } reply) return null;
        if (reply.Raw is { } raw) return [.. message[..2], .. raw];
        var header = new byte[12];
        message[..2].CopyTo(header);
        header[2] = (byte)(0x81 | (reply.Truncated ? 2 : 0));
        header[3] = (byte)(0x80 | (reply.Authentic ? 0x20 : 0) | reply.Code);
        header[5] = 1;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)reply.Answers.Length);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(8), (ushort)reply.Authorities.Length);
        byte[] question = reply.Question is { } other ? [.. NameOf(other), .. message.Slice(at, 4)] : message[12..(at + 4)].ToArray();
        return [.. header, .. question, .. reply.Answers.Concat(reply.Authorities).SelectMany(r => r.Wire())];
    }

    internal sealed record Query(string Name, int Type, bool Stream, bool Edns);

    internal sealed record Reply(params Rr[] Answers)
    {
        public int Code { get; init; }

        public bool Truncated { get; init; }

        public bool Authentic { get; init; }

        public Rr[] Authorities { get; init; } = [];

        /// <summary>Another question than was asked.</summary>
        public string? Question { get; init; }

        /// <summary>Octets after the id, instead of everything else.</summary>
        public byte[]? Raw { get; init; }
    }

    internal sealed record Rr(string Owner, int Type, int Ttl, byte[] Data)
    {
        public byte[] Wire()
        {
            var fixedPart = new byte[10];
            BinaryPrimitives.WriteUInt16BigEndian(fixedPart, (ushort)Type);
            fixedPart[3] = 1;
            BinaryPrimitives.WriteInt32BigEndian(fixedPart.AsSpan(4), Ttl);
            BinaryPrimitives.WriteUInt16BigEndian(fixedPart.AsSpan(8), (ushort)Data.Length);
            return [.. NameOf(Owner), .. fixedPart, .. Data];
        }
    }
}
