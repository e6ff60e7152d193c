using System.Net;
using System.Security.Cryptography;
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
    /// <param name="tls">What the session must prove; its host is also for SNI and the reports.</param>
    public async ValueTask<Dialled> OpenAsync(NextHop hop, HostTls tls, IReadOnlyList<IPAddress> addresses, CancellationToken ct)
    {
        var (host, port) = (tls.Host, hop.Port > 0 ? hop.Port : settings.Port);
        var endPoints = addresses.Select(address => new IPEndPoint(address, port)).ToArray();
        var (dialled, failure) = await OpenAsync(hop, tls, endPoints, tls.Level > TlsLevel.None && hop.Security != HopSecurity.None, ct);
        if (failure is null) return dialled;
        OutboundLog.TlsFailed(log, host, failure.Reason);
        var told = tls.SessionOf(failure, dialled.Tls?.Receiving);
        // RFC 7672 §2.2, RFC 8461 §5: with another server it may work, and later it may here.
        if (hop.Security == HopSecurity.Tls || IsGuarded(hop) || tls.IsMandatory)
            return new(null, OutboundVerdict.Later("4.7.5", "TLS: " + failure.Reason, host), told);
        // RFC 7435 §3: opportunistic. A server whose TLS is broken gets in the clear what it would have got without offering it.
        return (await OpenAsync(hop, tls, endPoints, secure: false, ct)).Dialled with { Tls = told };
    }

    private async ValueTask<(Dialled Dialled, CertificateFault? TlsFailure)> OpenAsync(
        NextHop hop, HostTls tls, IPEndPoint[] endPoints, bool secure, CancellationToken ct)
    {
        var host = tls.Host;
        var sources = hop.Sources.Count > 0 ? hop.Sources : settings.Sources;
        var options = new WireClientOptions { Sources = Shuffled(sources), Limits = Limits, Socks = hop.Socks };
        var (connection, failure) = await wire.ConnectAsync(endPoints, options, ct);
        if (connection is null) return (new(null, OutboundVerdict.Later("4.4.1", failure ?? "no connection", host)), null);
        var session = new SmtpSession(connection, host, hop) { TlsKey = tls.Key };
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
        var hop = session.Hop;
        if (hop.Security == HopSecurity.Tls && await session.Connection.UpgradeToTlsAsync(Client(session, check), ct) is { Ok: false } failed)
        {
            session.Lost("TLS failed");
            return (null, Fault(check, failed.Failure));
        }
        var greeting = await session.ReadReplyAsync(OutboundLimits.GreetingTimeout, ct);
        if (!greeting.IsPositive) return (OutboundVerdict.Of(greeting, session.Host, Reach.Session), null);
        var hello = await session.HelloAsync(settings.Hostname, ct);
        if (!hello.IsPositive) return (OutboundVerdict.Of(hello, session.Host, Reach.Session), null);
        if (secure && !session.Connection.IsTls && session.Offers("STARTTLS"))
        {
            // RFC 3207 §4
            var goAhead = await session.AskAsync("STARTTLS", OutboundLimits.HelloTimeout, ct);
            if (goAhead.IsLost) return (null, Fault(check, goAhead.Text));
            if (goAhead.IsPositive)
            {
                var outcome = await session.Connection.UpgradeToTlsAsync(Client(session, check), ct);
                if (!outcome.Ok)
                {
                    session.Lost("TLS failed");
                    return (null, Fault(check, outcome.Failure));
                }
                hello = await session.HelloAsync(settings.Hostname, ct);
                if (!hello.IsPositive) return (OutboundVerdict.Of(hello, session.Host, Reach.Session), null);
            }
        }
        if (tls.IsMandatory && !session.Connection.IsTls) return (null, NotOffered);
        return hop.Login is { } login ? (await LogInAsync(session, login, ct), null) : (null, null);
    }

    private static CertificateFault Fault(CertificateCheck check, string? reason) =>
        check.Fault ?? new CertificateFault("validation-failure", reason ?? "TLS failed");

    // A relay's certificate is the system's to judge; every other server's is what its policy says.
    private static TlsClient Client(SmtpSession session, CertificateCheck check) =>
        IsGuarded(session.Hop) ? new TlsClient(session.Host) : new TlsClient(session.Host, check.Accept);

    /// <summary>TLS must work, with a valid certificate: a password goes over it.</summary>
    private static bool IsGuarded(NextHop hop) => hop.Login is not null;

    private static async ValueTask<OutboundVerdict?> LogInAsync(SmtpSession session, string login, CancellationToken ct)
    {
        var password = session.Hop.PasswordAsync is { } open ? await open(ct) : [];
        try
        {
            return await SmtpLogin.RunAsync(session, login, password, ct);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(password);
        }
    }

    // A pool of addresses is used evenly.
    private static IReadOnlyList<IPAddress> Shuffled(IReadOnlyList<IPAddress> sources)
    {
        if (sources.Count < 2) return sources;
        var shuffled = sources.ToArray();
        Random.Shared.Shuffle(shuffled);
        return shuffled;
    }
}
