using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Posthorn.Wire;

namespace Posthorn.Imap.Tests;

public sealed class StartTlsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Starttls_lets_a_password_in_and_drops_what_was_slipped_in_before_it()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=imap.example.test", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var context = SslStreamCertificateContext.Create(certificate, null, offline: true);
        await using var server = await TestServer.StartAsync(Token, plaintext: false, tls: new TlsServer(_ => context));
        var client = await server.ClientAsync(Token, login: false);
        var before = await client.OkAsync("CAPABILITY", Token);
        Assert.Matches(" STARTTLS LOGINDISABLED$", before[0]);

        // RFC 3501 §11.1: the NOOP came in the clear and must not be answered in TLS.
        await client.SendAsync("s STARTTLS\r\nslipped NOOP\r\n", Token);
        Assert.StartsWith("s OK", await client.ReadLineAsync(Token), StringComparison.Ordinal);
        Assert.True((await client.Connection.UpgradeToTlsAsync(new TlsClient("imap.example.test", (_, _, _, _) => true), Token)).Ok);
        var after = await client.OkAsync("CAPABILITY", Token);
        Assert.DoesNotContain("STARTTLS", after[0], StringComparison.Ordinal);
        Assert.EndsWith(" AUTH=PLAIN AUTH=LOGIN", after[0], StringComparison.Ordinal);
        Assert.StartsWith("BAD", (await client.RunAsync("STARTTLS", Token)).Tagged, StringComparison.Ordinal);
        await client.OkAsync($"LOGIN {TestServer.User} \"{TestServer.Password}\"", Token);
        Assert.StartsWith("BAD", (await client.RunAsync("STARTTLS", Token)).Tagged, StringComparison.Ordinal);
    }
}
