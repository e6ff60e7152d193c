using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Wire;

namespace Posthorn.Delivery;

/// <summary>An open session, or why there is none.</summary>
internal readonly record struct Dialled(SmtpSession? Session, OutboundVerdict? Verdict);

/// <summary>Opens sessions: connection, greeting, EHLO, TLS, log-in.</summary>
internal sealed class SmtpDialer(DeliverySettings settings, WireClient wire, ILogger log)
{
    private readonly Relay? _relay = settings.Relay;

    /// <summary>TLS must work, with a valid certificate: a password goes over it.</summary>
    private bool Guarded => _relay?.Login is not null;

    /// <param name="host">For SNI, the certificate and the reports.</param>
    public async ValueTask<Dialled> OpenAsync(string host, IReadOnlyList<IPAddress> addresses, CancellationToken ct)
    {
        var port = _relay?.Port ?? settings.Port;
        var endPoints = addresses.Select(address => new IPEndPoint(address, port)).ToArray();
        var (dialled, tlsFailure) = await OpenAsync(host, endPoints, tls: true, ct);
        if (tlsFailure is null) return dialled;
        OutboundLog.TlsFailed(log, host, tlsFailure);
        if (_relay is { ImplicitTls: true } || Guarded) return new(null, OutboundVerdict.Later("4.7.5", "TLS: " + tlsFailure, host));
        // RFC 7435 §3: opportunistic. A server whose TLS is broken gets in the clear what it would have got without offering it.
        return (await OpenAsync(host, endPoints, tls: false, ct)).Dialled;
    }

    private async ValueTask<(Dialled Dialled, string? TlsFailure)> OpenAsync(string host, IPEndPoint[] endPoints, bool tls, CancellationToken ct)
    {
        var options = new WireClientOptions { Sources = settings.Sources, Limits = Limits };
        var (connection, failure) = await wire.ConnectAsync(endPoints, options, ct);
        if (connection is null) return (new(null, OutboundVerdict.Later("4.4.1", failure ?? "no connection", host)), null);
        var session = new SmtpSession(connection, host);
        var ended = false;
        try
        {
            var (verdict, tlsFailure) = await ShakeHandsAsync(session, tls, ct);
            ended = true;
            if (verdict is not null || tlsFailure is not null)
            {
                await session.DisposeAsync();
                return (new(null, verdict), tlsFailure);
            }
            OutboundLog.Opened(log, host, connection.Remote, connection.Tls?.Protocol ?? "no TLS");
            return (new(session, null), null);
        }
        finally
        {
            if (!ended) await session.AbandonAsync("the attempt was broken off");
        }
    }

    private static WireLimits Limits => new()
    {
        LineOctetsMax = OutboundLimits.ReplyLineOctetsMax,
        DiscardOctetsMax = OutboundLimits.ReplyDiscardOctetsMax,
        BareLfEndsLine = true, // a reply ends nothing but itself, so we can be liberal
        WriteTimeout = OutboundLimits.BlockTimeout,
        HandshakeTimeout = OutboundLimits.HandshakeTimeout,
    };

    private async ValueTask<(OutboundVerdict? Verdict, string? TlsFailure)> ShakeHandsAsync(SmtpSession session, bool tls, CancellationToken ct)
    {
        if (_relay is { ImplicitTls: true } && await session.Connection.UpgradeToTlsAsync(Client(session.Host), ct) is { Ok: false } failed)
        {
            session.Lost("TLS failed");
            return (null, failed.Failure);
        }
        var greeting = await session.ReadReplyAsync(OutboundLimits.GreetingTimeout, ct);
        if (!greeting.IsPositive) return (OutboundVerdict.Of(greeting, session.Host), null);
        var hello = await session.HelloAsync(settings.Hostname, ct);
        if (!hello.IsPositive) return (OutboundVerdict.Of(hello, session.Host), null);
        if (tls && !session.Connection.IsTls && session.Offers("STARTTLS"))
        {
            // RFC 3207 §4
            var goAhead = await session.AskAsync("STARTTLS", OutboundLimits.HelloTimeout, ct);
            if (goAhead.IsLost) return (null, goAhead.Text);
            if (goAhead.IsPositive)
            {
                var outcome = await session.Connection.UpgradeToTlsAsync(Client(session.Host), ct);
                if (!outcome.Ok)
                {
                    session.Lost("TLS failed");
                    return (null, outcome.Failure);
                }
                hello = await session.HelloAsync(settings.Hostname, ct);
                if (!hello.IsPositive) return (OutboundVerdict.Of(hello, session.Host), null);
            }
        }
        return _relay?.Login is { } login ? (await LogInAsync(session, login, _relay.Password, ct), null) : (null, null);
    }

    [SuppressMessage(
        "Security", "CA5359", Justification = "Opportunistic TLS (RFC 7435): between servers nobody knows what the certificate should say.")]
    private TlsClient Client(string host) => Guarded ? new TlsClient(host) : new TlsClient(host, static (_, _, _, _) => true);

    // A log-in that fails is the operator's to repair, so mail waits for it and does not bounce, whatever the relay says.
    private static async ValueTask<OutboundVerdict?> LogInAsync(
        SmtpSession session, string login, ReadOnlyMemory<byte> password, CancellationToken ct)
    {
        if (!session.Connection.IsTls)
        {
            return OutboundVerdict.Later("4.7.0", "the relay offers no TLS, so nobody logs in", session.Host);
        }
        var mechanisms = session.ParametersOf("AUTH").Split(' ');
        SmtpReply reply;
        if (mechanisms.Contains("PLAIN", StringComparer.OrdinalIgnoreCase))
        {
            reply = await SayAsync(session, "AUTH PLAIN ", [0, .. Encoding.UTF8.GetBytes(login), 0, .. password.Span], ct); // RFC 4616 §2
        }
        else if (mechanisms.Contains("LOGIN", StringComparer.OrdinalIgnoreCase))
        {
            reply = await session.AskAsync("AUTH LOGIN", OutboundLimits.HelloTimeout, ct);
            if (reply.Code == 334) reply = await SayAsync(session, "", Encoding.UTF8.GetBytes(login), ct);
            if (reply.Code == 334) reply = await SayAsync(session, "", password.ToArray(), ct);
        }
        else
        {
            return OutboundVerdict.Later("4.7.4", "the relay offers neither AUTH PLAIN nor AUTH LOGIN", session.Host);
        }
        return reply.Code == 235 ? null : OutboundVerdict.Later("4.7.8", $"the log-in at the relay failed: {reply}", session.Host);
    }

    private static async ValueTask<SmtpReply> SayAsync(SmtpSession session, string command, byte[] secret, CancellationToken ct)
    {
        var writer = session.Connection.Write();
        writer.Text(command);
        writer.Base64(secret);
        writer.CrLf();
        writer.Commit();
        CryptographicOperations.ZeroMemory(secret);
        await session.FlushAsync(ct);
        return await session.ReadReplyAsync(OutboundLimits.HelloTimeout, ct);
    }
}
