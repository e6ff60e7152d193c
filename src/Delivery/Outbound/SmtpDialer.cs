using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Trust;
using Posthorn.Wire;

namespace Posthorn.Delivery;

/// <summary>An open session, or why there is none.</summary>
/// <param name="Tls">How TLS went; null when it never came to that.</param>
internal readonly record struct Dialled(SmtpSession? Session, OutboundVerdict? Verdict, TlsSession? Tls = null);

/// <summary>Opens sessions: connection, greeting, EHLO, TLS, log-in.</summary>
internal sealed class SmtpDialer(DeliverySettings settings, WireClient wire, ILogger log)
{
    private readonly Relay? _relay = settings.Relay;

    /// <summary>TLS with the relay must work, with a valid certificate: a password goes over it.</summary>
    private bool Guarded => _relay?.Login is not null;

    /// <param name="tls">What the session must prove; its host is also for SNI and the reports.</param>
    public async ValueTask<Dialled> OpenAsync(HostTls tls, IReadOnlyList<IPAddress> addresses, CancellationToken ct)
    {
        var (host, port) = (tls.Host, _relay?.Port ?? settings.Port);
        var endPoints = addresses.Select(address => new IPEndPoint(address, port)).ToArray();
        var (dialled, failure) = await OpenAsync(tls, endPoints, secure: tls.Level > TlsLevel.None, ct);
        if (failure is null) return dialled;
        OutboundLog.TlsFailed(log, host, failure.Reason);
        var told = tls.SessionOf(failure, dialled.Tls?.Receiving);
        if (_relay is { ImplicitTls: true } || Guarded) return new(null, OutboundVerdict.Later("4.7.5", "TLS: " + failure.Reason, host), told);
        // RFC 7672 §2.2, RFC 8461 §5: with another server it may work, and later it may here.
        if (tls.IsMandatory) return new(null, OutboundVerdict.Later("4.7.5", "TLS: " + failure.Reason, host), told);
        // RFC 7435 §3: opportunistic. A server whose TLS is broken gets in the clear what it would have got without offering it.
        return (await OpenAsync(tls, endPoints, secure: false, ct)).Dialled with { Tls = told };
    }

    private async ValueTask<(Dialled Dialled, CertificateFault? TlsFailure)> OpenAsync(
        HostTls tls, IPEndPoint[] endPoints, bool secure, CancellationToken ct)
    {
        var host = tls.Host;
        var options = new WireClientOptions { Sources = settings.Sources, Limits = Limits };
        var (connection, failure) = await wire.ConnectAsync(endPoints, options, ct);
        if (connection is null) return (new(null, OutboundVerdict.Later("4.4.1", failure ?? "no connection", host)), null);
        var session = new SmtpSession(connection, host) { TlsKey = tls.Key };
        var ended = false;
        try
        {
            var check = tls.Check();
            var (verdict, tlsFailure) = await ShakeHandsAsync(session, tls, check, secure, ct);
            ended = true;
            var receiving = connection.Remote.Address.ToString();
            if (verdict is not null || tlsFailure is not null)
            {
                await session.DisposeAsync();
                return (new(null, verdict, tls.SessionOf(tlsFailure, receiving)), tlsFailure);
            }
            OutboundLog.Opened(log, host, connection.Remote, connection.Tls?.Protocol ?? "no TLS");
            var offered = connection.IsTls ? check.Fault : NotOffered;
            return (new(session, null, secure ? tls.SessionOf(offered, receiving) : null), null);
        }
        finally
        {
            if (!ended) await session.AbandonAsync("the attempt was broken off");
        }
    }

    private static CertificateFault NotOffered { get; } = new("starttls-not-supported", "the server offers no STARTTLS");

    private static WireLimits Limits => new()
    {
        LineOctetsMax = OutboundLimits.ReplyLineOctetsMax,
        DiscardOctetsMax = OutboundLimits.ReplyDiscardOctetsMax,
        BareLfEndsLine = true, // a reply ends nothing but itself, so we can be liberal
        WriteTimeout = OutboundLimits.BlockTimeout,
        HandshakeTimeout = OutboundLimits.HandshakeTimeout,
    };

    private async ValueTask<(OutboundVerdict? Verdict, CertificateFault? TlsFailure)> ShakeHandsAsync(
        SmtpSession session, HostTls tls, CertificateCheck check, bool secure, CancellationToken ct)
    {
        if (_relay is { ImplicitTls: true } && await session.Connection.UpgradeToTlsAsync(Client(session.Host, check), ct) is { Ok: false } failed)
        {
            session.Lost("TLS failed");
            return (null, Fault(check, failed.Failure));
        }
        var greeting = await session.ReadReplyAsync(OutboundLimits.GreetingTimeout, ct);
        if (!greeting.IsPositive) return (OutboundVerdict.Of(greeting, session.Host), null);
        var hello = await session.HelloAsync(settings.Hostname, ct);
        if (!hello.IsPositive) return (OutboundVerdict.Of(hello, session.Host), null);
        if (secure && !session.Connection.IsTls && session.Offers("STARTTLS"))
        {
            // RFC 3207 §4
            var goAhead = await session.AskAsync("STARTTLS", OutboundLimits.HelloTimeout, ct);
            if (goAhead.IsLost) return (null, Fault(check, goAhead.Text));
            if (goAhead.IsPositive)
            {
                var outcome = await session.Connection.UpgradeToTlsAsync(Client(session.Host, check), ct);
                if (!outcome.Ok)
                {
                    session.Lost("TLS failed");
                    return (null, Fault(check, outcome.Failure));
                }
                hello = await session.HelloAsync(settings.Hostname, ct);
                if (!hello.IsPositive) return (OutboundVerdict.Of(hello, session.Host), null);
            }
        }
        if (tls.IsMandatory && !session.Connection.IsTls) return (null, NotOffered);
        return _relay?.Login is { } login ? (await LogInAsync(session, login, _relay.Password, ct), null) : (null, null);
    }

    private static CertificateFault Fault(CertificateCheck check, string? reason) =>
        check.Fault ?? new CertificateFault("validation-failure", reason ?? "TLS failed");

    // The relay's certificate is the system's to judge; every other server's is what its policy says.
    private TlsClient Client(string host, CertificateCheck check) => Guarded ? new TlsClient(host) : new TlsClient(host, check.Accept);

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
