using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Dns;
using Xunit;

namespace Posthorn.Trust.Tests;

/// <summary>Policies fetched over HTTPS from a server on loopback whose answers are the test's.</summary>
public sealed class PolicyHttpsTests : IAsyncDisposable
{
    private const string Policy = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 86400\n";

    private static readonly Domain Example = Domain.Parse("example.test");

    private readonly TestAuthority _authority = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _zone = Path.GetTempFileName();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _requests = [];
    private readonly Resolver _resolver;
    private readonly Task _serving;
    private X509Certificate2 _certificate;
    private string _answer = "";

    public PolicyHttpsTests()
    {
        _certificate = _authority.Leaf("mta-sts.example.test", issuer: _authority.Root);
        File.WriteAllText(_zone, "mta-sts.example.test. A 127.0.0.1\n");
        _resolver = Resolver.Open(new DnsSettings { ZoneFile = _zone }, TimeProvider.System, NullLoggerFactory.Instance);
        _listener.Start();
        _serving = ServeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        await _resolver.DisposeAsync();
        File.Delete(_zone);
        _certificate.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_policy_is_fetched_from_its_place()
    {
        var fetched = await FetchAsync(Answer(Policy));
        Assert.Null(fetched.Reason);
        Assert.Equal(["mx.example.test"], fetched.Policy!.Hosts);
        Assert.StartsWith("GET /.well-known/mta-sts.txt HTTP/1.1", Assert.Single(_requests), StringComparison.Ordinal);
        Assert.Contains("Host: mta-sts.example.test", _requests[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "sts-policy-fetch-error")]
    [InlineData("HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.example.test/other\r\nContent-Length: 0\r\n\r\n", "sts-policy-fetch-error")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", "sts-policy-fetch-error")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", "sts-policy-invalid")]
    [InlineData("nonsense\r\n\r\n", "sts-policy-fetch-error")]
    [InlineData("", "sts-policy-fetch-error")]
    public async Task What_is_no_policy_is_told_by_its_name(string answer, string result)
    {
        var fetched = await FetchAsync(answer);
        Assert.Null(fetched.Policy);
        Assert.Equal(result, fetched.ResultType);
        if (answer.Length > 0) Assert.Single(_requests); // nothing is followed; a connection that was only closed is tried again
    }

    [Fact]
    public async Task A_policy_without_end_is_not_read_to_it() =>
        Assert.Equal("sts-policy-fetch-error", (await FetchAsync(Answer(Policy + new string('\n', 2 * TlsLimits.PolicyOctetsMax)))).ResultType);

    [Fact]
    public async Task The_certificate_must_be_for_the_name_and_trusted()
    {
        _certificate = _authority.Leaf("elsewhere.test", issuer: _authority.Root);
        Assert.Equal("sts-webpki-invalid", (await FetchAsync(Answer(Policy))).ResultType);
        _certificate = TestAuthority.SelfSigned("mta-sts.example.test");
        Assert.Equal("sts-webpki-invalid", (await FetchAsync(Answer(Policy))).ResultType);
        Assert.Empty(_requests);
    }

    [Fact]
    public async Task A_private_address_is_not_asked()
    {
        var fetched = await FetchAsync(Answer(Policy), anywhere: false);
        Assert.Equal("sts-policy-fetch-error", fetched.ResultType);
        Assert.Contains("no public address", fetched.Reason, StringComparison.Ordinal);
        Assert.Empty(_requests);
    }

    [Fact]
    public async Task A_report_is_handed_over()
    {
        _answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        using var https = Open(anywhere: true);
        var port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        Assert.Null(await https.PostAsync(new Uri($"https://mta-sts.example.test:{port}/v1"), [1, 2, 3], "application/tlsrpt+gzip", default));
        Assert.Contains("Content-Type: application/tlsrpt+gzip", Assert.Single(_requests), StringComparison.Ordinal);
        _answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
        var refused = await https.PostAsync(new Uri($"https://mta-sts.example.test:{port}/v1"), [1], "x/y", default);
        Assert.Contains("500", refused, StringComparison.Ordinal);
    }

    private static string Answer(string policy) =>
        $"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {policy.Length}\r\n\r\n{policy}";

    private PolicyHttps Open(bool anywhere) => new(
        new HttpsSettings { Port = ((IPEndPoint)_listener.LocalEndpoint).Port, Anywhere = anywhere, Roots = [_authority.Root] }, _resolver);

    private async Task<StsFetch> FetchAsync(string answer, bool anywhere = true)
    {
        _answer = answer;
        using var https = Open(anywhere);
        return await https.FetchAsync(Example, TestContext.Current.CancellationToken);
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await using var secure = new SslStream(client.GetStream());
                using var context = X509CertificateLoader.LoadPkcs12(_certificate.Export(X509ContentType.Pkcs12), null);
                await secure.AuthenticateAsServerAsync(context);
                var request = new StringBuilder();
                var block = new byte[4096];
                while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
                {
                    var read = await secure.ReadAsync(block, _stop.Token);
                    if (read == 0) break;
                    request.Append(Encoding.ASCII.GetString(block, 0, read));
                }
                if (request.Length == 0) continue;
                _requests.Add(request.ToString());
                await secure.WriteAsync(Encoding.ASCII.GetBytes(_answer), _stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException && _stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
            {
                // The client has refused the certificate or left.
            }
        }
    }
}
