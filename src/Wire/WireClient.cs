using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Posthorn.Wire;

/// <summary>How to reach a remote server.</summary>
public sealed record WireClientOptions
{
    /// <summary>For all addresses together (RFC 5321 §4.5.3.2 leaves it to TCP; two minutes hold a queue runner up too long).</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one address may keep the next one waiting (RFC 8305 §8).</summary>
    public TimeSpan AttemptDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Addresses to connect from, at most one of each family; a family that is not listed leaves it to the system.</summary>
    public IReadOnlyList<IPAddress> Sources { get; init; } = [];

    /// <summary>Through which every connection is made; null for straight.</summary>
    public SocksProxy? Socks { get; init; }

    public WireLimits Limits { get; init; } = new();
}

/// <summary>An open connection, or one line that says why there is none.</summary>
public readonly record struct ConnectOutcome(WireConnection? Connection, string? Failure);

/// <summary>Opens connections to other servers; what comes out is the same class as what comes in.</summary>
public sealed class WireClient : IDisposable
{
    private readonly TimeProvider _time;
    private readonly SocketConnectionContextFactory _factory;

    public WireClient(TimeProvider time)
    {
        _time = time;
        _factory = new SocketConnectionContextFactory(
            new SocketConnectionFactoryOptions { MaxReadBufferSize = 128 * 1024, MaxWriteBufferSize = 64 * 1024 }, NullLogger.Instance);
    }

    /// <summary>Connects to the first of the addresses that answers, starting a little apart in the order given (RFC 8305 §5).</summary>
    public async Task<ConnectOutcome> ConnectAsync(IReadOnlyList<IPEndPoint> endPoints, WireClientOptions options, CancellationToken ct = default)
    {
        if (endPoints.Count == 0) return new(null, "there is no address");
        using var deadline = new CancellationTokenSource(options.ConnectTimeout, _time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        var attempts = new List<Task<Socket>>();
        var failures = new List<string>();
        Socket? winner = null;
        var next = 0;
        while (winner is null && !over.IsCancellationRequested && (next < endPoints.Count || attempts.Count > 0))
        {
            if (next < endPoints.Count) attempts.Add(AttemptAsync(endPoints[next++], options, over.Token));
            winner = await FirstAsync(attempts, next < endPoints.Count ? options.AttemptDelay : Timeout.InfiniteTimeSpan, failures);
        }
        await over.CancelAsync();
        await Task.WhenAll(attempts.Select(CloseLateAsync)); // cancelled: at once
        if (winner is not null) return new(new WireConnection(_factory.Create(winner), options.Limits, _time, owned: true), null);
        ct.ThrowIfCancellationRequested();
        if (deadline.IsCancellationRequested) failures.Add($"no answer within {options.ConnectTimeout.TotalSeconds:0} s");
        return new(null, string.Join("; ", failures));
    }

    public void Dispose() => _factory.Dispose();

    private static async Task<Socket> AttemptAsync(IPEndPoint endPoint, WireClientOptions options, CancellationToken ct)
    {
        var first = options.Socks?.EndPoint ?? endPoint;
        var socket = new Socket(first.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            var source = options.Sources.FirstOrDefault(source => source.AddressFamily == first.AddressFamily);
            if (source is not null) socket.Bind(new IPEndPoint(source, 0));
            await socket.ConnectAsync(first, ct);
            if (options.Socks is { } socks) await socks.OpenAsync(socket, endPoint, ct);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"{first}: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Waits until an attempt succeeds, one fails (so that the next starts at once), or the delay is over.
    private async Task<Socket?> FirstAsync(List<Task<Socket>> attempts, TimeSpan delay, List<string> failures)
    {
        var any = Task.WhenAny(attempts);
        if (delay == Timeout.InfiniteTimeSpan) await any;
        else
        {
            try
            {
                await any.WaitAsync(delay, _time);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }
        var done = await any;
        attempts.Remove(done);
        try
        {
            return await done;
        }
        catch (IOException e)
        {
            failures.Add(e.Message);
        }
        catch (OperationCanceledException)
        {
            // The time for all of them is over.
        }
        return null;
    }

    private static async Task CloseLateAsync(Task<Socket> attempt)
    {
        try
        {
            (await attempt).Dispose();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It lost anyway.
        }
    }
}
