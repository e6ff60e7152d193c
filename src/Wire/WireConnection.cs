using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Posthorn.Core;

namespace Posthorn.Wire;

// Wire is what every speaker stands on: a connection, its lines and bodies, TLS, and the limits that keep a slow, dead or
// hostile peer cheap. It owns the transport's pipes from accept to close, and knows no protocol.
//
// Invariants. Memory that a peer can fill is bounded: by the transport's pipes (SpeakerListener.Tune), by LineOctetsMax, by the
// caller's own writes between two flushes. Every wait for a peer ends: each has a named limit in WireLimits. An idle connection
// holds no buffer: reads are zero-byte reads until there is data, and what is consumed goes back before the next wait.
// No octet that came before a TLS handshake is read after it. A peer that leaves is a status, not an exception.
//
// Locks: Deadline's and ConnectionLimiter's, held for a few instructions and never across an await. One task reads and one
// task writes at a time; they may be two (IDLE). Abort may come from anywhere.
//
// Wire must never parse a command, know an account, or decide what a protocol answers.

/// <summary>One connection, accepted or opened, in the clear or in TLS, from its first octet to its last.</summary>
public sealed class WireConnection : IAsyncDisposable
{
    private readonly ConnectionContext _context;
    private readonly Deadline _writeDeadline;
    private readonly bool _owned;
    private readonly CancellationTokenSource _stopping;
    private SslStream? _tls;
    private DeflateLayer? _deflate;
    private byte[]? _serverEndPoint;
    private string? _abortReason;
    private bool _disposed;

    /// <param name="owned">True when nobody else disposes of the context: an outbound or in-memory connection.</param>
    internal WireConnection(ConnectionContext context, WireLimits limits, TimeProvider time, bool owned)
    {
        _context = context;
        _owned = owned;
        Limits = limits;
        Time = time;
        Remote = EndPointOf(context.RemoteEndPoint);
        Local = EndPointOf(context.LocalEndPoint);
        Input = context.Transport.Input;
        Output = context.Transport.Output;
        var server = context.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(server);
        Stopping = _stopping.Token;
        _writeDeadline = new Deadline(time, () => Abort("the peer does not read"));
        Reader = new CommandReader(this);
    }

    /// <summary>Eight characters, in every log line of this connection.</summary>
    public string SessionId { get; } = Wire.SessionId.Next();

    /// <summary>The client's address as the PROXY header or the socket gave it; IPv4 is never written as IPv6.</summary>
    public IPEndPoint Remote { get; }

    public IPEndPoint Local { get; }

    /// <summary>What the peer sends. Lines and bodies are read through <see cref="Reader"/>, not here.</summary>
    public PipeReader Input { get; private set; }

    /// <summary>What goes to the peer. It grows until <see cref="FlushAsync"/>, so flush at least every <see cref="FlushOctets"/>.</summary>
    public PipeWriter Output { get; private set; }

    public CommandReader Reader { get; }

    /// <summary>In force from the next wait on; a speaker raises them when somebody has logged in.</summary>
    public WireLimits Limits { get; set; }

    /// <summary>What was negotiated; null in the clear.</summary>
    public TlsDetails? Tls { get; private set; }

    public bool IsTls => Tls is not null;

    /// <summary>Both directions are compressed.</summary>
    public bool IsCompressed => _deflate is not null;

    /// <summary>On the server's side, the hash of the certificate that was shown: tls-server-end-point (RFC 5929 §4.1). Empty without TLS, or
    /// when the certificate's signature has no hash function of its own.</summary>
    public ReadOnlyMemory<byte> ServerEndPoint => _serverEndPoint ??= ServerEndPointOf(_tls?.LocalCertificate);

    /// <summary>On the server's side, the e-mail address in a client certificate that an authority vouches for; null without one.</summary>
    public string? ClientCertificateAddress { get; private set; }

    public TimeProvider Time { get; }

    /// <summary>Cancelled when the connection is over, whoever ended it.</summary>
    public CancellationToken Closed => _context.ConnectionClosed;

    /// <summary>
    /// Cancelled when the server stops, or <see cref="Stop"/> was called: finish the command under way, say goodbye, return. Reading a line answers
    /// it with a status.
    /// </summary>
    public CancellationToken Stopping { get; }

    /// <summary>Why this connection alone stops; null when the server does.</summary>
    public string? StopReason { get; private set; }

    /// <summary>Ends this connection as the end of the server would. Safe from any thread, also when it is over already.</summary>
    /// <param name="reason">For the peer, in one line.</param>
    public void Stop(string reason)
    {
        StopReason = reason;
        try
        {
            _stopping.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It is over already.
        }
    }

    /// <summary>How much may stand in <see cref="Output"/> unsent before a speaker that writes much should flush.</summary>
    public const int FlushOctets = 32 * 1024;

