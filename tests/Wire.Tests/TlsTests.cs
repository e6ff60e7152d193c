using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static Posthorn.Wire.Tests.CommandReaderTests;

namespace Posthorn.Wire.Tests;

public sealed class TlsTests : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly TlsServer _server;

    public TlsTests()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mx.test", key, HashAlgorithmName.SHA256);
        _certificate = request.CreateSelfSigned(new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var context = SslStreamCertificateContext.Create(_certificate, null);
        _server = new TlsServer(name => name == "refused.test" ? null : context);
    }

    [Fact]
    public async Task Commands_sent_ahead_of_the_handshake_are_never_read()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        await SendAsync(link.Client, "STARTTLS\r\nRCPT TO:<injected@x.test>\r\nhalf a li"u8.ToArray());
        Assert.Equal("STARTTLS", Text((await link.Server.Reader.ReadLineAsync()).Line));
        Assert.True(link.Server.Reader.HasLine);
        var upgrade = link.Server.UpgradeToTlsAsync(_server, "220 go on\r\n"u8.ToArray()).AsTask();
        Assert.Equal("220 go on", Text((await link.Client.Reader.ReadLineAsync()).Line));
        Assert.True((await link.Client.UpgradeToTlsAsync(Any("mx.test"))).Ok);
        Assert.True((await upgrade).Ok);
        Assert.False(link.Server.Reader.HasLine);
        await SendAsync(link.Client, "EHLO x\r\n"u8.ToArray());
        Assert.Equal("EHLO x", Text((await link.Server.Reader.ReadLineAsync()).Line));
        Assert.Equal("mx.test", link.Server.Tls!.ServerName);
    }

    [Theory]
    [InlineData("trusted", "ann@example.test")]
    [InlineData("strange", null)]
    [InlineData("none", null)]
    [InlineData("server use", null)]
    public async Task A_client_certificate_tells_who_it_is_when_an_authority_vouches_for_it(string kind, string? expected)
    {
        using var authority = Authority("CN=ours");
        using var stranger = Authority("CN=theirs");
        using var own = Client(kind == "strange" ? stranger : authority, kind == "server use" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2");
        var server = new TlsServer(_ => SslStreamCertificateContext.Create(_certificate, null), [authority]);
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        var upgrade = link.Server.UpgradeToTlsAsync(server).AsTask();
        Assert.True((await link.Client.UpgradeToTlsAsync(Any("mx.test") with { Certificate = kind == "none" ? null : own })).Ok);
        Assert.True((await upgrade).Ok);
        Assert.Equal(expected, link.Server.ClientCertificateAddress);
        Assert.Equal(SHA256.HashData(_certificate.RawData), link.Server.ServerEndPoint.ToArray());
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    private static X509Certificate2 Client(X509Certificate2 authority, string use)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Ann", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddEmailAddress("ann@example.test");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        using var signed = request.Create(authority, new(2021, 1, 1, 0, 0, 0, TimeSpan.Zero), new(2119, 1, 1, 0, 0, 0, TimeSpan.Zero), [1, 2, 3]);
        return signed.CopyWithPrivateKey(key);
    }

    [Fact]
    public async Task Replies_sent_ahead_of_the_handshake_are_never_read()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        await SendAsync(link.Server, "220 go on\r\n250 injected\r\n"u8.ToArray());
        Assert.Equal("220 go on", Text((await link.Client.Reader.ReadLineAsync()).Line));
        var upgrade = link.Server.UpgradeToTlsAsync(_server).AsTask();
        Assert.True((await link.Client.UpgradeToTlsAsync(Any("mx.test"))).Ok);
        Assert.True((await upgrade).Ok);
        await SendAsync(link.Server, "250 real\r\n"u8.ToArray());
        Assert.Equal("250 real", Text((await link.Client.Reader.ReadLineAsync()).Line));
    }

    [Fact]
    public async Task A_client_without_a_policy_takes_no_certificate_with_a_fault()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        var upgrade = link.Server.UpgradeToTlsAsync(_server).AsTask();
        var outcome = await link.Client.UpgradeToTlsAsync(new TlsClient("mx.test"));
        Assert.False(outcome.Ok);
        Assert.NotNull(outcome.Failure);
        Assert.DoesNotContain('\n', outcome.Failure);
        Assert.False(await link.Client.FlushAsync());
        await upgrade;
    }

    [Fact]
    public async Task A_name_without_a_certificate_ends_the_handshake_on_both_sides()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        var upgrade = link.Server.UpgradeToTlsAsync(_server).AsTask();
        Assert.False((await link.Client.UpgradeToTlsAsync(Any("refused.test"))).Ok);
        Assert.False((await upgrade).Ok);
    }

    [Fact]
    public async Task A_handshake_that_does_not_begin_ends_in_time()
    {
        var time = new FakeTimeProvider();
        await using var link = new WireLink(new WireLimits { HandshakeTimeout = TimeSpan.FromSeconds(20) }, time);
        var upgrade = link.Server.UpgradeToTlsAsync(_server).AsTask();
        time.Advance(TimeSpan.FromSeconds(19));
        Assert.False(upgrade.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("the handshake took too long", (await upgrade).Failure);
    }

    [Fact]
    public async Task Octets_that_are_no_handshake_are_a_failure_in_one_line()
    {
        await using var link = new WireLink(new WireLimits(), TimeProvider.System);
        var upgrade = link.Server.UpgradeToTlsAsync(_server).AsTask();
        await SendAsync(link.Client, "EHLO nobody said anything about TLS to me\r\n"u8.ToArray());
        await link.Client.DisposeAsync();
        var outcome = await upgrade;
        Assert.False(outcome.Ok);
        Assert.DoesNotContain('\n', outcome.Failure!);
    }

    public void Dispose() => _certificate.Dispose();

    private static TlsClient Any(string name) => new(name, static (_, _, _, _) => true);
}
