using System.Buffers.Binary;
using System.Net.Sockets;

namespace Posthorn.Delivery;

/// <summary>What a filter wants to know, and whether it answers: SMFIP_ of the milter protocol.</summary>
[Flags]
internal enum MilterSteps : uint
{
    None = 0,
    NoConnect = 0x1,
    NoHelo = 0x2,
    NoMail = 0x4,
    NoRcpt = 0x8,
    NoBody = 0x10,
    NoHeaders = 0x20,
    NoEndOfHeaders = 0x40,
    NoReplyHeader = 0x80,
    NoUnknown = 0x100,
    NoData = 0x200,
    Skip = 0x400,
    NoReplyConnect = 0x1000,
    NoReplyHelo = 0x2000,
    NoReplyMail = 0x4000,
    NoReplyRcpt = 0x8000,
    NoReplyData = 0x10000,
    NoReplyEndOfHeaders = 0x40000,
    NoReplyBody = 0x80000,

    /// <summary>Header values keep the space behind the colon.</summary>
    HeaderLeadingSpace = 0x100000,

    Offered = 0x1FF6FF,
}

/// <summary>One connection to a milter: packets of four octets of length, a letter and data.</summary>
internal sealed class MilterConnection : IDisposable
{
    /// <summary>The version that libmilter has spoken since Sendmail 8.14.</summary>
    private const uint Version = 6;

    /// <summary>Add and change header fields, change the body, quarantine: what we let a filter do.</summary>
    private const uint Actions = 0x1 | 0x2 | 0x10 | 0x20;

    private readonly NetworkStream _stream;
    private readonly MilterSettings _settings;
    private readonly TimeProvider _time;

    private MilterConnection(Socket socket, MilterSettings settings, TimeProvider time) =>
        (_stream, _settings, _time) = (new NetworkStream(socket, ownsSocket: true), settings, time);

    public MilterSteps Steps { get; private set; }

    /// <exception cref="IOException">It does not listen, does not answer, or speaks something else.</exception>
    public static async ValueTask<MilterConnection> OpenAsync(MilterEndPoint milter, MilterSettings settings, TimeProvider time, CancellationToken ct)
    {
        var family = milter.EndPoint.AddressFamily;
        var socket = new Socket(family, SocketType.Stream, family == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            using var deadline = new CancellationTokenSource(settings.ConnectTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
            await socket.ConnectAsync(milter.EndPoint, either.Token);
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            socket.Dispose();
            throw new IOException($"the milter {milter} cannot be reached", e);
        }
        var connection = new MilterConnection(socket, settings, time);
        try
        {
            await connection.NegotiateAsync(ct);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public async ValueTask SendAsync(char command, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        var head = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(head, data.Length + 1);
        head[4] = (byte)command;
        await WithinAsync(_settings.ReplyTimeout, async token =>
        {
            await _stream.WriteAsync(head, token);
            await _stream.WriteAsync(data, token);
            return true;
        }, ct);
    }

    /// <summary>The next packet; "progress" only begins the wait anew.</summary>
    public async ValueTask<(char Command, byte[] Data)> ReceiveAsync(bool atEnd, CancellationToken ct)
    {
        while (true)
        {
            var packet = await WithinAsync(atEnd ? _settings.MessageTimeout : _settings.ReplyTimeout, ReadAsync, ct);
            if (packet.Command != 'p') return packet;
        }
    }

    public void Dispose() => _stream.Dispose();

    private async ValueTask NegotiateAsync(CancellationToken ct)
    {
        var offer = new byte[12];
        BinaryPrimitives.WriteUInt32BigEndian(offer, Version);
        BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(4), Actions);
        BinaryPrimitives.WriteUInt32BigEndian(offer.AsSpan(8), (uint)MilterSteps.Offered);
        await SendAsync('O', offer, ct);
        var (command, data) = await ReceiveAsync(false, ct);
        if (command != 'O' || data.Length < 12) throw new InvalidDataException("the milter does not negotiate");
        // Which actions it names says little: rspamd names all that there are. What was not offered is no answer when it comes.
        Steps = (MilterSteps)BinaryPrimitives.ReadUInt32BigEndian(data.AsSpan(8)) & MilterSteps.Offered;
    }

    private async ValueTask<(char Command, byte[] Data)> ReadAsync(CancellationToken ct)
    {
        var head = new byte[5];
        await _stream.ReadExactlyAsync(head, ct);
        var length = BinaryPrimitives.ReadInt32BigEndian(head) - 1;
        if (length is < 0 or > DeliveryLimits.MilterPacketOctetsMax) throw new InvalidDataException("the milter sent a packet that is too long");
        var data = new byte[length];
        await _stream.ReadExactlyAsync(data, ct);
        return ((char)head[4], data);
    }

    private async ValueTask<T> WithinAsync<T>(TimeSpan timeout, Func<CancellationToken, ValueTask<T>> work, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            return await work(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new IOException("the milter did not answer in time");
        }
    }
}
