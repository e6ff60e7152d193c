using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Posthorn.Bench;

/// <summary>
/// Many lockstep clients on one thread: poll(2) over non-blocking sockets and buffers that are built before they are needed. The driver
/// shares two cores with the server that it measures, so it must cost little, and what it costs is reported with every figure.
/// </summary>
internal sealed partial class Load(IReadOnlyList<Lane> lanes)
{
    private const short Readable = 1;    // POLLIN
    private const short Writable = 4;    // POLLOUT
    private const int StallMilliseconds = 120_000;

    /// <summary>Connects every lane and brings it to the point where its first message would follow.</summary>
    public void Prepare()
    {
        foreach (var lane in lanes)
            lane.Open();
        Turn(lane => lane.Ready);
    }

    /// <summary>Sends until the lanes have done their work, each finishing the message under way when the time is over.</summary>
    public void Run()
    {
        foreach (var lane in lanes)
            lane.Begin();
        Turn(lane => lane.Finished);
    }

    private void Turn(Predicate<Lane> settled)
    {
        var polled = new PolledSocket[lanes.Count];
        var owners = new Lane[lanes.Count];
        while (true)
        {
            int count = 0;
            foreach (var lane in lanes)
            {
                if (settled(lane) || lane.Finished)
                    continue;
                polled[count] = new PolledSocket { Descriptor = lane.Descriptor, Events = lane.HasOutput ? (short)(Readable | Writable) : Readable };
                owners[count++] = lane;
            }
            if (count == 0)
                return;
            int ready = Poll(ref polled[0], (nuint)count, StallMilliseconds);
            if (ready == 0)
                throw new IOException("the server has been silent for two minutes");
            for (int i = 0; i < count && ready > 0; i++)
            {
                if (polled[i].Returned == 0)
                    continue;
                ready--;
                owners[i].Turn();
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PolledSocket
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(ref PolledSocket first, nuint count, int timeoutMilliseconds);
}

/// <summary>What all lanes of one load share: the numbering, the deadline, the tally.</summary>
internal sealed class Tally(long firstNumber, long limit, int users)
{
    private long _next;

    public long Deadline { get; set; } = long.MaxValue;
    public int[] PerUser { get; } = new int[users];
    public List<long> Latencies { get; } = new(1 << 16);
    public int Failed { get; private set; }
    public string? FirstFailure { get; private set; }
    public int Acknowledged => Latencies.Count;

    /// <summary>The number of the next message (unique in the life of the target) and its recipient; false when the work is done.</summary>
    public bool TryTake(int count, out long number, out int user)
    {
        number = firstNumber + _next;
        user = (int)(_next % PerUser.Length);
        if (_next >= limit || Stopwatch.GetTimestamp() >= Deadline || Failed > 100)
            return false;
        _next += count;
        return true;
    }

    public void Fail(string reason)
    {
        Failed++;
        FirstFailure ??= reason;
    }
}

/// <summary>One client connection of a load: a state machine fed with the lines that the server sends.</summary>
internal abstract class Lane(int port, Tally tally) : IDisposable
{
    private readonly byte[] _input = new byte[16 * 1024];
    private Socket? _socket;
    private int _have;
    private ReadOnlyMemory<byte> _output;

    public bool Ready { get; protected set; }
    public bool Finished { get; protected set; }
    public bool HasOutput => _output.Length > 0;
    public int Descriptor => (int)_socket!.Handle;
    protected Tally Tally { get; } = tally;

    public void Open()
    {
        _socket?.Dispose();
        _have = 0;
        _output = default;
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.Connect(IPAddress.Loopback, port);
        _socket.Blocking = false;
        OnOpen();
    }

    public abstract void Begin();

    /// <summary>Called when the socket is ready: writes what waits, reads what came.</summary>
    public void Turn()
    {
        try
        {
            Flush();
            int got = _socket!.Receive(_input.AsSpan(_have), SocketFlags.None, out var error);
            if (error is SocketError.WouldBlock)
                return;
            if (error is not SocketError.Success || got == 0)
                throw new IOException($"connection ended by the server ({error})");
            _have += got;
            TakeLines();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            Tally.Fail(e.Message);
            if (Tally.Failed > 100)
                Finished = true;
            else
                Open();
        }
    }

    public void Dispose() => _socket?.Dispose();

    protected abstract void OnOpen();
    protected abstract void OnLine(ReadOnlySpan<byte> line);

    protected void Send(ReadOnlyMemory<byte> bytes)
    {
        _output = bytes;
        Flush();
    }

    protected void Close()
    {
        _socket?.Dispose();
        _have = 0;
        _output = default;
        Finished = true;
    }

    private void TakeLines()
    {
        int at = 0;
        var owner = _socket;
        while (!Finished && ReferenceEquals(owner, _socket))
        {
            int end = _input.AsSpan(at, _have - at).IndexOf((byte)'\n');
            if (end < 0)
                break;
            var line = _input.AsSpan(at, end > 0 && _input[at + end - 1] == '\r' ? end - 1 : end);
            at += end + 1;
            OnLine(line);
        }
        if (Finished || !ReferenceEquals(owner, _socket))
            return;
        _input.AsSpan(at, _have - at).CopyTo(_input);
        _have -= at;
        if (_have == _input.Length)
            throw new IOException("a reply line without end");
    }

    private void Flush()
    {
        while (_output.Length > 0)
        {
            int sent = _socket!.Send(_output.Span, SocketFlags.None, out var error);
            if (error is SocketError.WouldBlock)
                return;
            if (error is not SocketError.Success)
                throw new IOException($"cannot send ({error})");
            _output = _output[sent..];
        }
    }
}
