using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Wire;

/// <summary>Where a speaker listens, and what stands between the socket and its first word.</summary>
public sealed record SpeakerOptions
{
    /// <summary>For logs and metrics: <c>smtp</c>, <c>submissions</c>, <c>imaps</c>.</summary>
    public required string Name { get; init; }

    public required IReadOnlyList<IPEndPoint> EndPoints { get; init; }

    /// <summary>Set for implicit TLS (RFC 8314): the handshake comes before anything is said.</summary>
    public TlsServer? ImplicitTls { get; init; }

    public WireLimits Limits { get; init; } = new();

    public ConnectionLimits Connections { get; init; } = new();

    /// <summary>Proxies that must send a PROXY header first; from everyone else it is taken for what it is, a wrong command.</summary>
    public NetworkSet TrustedProxies { get; init; } = NetworkSet.Empty;

    /// <summary>Who is not served at all; asked once for each connection, and answered from memory.</summary>
    public Func<IPAddress, bool> IsBanned { get; init; } = static _ => false;

    /// <summary>The line for a client that finds no place, with its CRLF (<c>421 4.7.0 …</c>, <c>* BYE …</c>). Sent in the clear only.</summary>
    public ReadOnlyMemory<byte> Busy { get; init; }
}

/// <summary>One listener of one speaker on Kestrel: PROXY header, limits, TLS, the speaker's session, the end.</summary>
/// <remarks>
/// A place is taken before the TLS handshake, so that a flood of connections costs no handshakes. At a graceful stop Kestrel
/// stops accepting and each connection's <see cref="WireConnection.Stopping"/> is cancelled; what still runs after
/// <see cref="WireLimits.StopTimeout"/> is aborted.
/// </remarks>
public sealed class SpeakerListener(
    SpeakerOptions options, Func<WireConnection, Task> serve, TimeProvider time, ILogger<SpeakerListener> log)
{
    private readonly ConnectionLimiter _limiter = new(options.Connections);

    public string Name => options.Name;

    /// <summary>Connections now.</summary>
    public int ConnectionCount => _limiter.Count;

    /// <summary>What the pipes of every connection may hold: it bounds what a peer can make the server keep.</summary>
    public static void Tune(SocketTransportOptions transport)
    {
        transport.MaxReadBufferSize = 128 * 1024;
        transport.MaxWriteBufferSize = 64 * 1024;
        transport.WaitForDataBeforeAllocatingBuffer = true; // an idle connection holds no buffer
        transport.NoDelay = true;

        // What arrives is handled by the worker that received it, and a reply is sent by the one who wrote it: a turn of a dialogue costs
        // one wake-up of a thread, not three. Sockets themselves still complete on the pool, so that nobody holds up the others.
        transport.UnsafePreferInlineScheduling = true;
    }

    /// <summary>Adds this listener's endpoints to the server's.</summary>
    public void BindTo(KestrelServerOptions server)
    {
        foreach (var endPoint in WithoutOverlap(options.EndPoints)) server.Listen(endPoint, listen => listen.Run(ServeAsync));
    }

    /// <summary>Kestrel opens [::] for both families, so 0.0.0.0 on the same port would be taken already.</summary>
    public static IEnumerable<IPEndPoint> WithoutOverlap(IReadOnlyList<IPEndPoint> endPoints)
    {
        foreach (var endPoint in endPoints.Distinct())
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any) && !Socket.OSSupportsIPv6)
            {
                var any = new IPEndPoint(IPAddress.Any, endPoint.Port);
                if (!endPoints.Contains(any)) yield return any;
                continue;
            }
            var covered = endPoint.Address.Equals(IPAddress.Any) && endPoint.Port != 0 && Socket.OSSupportsIPv6
                && endPoints.Contains(new IPEndPoint(IPAddress.IPv6Any, endPoint.Port));
            if (!covered) yield return endPoint;
        }
    }

    internal async Task ServeAsync(ConnectionContext context)
    {
        if (!await ReadProxyHeaderAsync(context)) return;
        await using var connection = new WireConnection(context, options.Limits, time, owned: false);
        using var scope = log.BeginScope(connection.SessionId);
        var listener = new KeyValuePair<string, object?>("listener", options.Name);
        if (options.IsBanned(connection.Remote.Address))
        {
            // Not a word: whoever is banned is a program that would come again at once.
            Meters.Refused.Add(1, listener);
            Log.Banned(log, options.Name, connection.SessionId, connection.Remote);
            return;
        }
        using var place = _limiter.TryEnter(connection.Remote.Address);
        if (place is null)
        {
            Meters.Refused.Add(1, listener);
            Log.NoPlace(log, options.Name, connection.SessionId, connection.Remote);
            if (options.ImplicitTls is not null || options.Busy.IsEmpty) return;
            connection.Output.Write(options.Busy.Span);
            await connection.FlushAsync();
            return;
        }
        Meters.Accepted.Add(1, listener);
        Meters.Connections.Add(1, listener);
        Log.Accepted(log, options.Name, connection.SessionId, connection.Remote);
        await using var stop = StopTimer(connection);
        try
        {
            if (options.ImplicitTls is { } tls && await connection.UpgradeToTlsAsync(tls) is { Ok: false } outcome)
            {
                Log.HandshakeFailed(log, options.Name, connection.SessionId, connection.Remote, outcome.Failure);
                return;
            }
            await serve(connection);
        }
        catch (Exception e)
        {
            Log.SpeakerFailed(log, e, options.Name, connection.SessionId, connection.Remote);
            connection.Abort("the session failed");
        }
        finally
        {
            Meters.Connections.Add(-1, listener);
        }
        Log.Closed(log, options.Name, connection.SessionId, connection.Remote, connection.AbortReason ?? "done");
    }

    // Starts to run when the server stops.
    private ITimer StopTimer(WireConnection connection)
    {
        var timer = time.CreateTimer(
            static connection => ((WireConnection)connection!).Abort("the command under way took too long to stop"),
            connection, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        connection.Stopping.UnsafeRegister(_ => timer.Change(options.Limits.StopTimeout, Timeout.InfiniteTimeSpan), null);
        return timer;
    }

    // The specification: a receiver that expects the header must not guess whether there is one.
    private async Task<bool> ReadProxyHeaderAsync(ConnectionContext context)
    {
        if (context.RemoteEndPoint is not IPEndPoint proxy || !options.TrustedProxies.Contains(proxy.Address)) return true;
        using var deadline = new CancellationTokenSource(options.Limits.HandshakeTimeout, time);
        var input = context.Transport.Input;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(deadline.Token);
                var status = ProxyHeader.TryParse(read.Buffer, out var header);
                if (status == ProxyHeaderStatus.Complete)
                {
                    input.AdvanceTo(read.Buffer.GetPosition(header.Octets));
                    context.RemoteEndPoint = header.Source ?? context.RemoteEndPoint;
                    context.LocalEndPoint = header.Destination ?? context.LocalEndPoint;
                    return true;
                }
                input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                if (status == ProxyHeaderStatus.Invalid || read.IsCompleted) break;
            }
        }
        catch (Exception e) when (WireConnection.IsGone(e, CancellationToken.None))
        {
            // Too late or gone: closed below without a word.
        }
        Log.NoProxyHeader(log, options.Name, proxy);
        context.Abort();
        return false;
    }
}
