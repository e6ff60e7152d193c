using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;

namespace Posthorn.Server.Tests;

public sealed class NamedCertificateTests
{
    [Fact]
    public void A_name_gets_the_certificate_that_is_for_it()
    {
        using var place = new TestPlace();
        Write(place, "one", "mail.one.test", "imap.one.test");
        Write(place, "two", "*.two.test");
        File.WriteAllText(Path.Combine(place.Data, "alone.pem"), "no key beside it");
        var served = new NamedCertificates(place.Data, NullLogger.Instance);
        Assert.Null(served.Find("mail.one.test"));
        served.Refresh();
        var one = served.Find("mail.one.test");
        Assert.NotNull(one);
        Assert.Same(one, served.Find("IMAP.one.test"));
        Assert.NotNull(served.Find("any.two.test"));
        Assert.Null(served.Find("any.other.two.test"));
        Assert.Null(served.Find("two.test"));
        Assert.Null(served.Find("mail.three.test"));
        Assert.Null(served.Find(null));
        served.Refresh();
        Assert.Same(one, served.Find("mail.one.test")); // and with it the sessions that are resumed
    }

    [Fact]
    public void What_changes_is_read_again_and_what_is_broken_is_not_taken()
    {
        using var place = new TestPlace();
        Write(place, "one", "mail.one.test");
        var served = new NamedCertificates(place.Data, NullLogger.Instance);
        served.Refresh();
        var first = served.Find("mail.one.test");
        File.WriteAllText(Path.Combine(place.Data, "one.pem"), "broken");
        File.SetLastWriteTimeUtc(Path.Combine(place.Data, "one.pem"), new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        served.Refresh();
        Assert.Same(first, served.Find("mail.one.test"));
        Write(place, "one", "mail.other.test");
        File.SetLastWriteTimeUtc(Path.Combine(place.Data, "one.pem"), new DateTime(2031, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        served.Refresh();
        Assert.Null(served.Find("mail.one.test"));
        Assert.NotNull(served.Find("mail.other.test"));
        File.Delete(Path.Combine(place.Data, "one.key"));
        served.Refresh();
        Assert.Null(served.Find("mail.other.test"));
    }

    private static void Write(TestPlace place, string file, params string[] names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + file, key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names) alternatives.AddDnsName(name);
        request.CertificateExtensions.Add(alternatives.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9));
        File.WriteAllText(Path.Combine(place.Data, file + ".pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(place.Data, file + ".key"), key.ExportPkcs8PrivateKeyPem());
    }
}