    /// <summary>Writes protocol text into <see cref="Output"/>; commit it, then flush.</summary>
    public WireWriter Write() => new(Output);

    /// <summary>
    /// Sends what was written. False when the peer is gone or did not read for <see cref="WireLimits.WriteTimeout"/>: stop
    /// writing and return.
    /// </summary>
    public ValueTask<bool> FlushAsync(CancellationToken ct = default)
    {
        if (Closed.IsCancellationRequested) return new(false);
        ValueTask<FlushResult> pending;
        try
        {
            pending = Output.FlushAsync(ct);
            if (pending.IsCompletedSuccessfully) return new(!pending.Result.IsCompleted);
        }
        catch (Exception e) when (IsGone(e, ct))
        {
            return new(false);
        }
        return AwaitFlushAsync(pending, ct);
    }

    /// <summary>Flushes when <see cref="FlushOctets"/> have gathered; for handlers that write long replies.</summary>
    public ValueTask<bool> FlushWhenFullAsync(CancellationToken ct = default) =>
        Output.UnflushedBytes >= FlushOctets ? FlushAsync(ct) : new(!Closed.IsCancellationRequested);

    /// <summary>
    /// Goes over to TLS as the server: forgets what has arrived, says <paramref name="goAhead"/>, shakes hands (RFC 3207,
    /// RFC 9051 §6.2.1, RFC 2595 §4).
    /// </summary>
    /// <param name="goAhead">The reply to STARTTLS with its CRLF; empty for implicit TLS. It is sent here and not before, because whatever has
    /// arrived by then was sent in the clear and is dropped: nobody can slip commands in ahead of the handshake.</param>
    /// <remarks>The speaker forgets what the client said before (RFC 3207 §4.2). After a failure the connection is gone.</remarks>
    public async ValueTask<TlsOutcome> UpgradeToTlsAsync(TlsServer server, ReadOnlyMemory<byte> goAhead = default, CancellationToken ct = default)
    {
        string? name = null;
        if (!goAhead.IsEmpty)
        {
            Reader.DropArrived();
            Output.Write(goAhead.Span);
            if (!await FlushAsync(ct)) return new(null, "the peer is gone");
        }
        return await HandshakeAsync(
            async (stream, token) =>
            {
                await stream.AuthenticateAsServerAsync(
                    (_, hello, _, _) => new(server.Choose(name = hello.ServerName)), null, token);
                if (stream.RemoteCertificate is X509Certificate2 client && server.Trusts(client))
                {
                    var address = client.GetNameInfo(X509NameType.EmailName, forIssuer: false);
                    ClientCertificateAddress = address.Length > 0 ? address : null;
                }
                return TlsDetails.Of(stream, name, SslPolicyErrors.None);
            },
            ct);
    }

