using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Server;

/// <summary>The listeners of HTTP and HTTPS: limits on connections, TLS with everybody's certificate, the client's address behind a proxy.</summary>
internal sealed class WebListeners(ServerConfig config, ServedCertificate certificate, ILogger log)
{
    /// <summary>Longest body of a request, in octets: the API takes small JSON only.</summary>
    public const int BodyOctetsMax = 1024 * 1024;

    private readonly ConnectionLimiter _http = new(MailListeners.ConnectionLimitsOf(config));
    private readonly ConnectionLimiter _https = new(MailListeners.ConnectionLimitsOf(config));
    private SslServerAuthenticationOptions? _options;

    public void BindTo(KestrelServerOptions server)
    {
        server.AddServerHeader = false;
        server.Limits.MaxRequestBodySize = BodyOctetsMax;
        foreach (var endPoint in SpeakerListener.WithoutOverlap(Ports.EndPoints(config, Ports.Http)))
        {
            server.Listen(endPoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                Limit(listen, "http", _http);
            });
        }
        foreach (var endPoint in SpeakerListener.WithoutOverlap(Ports.EndPoints(config, Ports.Https)))
        {
            server.Listen(endPoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                Limit(listen, "https", _https);
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => new(Options()) });
            });
        }
    }

    /// <summary>Puts the client's address in place of the proxy's, for requests from the proxies that are trusted.</summary>
    public void TrustProxies(IApplicationBuilder app)
    {
        if (config.HttpProxies.IsEmpty) return;
        app.Use(next => context =>
        {
            var proxy = context.Connection.RemoteIpAddress;
            context.Connection.RemoteIpAddress = ClientOf(
                proxy, context.Request.Headers[config.HttpClientHeader].ToString(), config.HttpProxies);
            if (proxy is not null && config.HttpProxies.Contains(proxy)) TakeOrigin(context.Request);
            return next(context);
        });
    }

    // How the client reached the proxy, so that URLs lead back there.
    private static void TakeOrigin(HttpRequest request)
    {
        if (request.Headers["X-Forwarded-Proto"].ToString() is var scheme && (scheme is "https" or "http")) request.Scheme = scheme;
        var host = new HostString(request.Headers["X-Forwarded-Host"].ToString().Split(',')[0].Trim());
        if (host.HasValue && Uri.CheckHostName(host.Host.Trim('[', ']')) != UriHostNameType.Unknown) request.Host = host;
    }

    /// <summary>Each proxy appends whom it saw, so the list is true from its end as far as the proxies are ours.</summary>
    internal static IPAddress? ClientOf(IPAddress? peer, string forwarded, NetworkSet proxies)
    {
        var client = peer;
        foreach (var text in forwarded.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            if (client is null || !proxies.Contains(client) || !IPAddress.TryParse(text, out var before)) break;
            client = before;
        }
        return client;
    }

    private void Limit(ListenOptions listen, string service, ConnectionLimiter limiter)
    {
        listen.Use(next => async connection =>
        {
            var address = (connection.RemoteEndPoint as IPEndPoint)?.Address ?? IPAddress.None;
            using var place = limiter.TryEnter(address);
            if (place is null)
            {
                Log.NoPlace(log, service, address);
                connection.Abort(new ConnectionAbortedException("too many connections"));
                return;
            }
            await next(connection);
        });
    }

    // The same options as long as it is the same certificate: they carry the sessions that are resumed.
    private SslServerAuthenticationOptions Options()
    {
        var (current, options) = (certificate.Current, Volatile.Read(ref _options));
        if (options?.ServerCertificateContext == current) return options;
        options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = current,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
        Volatile.Write(ref _options, options);
        return options;
    }
}
