using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class DmarcVerifierTests
{
    [Theory]
    [InlineData("v=DMARC1; p=reject", "example.org", AuthResult.Pass, DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=reject", "other.test", AuthResult.Fail, DmarcPolicy.Reject)]
    [InlineData("v=DMARC1; p=quarantine", "other.test", AuthResult.Fail, DmarcPolicy.Quarantine)]
    [InlineData("v=DMARC1; p=none", "other.test", AuthResult.Fail, DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=reject; t=y", "other.test", AuthResult.Fail, DmarcPolicy.Quarantine)]
    [InlineData("v=DMARC1; p=reject", "sub.example.org", AuthResult.Pass, DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=reject; aspf=s", "sub.example.org", AuthResult.Fail, DmarcPolicy.Reject)]
    public async Task The_policy_of_the_author_is_asked_when_nothing_is_aligned(string record, string spf, AuthResult result, DmarcPolicy policy)
    {
        await using var zone = new ZoneFile($"_dmarc.example.org. TXT \"{record}\"\nexample.org. A 192.0.2.9\n");
        var verdict = await CheckAsync(zone, "ann@example.org", Spf(spf));
        Assert.Equal((result, policy), (verdict.Result, verdict.Policy));
    }

    [Theory]
    [InlineData("v=DMARC1; p=reject", "there.example.org", DmarcPolicy.Reject)]
    [InlineData("v=DMARC1; p=reject; sp=none", "there.example.org", DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=none; np=reject", "there.example.org", DmarcPolicy.None)]
    [InlineData("v=DMARC1; p=none; np=reject", "gone.example.org", DmarcPolicy.Reject)]
    [InlineData("v=DMARC1; p=none; sp=quarantine", "gone.example.org", DmarcPolicy.Quarantine)]
    public async Task A_name_below_has_the_policy_for_names_below(string record, string author, DmarcPolicy policy)
    {
        await using var zone = new ZoneFile($"_dmarc.example.org. TXT \"{record}\"\nthere.example.org. A 192.0.2.9\n");
        var verdict = await CheckAsync(zone, "ann@" + author, Spf("other.test"));
        Assert.Equal(policy, verdict.Policy);
        Assert.Equal("example.org", verdict.PolicyDomain);
    }

    // RFC 9989 §4.10.2: a suffix that says so ends the walk, and its customers do not speak for each other.
    [Fact]
    public async Task Two_customers_of_a_public_suffix_are_strangers()
    {
        await using var zone = new ZoneFile("_dmarc.hosting.example. TXT \"v=DMARC1; p=reject; psd=y\"\n");
        var verdict = await CheckAsync(zone, "ann@one.hosting.example", Spf("two.hosting.example"));
        Assert.Equal((AuthResult.Fail, DmarcPolicy.Reject, "one.hosting.example"), (verdict.Result, verdict.Policy, verdict.Organization));
        Assert.Equal(AuthResult.Pass, (await CheckAsync(zone, "ann@one.hosting.example", Spf("mail.one.hosting.example"))).Result);
    }

    [Fact]
    public async Task A_domain_that_is_no_suffix_ends_the_walk()
    {
        await using var zone = new ZoneFile("""
            _dmarc.example.org. TXT "v=DMARC1; p=none"
            _dmarc.branch.example.org. TXT "v=DMARC1; p=reject; psd=n"
            """);
        var verdict = await CheckAsync(zone, "ann@mail.branch.example.org", Spf("example.org"));
        Assert.Equal(("branch.example.org", AuthResult.Fail, DmarcPolicy.Reject), (verdict.Organization, verdict.Result, verdict.Policy));
    }

    [Fact]
    public async Task A_long_name_costs_eight_questions()
    {
        var zone = new SuiteResolver();
        await new DmarcVerifier(zone).CheckAsync(
            FromVerdict.Of("From: a@a.b.c.d.e.f.g.h.i.j.k.example.org\r\n\r\n"u8), null, [], TestContext.Current.CancellationToken);
        Assert.Equal(TrustLimits.DmarcLookupsMax, zone.Asked);
    }

    [Fact]
    public async Task Several_records_are_none()
    {
        await using var zone = new ZoneFile("_dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n_dmarc.example.org. TXT \"v=DMARC1; p=none\"\n");
        Assert.Equal(AuthResult.None, (await CheckAsync(zone, "ann@example.org", Spf("other.test"))).Result);
    }

    [Fact]
    public async Task What_cannot_be_asked_is_a_temporary_error()
    {
        var zone = new SuiteResolver();
        zone.Add("_dmarc.example.org", [("TIMEOUT", "")]);
        var from = FromVerdict.Of("From: ann@example.org\r\n\r\n"u8);
        Assert.Equal(AuthResult.TempError, (await new DmarcVerifier(zone).CheckAsync(from, null, [], TestContext.Current.CancellationToken)).Result);
    }

    [Fact]
    public async Task Of_several_authors_the_strictest_policy_counts()
    {
        await using var zone = new ZoneFile("_dmarc.strict.test. TXT \"v=DMARC1; p=reject\"\n_dmarc.lax.test. TXT \"v=DMARC1; p=none\"\n");
        var from = FromVerdict.Of("From: a@lax.test, b@strict.test\r\n\r\n"u8);
        var verdict = await new DmarcVerifier(zone.Resolver).CheckAsync(from, Spf("lax.test"), [], TestContext.Current.CancellationToken);
        Assert.Equal((AuthResult.Fail, DmarcPolicy.Reject, "strict.test"), (verdict.Result, verdict.Policy, verdict.Domain));
    }

    [Theory]
    [InlineData("co.uk\n*.ck\n!www.ck\nuk\n", "a.b.example.co.uk", "example.co.uk")]
    [InlineData("co.uk\n*.ck\n!www.ck\nuk\n", "a.foo.ck", "a.foo.ck")]
    [InlineData("co.uk\n*.ck\n!www.ck\nuk\n", "x.www.ck", "www.ck")]
    [InlineData("// nothing\n", "a.example.org", "example.org")]
    public void The_list_of_suffixes_tells_the_organization(string list, string domain, string organization) =>
        Assert.Equal(organization, PublicSuffixes.Read(new StringReader(list)).Organization(domain));

    [Fact]
    public async Task The_rules_of_2015_take_the_list_and_the_percentage()
    {
        await using var zone = new ZoneFile("_dmarc.example.co.uk. TXT \"v=DMARC1; p=reject; pct=0; np=none\"\n");
        var verifier = new DmarcVerifier(zone.Resolver, PublicSuffixes.Read(new StringReader("co.uk\nuk\n")));
        var verdict = await verifier.CheckAsync(
            FromVerdict.Of("From: a@x.y.example.co.uk\r\n\r\n"u8), Spf("other.test"), [], TestContext.Current.CancellationToken);
        Assert.Equal(("example.co.uk", DmarcPolicy.Quarantine), (verdict.Organization, verdict.Policy));
    }

    [Theory]
    [InlineData("v=DMARC1", false)]
    [InlineData("v=DMARC1; p=maybe", false)]
    [InlineData("v=DMARC1; p=maybe; rua=mailto:a@example.org", true)]
    [InlineData("v=DMARC1;p=none;;", false)]
    [InlineData(" v = DMARC1 ; p = none ; ", true)]
    [InlineData("p=none; v=DMARC1", false)]
    [InlineData("v=dmarc1; p=none", false)]
    [InlineData("v=DMARC1; p=none; p=reject", false)]
    [InlineData("v=DMARC1; p=reject; future=thing", true)]
    public void A_record_is_one_or_is_not(string text, bool isOne) => Assert.Equal(isOne, DmarcRecord.TryParse(text, out _));

    private static SpfVerdict Spf(string domain) => new(AuthResult.Pass, SpfIdentity.MailFrom, domain, "");

    private static async Task<DmarcVerdict> CheckAsync(ZoneFile zone, string author, SpfVerdict spf) =>
        await new DmarcVerifier(zone.Resolver).CheckAsync(
            FromVerdict.Of(Encoding.UTF8.GetBytes($"From: <{author}>\r\n\r\n")), spf, [], TestContext.Current.CancellationToken);
}
