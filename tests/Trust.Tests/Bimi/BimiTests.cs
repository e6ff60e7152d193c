using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Db;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class BimiTests
{
    private const string Record = "v=BIMI1; l=https://good.test/logo.svg; a=https://good.test/vmc.pem";

    private readonly MarkAuthority _authority = new();
    private readonly List<Uri> _fetched = [];
    private byte[]? _file;

    public BimiTests() => _file = _authority.Issue("good.test");

    [Theory]
    [InlineData("v=BIMI1; l=https://a.test/x.svg; a=https://a.test/x.pem", true)]
    [InlineData("v=BIMI1;l=;a=", true)]
    [InlineData("v=BIMI1; l=", true)]
    [InlineData("v=BIMI1; l=https://a.test/x.svg; avp=brand", true)]
    [InlineData("v=BIMI1", false)]
    [InlineData("v=BIMI2; l=", false)]
    [InlineData("l=; v=BIMI1", false)]
    [InlineData("v=BIMI1; l=http://a.test/x.svg", false)]
    [InlineData("v=BIMI1; l=https://a.test:22/x.svg", false)]
    [InlineData("v=BIMI1; l=https://me@a.test/x.svg", false)]
    [InlineData("v=BIMI1; l=https://127.0.0.1/x.svg", false)]
    [InlineData("v=BIMI1; l=; a=file:///etc/passwd", false)]
    public void A_record_names_places_over_https_only(string text, bool right) => Assert.Equal(right, BimiRecord.TryParse(text, out _));

    [Theory]
    [InlineData("", "default")]
    [InlineData("BIMI-Selector: v=BIMI1; s=brand\r\n", "brand")]
    [InlineData("BIMI-Selector: v=BIMI1;\r\n s=brand;\r\n", "brand")]
    [InlineData("BIMI-Selector: s=brand\r\n", "default")]
    [InlineData("BIMI-Selector: v=BIMI1; s=a.b\r\n", "default")]
    [InlineData("BIMI-Selector: v=BIMI1; s=\r\n", "default")]
    [InlineData("BIMI-Selector: v=BIMI1; s=a\r\nBIMI-Selector: v=BIMI1; s=b\r\n", "default")]
    public void A_message_may_choose_among_the_marks_of_its_domain(string field, string selector) =>
        Assert.Equal(selector, BimiRecord.SelectorOf(Encoding.ASCII.GetBytes(field + "From: a@good.test\r\n\r\n")));

    [Fact]
    public async Task A_proven_author_has_a_mark_that_is_fetched_once()
    {
        await using var house = await HouseAsync();
        var verdict = await house.CheckAsync("good.test");
        Assert.Equal((AuthResult.Pass, "good.test", "default"), (verdict!.Result, verdict.Domain, verdict.Selector));
        Assert.Equal("Good Ltd", verdict.Indicator!.Organization);
        Assert.Equal(MarkAuthority.Svg, Encoding.UTF8.GetString((await house.Marks.ImageAsync(verdict.Indicator.Id, Cancelled))!));
        Assert.Equal(verdict, await house.CheckAsync("good.test"));
        Assert.Single(_fetched);
        house.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(AuthResult.Pass, (await house.CheckAsync("good.test"))!.Result);
        Assert.Equal(2, _fetched.Count);
    }

    [Fact]
    public async Task A_name_below_has_the_mark_of_its_owner()
    {
        await using var house = await HouseAsync();
        Assert.Equal((AuthResult.Pass, "good.test"), await house.CheckAsync("news.good.test") is { } found ? (found.Result, found.Domain) : default);
    }

    [Theory]
    [InlineData("v=DMARC1; p=none", Record)]
    [InlineData("v=DMARC1; p=reject; sp=none", Record)]
    [InlineData("v=DMARC1; p=reject; t=y", Record)]
    [InlineData("v=DMARC1; p=quarantine; pct=50", Record)]
    [InlineData("v=DMARC1; p=reject", "v=spf1 -all")]
    public async Task Without_a_policy_that_keeps_others_out_there_is_no_mark(string policy, string record)
    {
        await using var house = await HouseAsync(policy, record);
        Assert.Null(await house.CheckAsync("good.test"));
        Assert.Empty(_fetched);
    }

    [Theory]
    [InlineData("v=BIMI1; l=; a=", "the domain wants no indicator")]
    [InlineData("v=BIMI1; l=https://good.test/logo.svg", "nobody vouches for the indicator")]
    public async Task What_nobody_vouches_for_is_not_shown(string record, string evidence)
    {
        await using var house = await HouseAsync("v=DMARC1; p=reject", record);
        var verdict = await house.CheckAsync("good.test");
        Assert.Equal((AuthResult.None, evidence), (verdict!.Result, verdict.Evidence));
        Assert.Empty(_fetched);
    }

    [Fact]
    public async Task What_DMARC_has_not_proven_has_no_mark()
    {
        await using var house = await HouseAsync();
        Assert.Null(await house.CheckAsync("good.test", spf: "other.test"));
    }

    [Fact]
    public async Task A_bad_certificate_is_not_asked_for_all_the_time()
    {
        _file = _authority.Issue("bad.test");
        await using var house = await HouseAsync();
        Assert.Equal(AuthResult.Fail, (await house.CheckAsync("good.test"))!.Result);
        _file = _authority.Issue("good.test");
        Assert.Equal(AuthResult.Fail, (await house.CheckAsync("good.test"))!.Result);
        Assert.Single(_fetched);
        house.Clock.Advance(TimeSpan.FromHours(7));
        Assert.Equal(AuthResult.Pass, (await house.CheckAsync("good.test"))!.Result);
    }

    [Fact]
    public async Task A_server_that_is_silent_is_an_error_that_may_pass()
    {
        _file = null;
        await using var house = await HouseAsync();
        Assert.Equal(AuthResult.TempError, (await house.CheckAsync("good.test"))!.Result);
        Assert.Equal(AuthResult.TempError, (await house.CheckAsync("good.test"))!.Result);
        Assert.Single(_fetched);
    }

    [Fact]
    public void The_verdict_and_the_place_stand_in_the_message()
    {
        var mark = new Indicator("ab", "https://good.test/vmc.pem", "Good Ltd");
        var verdicts = new MailVerdicts { Bimi = new BimiVerdict(AuthResult.Pass, "good.test", "default", "certified") { Indicator = mark } };
        Assert.Equal(
            ";\r\n\tbimi=pass\r\n\t\theader.d=good.test\r\n\t\theader.selector=default\r\n\t\tpolicy.authority=pass\r\n\t\t"
            + "policy.authority-uri=\"https://good.test/vmc.pem\"",
            AuthenticationResults.Payload(verdicts));
        var forged = "BIMI-Location: v=BIMI1; l=https://bad.test/a.svg\r\nBIMI-Indicator: PHN2Zz4=\r\nFrom: a@good.test\r\n\r\n"u8;
        Assert.Equal(2, AuthenticationResults.Forged(forged, "mx.example.net").Count);
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private Task<House> HouseAsync(string policy = "v=DMARC1; p=reject", string record = Record) =>
        House.OpenAsync($"_dmarc.good.test. TXT \"{policy}\"\ndefault._bimi.good.test. TXT \"{record}\"\n", FetchAsync, _authority);

    private Task<HttpsFetch> FetchAsync(Uri address, CancellationToken ct)
    {
        _fetched.Add(address);
        return Task.FromResult(new HttpsFetch(_file, _file is null ? "nobody answers" : null));
    }

    private sealed class House : IAsyncDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
        private readonly ZoneFile _zone;
        private Database? _db;

        private House(string zone) => _zone = new ZoneFile(zone);

        public Microsoft.Extensions.Time.Testing.FakeTimeProvider Clock { get; } = new(TestAuthority.Now);

        public Indicators Marks { get; private set; } = null!;

        public static async Task<House> OpenAsync(string zone, Func<Uri, CancellationToken, Task<HttpsFetch>> fetch, MarkAuthority authority)
        {
            var house = new House(zone);
            var settings = new DatabaseSettings { Url = "sqlite:", Directory = house._folder };
            house._db = await Database.OpenAsync(settings, [MailTrust.Schema], house.Clock, NullLoggerFactory.Instance, default);
            house.Marks = new Indicators(house._db, fetch, authority.Roots, house.Clock, NullLogger.Instance);
            return house;
        }

        public async Task<BimiVerdict?> CheckAsync(string author, string? spf = null)
        {
            var from = FromVerdict.Of(Encoding.ASCII.GetBytes($"From: ann@{author}\r\n\r\n"));
            var proven = new SpfVerdict(AuthResult.Pass, SpfIdentity.MailFrom, spf ?? author, "");
            var dmarc = await new DmarcVerifier(_zone.Resolver).CheckAsync(from, proven, [], Cancelled);
            return await new BimiVerifier(_zone.Resolver, null, Marks).CheckAsync(from, dmarc, "default", Cancelled);
        }

        public async ValueTask DisposeAsync()
        {
            await _db!.DisposeAsync();
            await _zone.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
