using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Bench;

/// <summary>An SMTP server that takes everything and remembers the number in each Subject: what was lost, what came twice.</summary>
internal sealed class OutboundSink : IDisposable
{
    private static readonly byte[] SubjectMark = "Subject: bench "u8.ToArray();

    /// <summary>The last octet of 127.0.0.x: not the servers' own address, which Postfix would take for a loop.</summary>
    public const byte Host = 98;

    private readonly TcpListener _listener;
    private readonly int[] _seen;
    private long _first;
    private long _last;
    private int _count;
    private int _connections;

    /// <param name="port">0 for any.</param>
    public OutboundSink(int messages, int port)
    {
        _listener = new TcpListener(new IPAddress([127, 0, 0, Host]), port);
        _seen = new int[messages];
        _listener.Server.NoDelay = true;
        _listener.Start(1024);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    public int Port { get; }

    public int Count => Volatile.Read(ref _count);

    public int Connections => Volatile.Read(ref _connections);

    public int Lost => _seen.Count(times => times == 0);

    public int Twice => _seen.Count(times => times > 1);

    /// <summary>From the first message to the last.</summary>
    public double Seconds => Stopwatch.GetElapsedTime(_first, _last).TotalSeconds;

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync();
                client.NoDelay = true;
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed with the run.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var socket = client;
        var buffer = new byte[64 * 1024];
        var (have, inMessage) = (0, false);
        var replies = new StringBuilder();
        try
        {
            await client.SendAsync("220 sink.test ESMTP\r\n"u8.ToArray());
            while (true)
            {
                var got = await client.ReceiveAsync(buffer.AsMemory(have));
                if (got == 0)
                    return;
                have += got;
                var at = 0;
                while (Step(buffer.AsSpan(at, have - at), ref inMessage, replies) is > 0 and var used)
                    at += used;
                buffer.AsSpan(at, have - at).CopyTo(buffer);
                have -= at;
                if (have == buffer.Length)
                    return;
                if (replies.Length > 0)
                    await client.SendAsync(Encoding.ASCII.GetBytes(replies.ToString()));
                replies.Clear();
            }
        }
        catch (SocketException)
        {
            // The client has left.
        }
    }

    // One command or one message off the front; 0 when it is not whole yet.
    private int Step(ReadOnlySpan<byte> octets, ref bool inMessage, StringBuilder replies)
    {
        if (inMessage)
        {
            var end = octets.IndexOf("\r\n.\r\n"u8);
            if (end < 0)
                return 0;
            Note(octets[..end]);
            inMessage = false;
            replies.Append("250 2.0.0 taken\r\n");
            return end + 5;
        }
        var line = octets.IndexOf((byte)'\n');
        if (line < 0)
            return 0;
        switch (octets[0])
        {
            case (byte)'E':
                replies.Append("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
                break;
            case (byte)'D':
                inMessage = true;
                replies.Append("354 go on\r\n");
                break;
            case (byte)'Q':
                replies.Append("221 2.0.0 bye\r\n");
                break;
            default:
                replies.Append("250 2.0.0 good\r\n");
                break;
        }
        return line + 1;
    }

    private void Note(ReadOnlySpan<byte> message)
    {
        var now = Stopwatch.GetTimestamp();
        Interlocked.CompareExchange(ref _first, now, 0);
        Volatile.Write(ref _last, now);
        var mark = message.IndexOf(SubjectMark);
        if (mark >= 0 && Utf8Parser.TryParse(message[(mark + SubjectMark.Length)..], out int number, out _))
            Interlocked.Increment(ref _seen[number]);
        Interlocked.Increment(ref _count);
    }
}
