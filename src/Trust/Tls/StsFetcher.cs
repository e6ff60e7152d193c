using System.Net;
using System.Net.Http;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Posthorn.Core;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>How policies are fetched, and reports are handed over; anything but the defaults is for several servers on one machine.</summary>
public sealed record HttpsSettings
{
    public int Port { get; init; } = 443;

    /// <summary>Hosts may have addresses that are not public.</summary>
    public bool Anywhere { get; init; }

    /// <summary>The certificates to trust; null for those of the system.</summary>
    public X509Certificate2Collection? Roots { get; init; }

    /// <summary>For a server whose peers take mail at this port: several servers on one machine move all their ports by the same offset, and
    /// stand on loopback.</summary>
    public static HttpsSettings Beside(int smtpPort) => new() { Port = 443 + smtpPort - 25, Anywhere = smtpPort != 25 };
}

/// <summary>A policy, or why there is none.</summary>
/// <param name="ResultType">RFC 8460 §4.3.2.2; null with a policy.</param>
/// <param name="Reason">One line.</param>
public sealed record StsFetch(StsPolicy? Policy, string? ResultType, string? Reason)
{
    internal static StsFetch Failed(string resultType, string reason) => new(null, resultType, reason);
}

/// <summary>What an address leads to, or why there is nothing.</summary>
public sealed record HttpsFetch(byte[]? Octets, string? Failure);

/// <summary>HTTPS to hosts that the name system names: no redirects, no proxy, no private networks, bounded in time and octets.</summary>
public sealed class PolicyHttps : IDisposable
{
    private readonly HttpClient _client;
    private readonly HttpsSettings _settings;

    public PolicyHttps(HttpsSettings settings, Resolver resolver)
    {
        _settings = settings;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // RFC 8461 §3.3
            UseProxy = false,
            UseCookies = false,
            MaxResponseHeadersLength = 16,
            ConnectTimeout = TlsLimits.FetchTimeout / 2,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
            ConnectCallback = (context, ct) => ConnectAsync(resolver, context.DnsEndPoint, ct),
            SslOptions = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 },
        };
        if (settings.Roots is { } roots)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(roots);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        _client = new HttpClient(handler) { Timeout = TlsLimits.FetchTimeout };
    }

    /// <summary>The policy of a domain (RFC 8461 §3.3).</summary>
    public async Task<StsFetch> FetchAsync(Domain domain, CancellationToken ct)
    {
        try
        {
            var address = new UriBuilder(Uri.UriSchemeHttps, "mta-sts." + domain.Ascii, _settings.Port, "/.well-known/mta-sts.txt").Uri;
            using var response = await _client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, ct);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return StsFetch.Failed("sts-policy-fetch-error", $"the policy's server answers with status {(int)response.StatusCode}");
            }
            if (response.Content.Headers.ContentType?.MediaType is not "text/plain")
            {
                return StsFetch.Failed("sts-policy-fetch-error", "the policy is not text/plain");
            }
            var file = await ReadAsync(response, TlsLimits.PolicyOctetsMax, ct);
            if (file is null) return StsFetch.Failed("sts-policy-fetch-error", "the policy is too long");
            return StsPolicy.TryParse(file, out var policy, out var fault)
                ? new StsFetch(policy, null, null)
                : StsFetch.Failed("sts-policy-invalid", fault);
        }
        catch (HttpRequestException failure)
        {
            return failure.InnerException is AuthenticationException
                ? StsFetch.Failed("sts-webpki-invalid", OneLine(failure))
                : StsFetch.Failed("sts-policy-fetch-error", OneLine(failure));
        }
        catch (Exception failure) when (failure is IOException || (failure is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return StsFetch.Failed("sts-policy-fetch-error", failure is IOException ? OneLine(failure) : "the policy's server takes too long");
        }
    }

    /// <summary>A file of at most so many octets.</summary>
    public async Task<HttpsFetch> GetAsync(Uri address, int octetsMax, CancellationToken ct)
    {
        try
        {
            using var response = await _client.GetAsync(
                new UriBuilder(address) { Port = _settings.Port }.Uri, HttpCompletionOption.ResponseHeadersRead, ct);
            if (response.StatusCode != HttpStatusCode.OK) return new(null, $"{address.Host} answers with status {(int)response.StatusCode}");
            return await ReadAsync(response, octetsMax, ct) is { } file ? new(file, null) : new(null, $"what {address.Host} sends is too long");
        }
        catch (HttpRequestException failure)
        {
            return new(null, OneLine(failure));
        }
        catch (Exception failure) when (failure is IOException || (failure is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return new(null, failure is IOException ? OneLine(failure) : $"{address.Host} takes too long");
        }
    }

    /// <summary>Hands a report over (RFC 8460 §5.4).</summary>
    /// <returns>Null when it was taken, else why it was not.</returns>
    public async Task<string?> PostAsync(Uri address, byte[] report, string mediaType, CancellationToken ct)
    {
        try
        {
            using var content = new ByteArrayContent(report);
            content.Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue(mediaType);
            using var response = await _client.PostAsync(address, content, ct);
            return response.IsSuccessStatusCode ? null : $"{address.Host} answers with status {(int)response.StatusCode}";
        }
        catch (HttpRequestException failure)
        {
            return OneLine(failure);
        }
        catch (Exception failure) when (failure is IOException || (failure is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return failure is IOException ? OneLine(failure) : $"{address.Host} takes too long";
        }
    }

    public void Dispose() => _client.Dispose();

    private async ValueTask<Stream> ConnectAsync(Resolver resolver, DnsEndPoint target, CancellationToken ct)
    {
        var answer = await resolver.AddressesAsync(target.Host, ct);
        if (!answer.Ok) throw new IOException(answer.Failure ?? $"the host {target.Host} has no address");
        var addresses = answer.Records.Where(address => _settings.Anywhere || PublicNetworks.Contain(address)).Take(4).ToArray();
        if (addresses.Length == 0) throw new IOException($"the host {target.Host} has no public address");
        IOException? last = null;
        foreach (var address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, target.Port), ct);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException failure)
            {
                socket.Dispose();
                last = new IOException($"{address}: {failure.Message}", failure);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
        throw last!;
    }

    private static async Task<byte[]?> ReadAsync(HttpResponseMessage response, int octetsMax, CancellationToken ct)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        var file = new byte[octetsMax + 1];
        var length = await stream.ReadAtLeastAsync(file, file.Length, throwOnEndOfStream: false, ct);
        return length <= octetsMax ? file[..length] : null;
    }

    private static string OneLine(Exception failure)
    {
        while (failure.InnerException is not null) failure = failure.InnerException;
        return failure.Message.ReplaceLineEndings(" ");
    }
}