    /// <summary>Goes over to TLS as the client, after the server's go-ahead was read; whatever came with it is forgotten.</summary>
    public ValueTask<TlsOutcome> UpgradeToTlsAsync(TlsClient client, CancellationToken ct = default)
    {
        Reader.DropArrived();
        var faults = SslPolicyErrors.None;
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = client.ServerName,
            EnabledSslProtocols = TlsDetails.Allowed,
            AllowRenegotiation = false,
            ClientCertificates = client.Certificate is { } own ? [own] : null,
            RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
            {
                faults = errors;
                return client.Accept?.Invoke(sender, certificate, chain, errors) ?? errors == SslPolicyErrors.None;
            },
        };
        return HandshakeAsync(
            async (stream, token) =>
            {
                await stream.AuthenticateAsClientAsync(options, token);
                return TlsDetails.Of(stream, client.ServerName, faults);
            },
            ct);
    }

    /// <summary>Says <paramref name="goAhead"/> and compresses from there on, both ways and inside of TLS (RFC 4978 §3).</summary>
    /// <remarks>The client may send nothing before the go-ahead: what has arrived by then is dropped. False when the peer is gone.</remarks>
    public async ValueTask<bool> UpgradeToDeflateAsync(ReadOnlyMemory<byte> goAhead, CancellationToken ct = default)
    {
        if (_deflate is not null) throw new InvalidOperationException("the connection is compressed already");
        Reader.DropArrived();
        Output.Write(goAhead.Span);
        if (!await FlushAsync(ct)) return false;
        if (_tls is not null)
        {
            await Input.CompleteAsync();
            await Output.CompleteAsync();
        }
        _deflate = new DeflateLayer(_tls is not null ? _tls : new DuplexStream(_context.Transport));
        (Input, Output) = (_deflate.Input, _deflate.Output);
        return true;
    }

    /// <summary>Ends the connection at once. Waits under way end as the peer's leaving would end them.</summary>
    public void Abort(string reason)
    {
        Interlocked.CompareExchange(ref _abortReason, reason, null);
        _context.Abort(new ConnectionAbortedException(reason));
    }

    /// <summary>Why <see cref="Abort"/> was called, for the log; null when it was not.</summary>
    public string? AbortReason => Volatile.Read(ref _abortReason);

    /// <summary>Sends what is left and TLS's close_notify, within <see cref="WireLimits.LingerTimeout"/>, and gives the transport back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        Limits = Limits with { WriteTimeout = Limits.LingerTimeout };
        var sent = await FlushAsync();
        Reader.Dispose();
        _stopping.Dispose();
        if (_deflate is not null) await _deflate.DisposeAsync();
        if (_tls is not null)
        {
            if (sent) await CloseNotifyAsync(_tls);
            await Input.CompleteAsync();
            await Output.CompleteAsync();
            await _tls.DisposeAsync();
        }
        _writeDeadline.Dispose();
        LetGo();
        if (_owned) await _context.DisposeAsync();
    }

    /// <summary>A peer that is gone, reset the connection, broke TLS or the compression, or was aborted by us.</summary>
    internal static bool IsGone(Exception e, CancellationToken ct) =>
        e is IOException or InvalidDataException or SocketException or ObjectDisposedException
        || (e is OperationCanceledException && !ct.IsCancellationRequested);

    // RFC 5929 §4.1: the hash of the certificate's own signature, with SHA-256 in the place of what is too weak.
    private static byte[] ServerEndPointOf(X509Certificate? certificate) => certificate is not X509Certificate2 shown ? []
        : shown.SignatureAlgorithm.Value switch
        {
            "1.2.840.113549.1.1.4" or "1.2.840.113549.1.1.5" or "1.2.840.113549.1.1.11" or "1.2.840.10045.4.1" or "1.2.840.10045.4.3.2"
                => SHA256.HashData(shown.RawDataMemory.Span),
            "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => SHA384.HashData(shown.RawDataMemory.Span),
            "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => SHA512.HashData(shown.RawDataMemory.Span),
            _ => [],
        };

    private static IPEndPoint EndPointOf(EndPoint? endPoint) => endPoint is IPEndPoint ip
        ? new IPEndPoint(ip.Address.Unmapped(), ip.Port)
        : new IPEndPoint(IPAddress.None, 0);

    private async ValueTask<bool> AwaitFlushAsync(ValueTask<FlushResult> pending, CancellationToken ct)
    {
        _writeDeadline.Arm(Limits.WriteTimeout);
        try
        {
            return !(await pending).IsCompleted && !Closed.IsCancellationRequested;
        }
        catch (Exception e) when (IsGone(e, ct))
        {
            return false;
        }
        finally
        {
            _writeDeadline.Disarm();
        }
    }

    private async ValueTask<TlsOutcome> HandshakeAsync(Func<SslStream, CancellationToken, Task<TlsDetails>> shake, CancellationToken ct)
    {
        if (_tls is not null) throw new InvalidOperationException("the connection is in TLS already");
        using var deadline = new CancellationTokenSource(Limits.HandshakeTimeout, Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, Closed, ct);
        var stream = new SslStream(new DuplexStream(_context.Transport), leaveInnerStreamOpen: true);
        string failure;
        try
        {
            var details = await shake(stream, either.Token);
            _tls = stream;
            // Zero-byte reads: no buffer stands by while nothing comes.
            Input = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 16 * 1024, leaveOpen: true, useZeroByteReads: true));
            Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
            Tls = details;
            _serverEndPoint = null;
            return new(details, null);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            failure = deadline.IsCancellationRequested ? "the handshake took too long" : "the peer left during the handshake";
        }
        catch (Exception e) when (e is AuthenticationException or IOException or InvalidOperationException or NotSupportedException)
        {
            failure = OneLine(e);
        }
        await stream.DisposeAsync();
        Abort("TLS handshake failed");
        return new(null, failure);
    }

    private async Task CloseNotifyAsync(SslStream stream)
    {
        _writeDeadline.Arm(Limits.LingerTimeout);
        try
        {
            await stream.ShutdownAsync(); // RFC 8446 §6.1
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The peer left first.
        }
        finally
        {
            _writeDeadline.Disarm();
        }
    }

    // The transport sends what it still holds after its pipes are completed; a peer that does not read may not keep the socket for that.
    private void LetGo()
    {
        var context = _context;
        var guard = Time.CreateTimer(
            static context => ((ConnectionContext)context!).Abort(new ConnectionAbortedException("the last bytes did not leave in time")),
            context, Limits.LingerTimeout, Timeout.InfiniteTimeSpan);
        context.ConnectionClosed.UnsafeRegister(static guard => ((ITimer)guard!).Dispose(), guard);
        context.Transport.Output.Complete();
        context.Transport.Input.Complete();
    }

    // OpenSSL's reasons stand in the innermost exception.
    private static string OneLine(Exception e)
    {
        while (e.InnerException is not null) e = e.InnerException;
        return e.Message.ReplaceLineEndings(" ");
    }
}
