using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;

namespace Posthorn.Server.Tests;

public sealed class CertificateTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero));

    [Fact]
    public void The_self_signed_certificate_names_the_host_and_stays_the_same()
    {
        using var place = new TestPlace();
        var first = Open(Config(place)).Current.TargetCertificate;
        Assert.True(first.MatchesHostname("mail.example.test", allowWildcards: false, allowCommonName: false));
        Assert.Equal(first.Thumbprint, Open(Config(place)).Current.TargetCertificate.Thumbprint);
    }

    [Fact]
    public void It_is_renewed_before_it_ends_with_the_same_key()
    {
        using var place = new TestPlace();
        var served = Open(Config(place));
        var first = served.Current;
        _time.Advance(TimeSpan.FromDays(300));
        served.Refresh();
        Assert.Same(first, served.Current);
        _time.Advance(TimeSpan.FromDays(80));
        served.Refresh();
        Assert.NotEqual(first.TargetCertificate.Thumbprint, served.Current.TargetCertificate.Thumbprint);
        Assert.Equal(first.TargetCertificate.GetPublicKey(), served.Current.TargetCertificate.GetPublicKey());
    }

    [Fact]
    public void Another_hostname_gets_another_certificate()
    {
        using var place = new TestPlace();
        Open(Config(place));
        var next = Open(Config(place) with { Hostname = Domain.Parse("other.example.test") }).Current.TargetCertificate;
        Assert.True(next.MatchesHostname("other.example.test", allowWildcards: false, allowCommonName: false));
    }

    [Fact]
    public void Files_are_read_again_when_they_change_and_bad_ones_are_not_taken()
    {
        using var place = new TestPlace();
        var config = Config(place) with
        {
            Certificate = CertificateSource.Files,
            CertificateFile = Path.Combine(place.Data, "mail.pem"),
            KeyFile = Path.Combine(place.Data, "mail.key"),
        };
        Assert.Throws<CommandFailedException>(() => Open(config));
        WritePair(config, 1);
        var served = Open(config);
        var first = served.Current;
        served.Refresh();
        Assert.Same(first, served.Current);
        File.WriteAllText(config.KeyFile, "nothing");
        File.SetLastWriteTimeUtc(config.KeyFile, _time.GetUtcNow().UtcDateTime.AddHours(2));
        served.Refresh();
        Assert.Same(first, served.Current);
        WritePair(config, 3);
        served.Refresh();
        Assert.NotEqual(first.TargetCertificate.Thumbprint, served.Current.TargetCertificate.Thumbprint);
    }

    private void WritePair(ServerConfig config, int hours)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=mail.example.test", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(_time.GetUtcNow(), _time.GetUtcNow().AddDays(90));
        File.WriteAllText(config.CertificateFile!, certificate.ExportCertificatePem());
        File.WriteAllText(config.KeyFile!, key.ExportPkcs8PrivateKeyPem());
        foreach (var file in (string[])[config.CertificateFile!, config.KeyFile!])
            File.SetLastWriteTimeUtc(file, _time.GetUtcNow().UtcDateTime.AddHours(hours));
    }

    private ServedCertificate Open(ServerConfig config) => ServedCertificate.Open(config, _time, NullLogger.Instance);

    private static ServerConfig Config(TestPlace place) => new() { Hostname = Domain.Parse("mail.example.test"), Data = place.Data };
}
