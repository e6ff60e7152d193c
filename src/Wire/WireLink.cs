using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Posthorn.Wire;

/// <summary>Two connected ends in memory: a whole dialogue, TLS included, without a socket.</summary>
public sealed class WireLink : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <param name="client">The address that the server sees; loopback when null.</param>
    /// <param name="pipeOctetsMax">What each of the two pipes of a direction holds before its writer has to wait, as a socket's
    /// buffers would.</param>
    public WireLink(WireLimits limits, TimeProvider time, IPEndPoint? client = null, int pipeOctetsMax = 32 * 1024)
    {
        var here = client ?? new IPEndPoint(IPAddress.Loopback, 40000);
        var there = new IPEndPoint(IPAddress.Loopback, 25);
        var server = new End(pipeOctetsMax, _stop.Token) { RemoteEndPoint = here, LocalEndPoint = there };
        var far = new End(pipeOctetsMax, CancellationToken.None) { RemoteEndPoint = there, LocalEndPoint = here };
        _ = server.PumpAsync(far);
        _ = far.PumpAsync(server);
        ServerContext = server;
        Server = new WireConnection(server, limits, time, owned: true);
        Client = new WireConnection(far, limits, time, owned: true);
    }

    public WireConnection Server { get; }

    public WireConnection Client { get; }

    internal ConnectionContext ServerContext { get; }

    /// <summary>What the server's end sees when the program is asked to stop.</summary>
    public void Stop() => _stop.Cancel();

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        _stop.Dispose();
    }

    // One end, with the two pipes that a socket transport would have; PumpAsync is the wire.
    private sealed class End : ConnectionContext, IDuplexPipe, IConnectionLifetimeNotificationFeature
    {
        private readonly Pipe _received;
        private readonly Pipe _toSend;
        [SuppressMessage("Usage", "CA2213", Justification = "It has no timer, and an abort from another thread may come after the disposal.")]
        private readonly CancellationTokenSource _closed = new();
        private volatile bool _aborted;

        public End(int pipeOctetsMax, CancellationToken stop)
        {
            var options = new PipeOptions(
                pauseWriterThreshold: pipeOctetsMax, resumeWriterThreshold: pipeOctetsMax / 2, useSynchronizationContext: false);
            (_received, _toSend, ConnectionClosedRequested) = (new Pipe(options), new Pipe(options), stop);
            Transport = this;
            ConnectionClosed = _closed.Token;
            Features.Set<IConnectionLifetimeNotificationFeature>(this);
        }

        public PipeReader Input => _received.Reader;

        public PipeWriter Output => _toSend.Writer;

        public override string ConnectionId { get; set; } = "";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

        public override IDuplexPipe Transport { get; set; }

        public CancellationToken ConnectionClosedRequested { get; set; }

        public void RequestClose() => Abort();

        public override void Abort(ConnectionAbortedException abortReason)
        {
            _aborted = true;
            _toSend.Reader.CancelPendingRead();
            _received.Writer.CancelPendingFlush();
            _received.Writer.Complete(abortReason);
            _closed.Cancel();
            _toSend.Writer.CancelPendingFlush(); // as a socket that is closed releases its writer
        }

        public async Task PumpAsync(End other)
        {
            while (true)
            {
                var read = await _toSend.Reader.ReadAsync();
                var ended = read.IsCompleted || _aborted || other._aborted;
                if (!_aborted && !other._aborted)
                {
                    foreach (var piece in read.Buffer) ended |= (await other._received.Writer.WriteAsync(piece)).IsCompleted;
                }
                _toSend.Reader.AdvanceTo(read.Buffer.End);
                if (ended) break;
            }
            await _toSend.Reader.CompleteAsync();
            if (!other._aborted) await other._received.Writer.CompleteAsync();
        }

        public override async ValueTask DisposeAsync()
        {
            await _closed.CancelAsync();
            await base.DisposeAsync();
        }
    }
}
