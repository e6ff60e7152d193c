using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Posthorn.Dns;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class DaneTests
{
    private const string Host = "mx.example.test";

    private static readonly TestAuthority Authority = new();

    private static TlsaRecord Record(byte usage, byte selector, byte matching, X509Certificate2 certificate)
    {
        var octets = selector == 0 ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        var data = matching switch { 0 => octets, 1 => SHA256.HashData(octets), _ => SHA512.HashData(octets) };
        return new TlsaRecord(usage, selector, matching, Convert.ToHexStringLower(data));
    }

    private static string? Check(TlsaRecord record, X509Certificate2 leaf, params X509Certificate2[] others) =>
        Dane.Check([record], leaf, others, [Host, "example.test"], TestAuthority.Now)?.ResultType;

    [Theory]
    [InlineData(0, 0), InlineData(0, 1), InlineData(0, 2), InlineData(1, 0), InlineData(1, 1), InlineData(1, 2)]
    public void A_record_of_the_servers_own_key_needs_nothing_else(byte selector, byte matching)
    {
        using var leaf = TestAuthority.SelfSigned("somebody.else", ends: TestAuthority.Now.AddDays(-1));
        using var other = TestAuthority.SelfSigned(Host);
        var record = Record(3, selector, matching, leaf);
        Assert.True(Dane.IsUsable(record));
        Assert.Null(Check(record, leaf));
        Assert.Equal("validation-failure", Check(record, other));
    }

    [Theory]
    [InlineData(0, 0), InlineData(0, 1), InlineData(0, 2), InlineData(1, 0), InlineData(1, 1), InlineData(1, 2)]
    public void A_record_of_an_authority_vouches_for_what_it_signed(byte selector, byte matching)
    {
        using var leaf = Authority.Leaf(Host);
        foreach (var anchor in new[] { Authority.Middle, Authority.Root })
        {
            Assert.Null(Check(Record(2, selector, matching, anchor), leaf, Authority.Middle, Authority.Root));
        }
    }

    [Fact]
    public void Below_an_authority_the_certificate_may_be_for_the_host_or_the_domain_and_nobody_else()
    {
        using var forDomain = Authority.Leaf("example.test");
        using var stranger = Authority.Leaf("mx.example.org");
        var record = Record(2, 1, 1, Authority.Middle);
        Assert.Null(Check(record, forDomain, Authority.Middle));
        Assert.Equal("certificate-host-mismatch", Check(record, stranger, Authority.Middle));
    }

    [Fact]
    public void Below_an_authority_dates_matter()
    {
        using var expired = Authority.Leaf(Host, ends: TestAuthority.Now.AddDays(-1));
        Assert.Equal("certificate-expired", Check(Record(2, 1, 1, Authority.Middle), expired, Authority.Middle));
    }

    [Fact]
    public void An_authority_that_did_not_sign_the_certificate_vouches_for_nothing()
    {
        using var forged = TestAuthority.Forged();
        using var leaf = Authority.Leaf(Host, issuer: forged);
        using var own = TestAuthority.SelfSigned(Host);
        Assert.NotNull(Check(Record(2, 1, 1, Authority.Middle), leaf, Authority.Middle, forged));
        Assert.NotNull(Check(Record(2, 1, 1, Authority.Middle), leaf, forged, Authority.Middle));
        Assert.NotNull(Check(Record(2, 0, 1, Authority.Middle), own, Authority.Middle));
        Assert.Equal("validation-failure", Check(Record(2, 1, 1, Authority.Root), leaf));
    }

    [Fact]
    public void A_whole_certificate_in_the_record_need_not_be_sent()
    {
        using var leaf = Authority.Leaf(Host);
        Assert.Null(Check(Record(2, 0, 0, Authority.Middle), leaf));
        Assert.NotNull(Check(new TlsaRecord(2, 0, 0, "3082ffff"), leaf));
    }

    [Fact]
    public void One_record_that_matches_is_enough()
    {
        using var leaf = TestAuthority.SelfSigned(Host);
        using var next = TestAuthority.SelfSigned(Host);
        Assert.Null(Dane.Check([Record(3, 1, 1, next), Record(3, 1, 1, leaf)], leaf, [], [Host], TestAuthority.Now));
        Assert.Equal(Record(3, 1, 1, leaf), Dane.RecordOf(leaf.PublicKey));
    }

    [Theory]
    [InlineData(0, 1, 1), InlineData(1, 1, 1), InlineData(255, 1, 1), InlineData(3, 2, 1), InlineData(3, 1, 3)]
    public void Records_of_other_kinds_are_of_no_use(byte usage, byte selector, byte matching) =>
        Assert.False(Dane.IsUsable(new TlsaRecord(usage, selector, matching, new string('a', 64))));

    [Fact]
    public void A_digest_has_its_length()
    {
        Assert.False(Dane.IsUsable(new TlsaRecord(3, 1, 1, new string('a', 62))));
        Assert.False(Dane.IsUsable(new TlsaRecord(3, 1, 2, new string('a', 64))));
        Assert.False(Dane.IsUsable(new TlsaRecord(3, 1, 0, "")));
    }

    [Fact]
    public void A_certificate_of_an_authority_that_is_trusted_proves_the_hosts_name()
    {
        X509Certificate2Collection roots = [Authority.Root];
        using var leaf = Authority.Leaf(Host);
        using var expired = Authority.Leaf(Host, ends: TestAuthority.Now.AddDays(-1));
        using var own = TestAuthority.SelfSigned(Host);
        string? Of(X509Certificate2 certificate, string name = Host, params X509Certificate2[] others) =>
            Pkix.Check(certificate, others, name, roots, TestAuthority.Now)?.ResultType;

        Assert.Null(Of(leaf, Host, Authority.Middle));
        Assert.Equal("certificate-host-mismatch", Of(leaf, "mx2.example.test", Authority.Middle));
        Assert.Equal("certificate-not-trusted", Of(leaf));
        Assert.Equal("certificate-expired", Of(expired, Host, Authority.Middle));
        Assert.Equal("certificate-not-trusted", Of(own));
    }
}
