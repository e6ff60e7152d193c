using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Dns;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class SpfVerifierTests
{
    private static readonly IPAddress Client = IPAddress.Parse("192.0.2.1");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("v=spf1 ip4:192.0.2.0/24 -all", AuthResult.Pass)]
    [InlineData("v=spf1 ip4:198.51.100.0/24 -all", AuthResult.Fail)]
    [InlineData("v=spf1 a:%{i}.allowed.example.org ~all", AuthResult.SoftFail)]
    [InlineData("v=spf1 exists:%{ir}.%{v}.%{d} -all", AuthResult.Pass)]
    public async Task A_record_decides(string record, AuthResult expected)
    {
        await using var zone = new ZoneFile($"""
            example.org. TXT "{record}"
            1.2.0.192.in-addr.example.org. A 127.0.0.2
            """);
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "mail.example.org", "ann@example.org", Ct);
        Assert.Equal(expected, verdict.Result);
        Assert.Equal("example.org", verdict.Domain);
    }

    [Fact]
    public async Task The_evidence_names_the_term_that_decided()
    {
        await using var zone = new ZoneFile("example.org. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n");
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "mail.example.org", "ann@example.org", Ct);
        Assert.Equal("ip4:192.0.2.1 of example.org", verdict.Evidence);
    }

    [Fact]
    public async Task The_null_path_is_checked_by_the_name_in_the_greeting()
    {
        await using var zone = new ZoneFile("mail.example.org. TXT \"v=spf1 -all\"\n");
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "mail.example.org", "", Ct);
        Assert.Equal((AuthResult.Fail, SpfIdentity.Helo, "mail.example.org"), (verdict.Result, verdict.Identity, verdict.Domain));
    }

    [Fact]
    public async Task An_internationalized_domain_is_asked_for_in_its_ascii_form()
    {
        await using var zone = new ZoneFile("xn--bcher-kva.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n");
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "mail.example.org", "jürgen@bücher.example", Ct);
        Assert.Equal(AuthResult.Pass, verdict.Result);
        Assert.Equal("xn--bcher-kva.example", verdict.Domain);
    }

    // RFC 8616 §4: macros with a local part that is not ASCII match nothing.
    [Fact]
    public async Task A_local_part_beyond_ascii_matches_no_name()
    {
        await using var zone = new ZoneFile("example.org. TXT \"v=spf1 exists:%{l}.example.org -all\"\n*.example.org. A 127.0.0.2\n");
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "mail.example.org", "jürgen@example.org", Ct);
        Assert.Equal(AuthResult.Fail, verdict.Result);
    }

    [Fact]
    public async Task An_address_that_a_dual_stack_socket_shows_counts_as_ipv4()
    {
        await using var zone = new ZoneFile("example.org. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n");
        var verdict = await Verifier(zone.Resolver).MailFromAsync(IPAddress.Parse("::ffff:192.0.2.1"), "h.example.org", "ann@example.org", Ct);
        Assert.Equal(AuthResult.Pass, verdict.Result);
    }

    [Fact]
    public async Task An_explanation_cannot_carry_control_characters_into_a_reply()
    {
        await using var zone = new ZoneFile("""
            example.org. TXT "v=spf1 -all exp=why.example.org"
            why.example.org. TXT "%{l} may not, see http://example.org/?%{S}"
            """);
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "h.example.org", "a\r\nb@example.org", Ct);
        Assert.Equal("a??b may not, see http://example.org/?a%0D%0Ab%40example.org", verdict.Explanation);
    }

    [Fact]
    public async Task A_name_system_that_is_silent_costs_a_bounded_time()
    {
        var time = new FakeTimeProvider();
        var verdict = Verifier(new SilentResolver(), time).MailFromAsync(Client, "h.example.org", "ann@example.org", Ct).AsTask();
        time.Advance(TrustLimits.SpfTimeout);
        Assert.Equal(AuthResult.TempError, (await verdict).Result);
    }

    [Fact]
    public async Task Records_that_include_each_other_end()
    {
        await using var zone = new ZoneFile("a.example. TXT \"v=spf1 include:b.example -all\"\nb.example. TXT \"v=spf1 include:a.example -all\"\n");
        var verdict = await Verifier(zone.Resolver).MailFromAsync(Client, "h.example.org", "ann@a.example", Ct);
        Assert.Equal(AuthResult.PermError, verdict.Result);
        Assert.Contains("more than 10", verdict.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_is_read_or_refused_at_every_cut()
    {
        const string record = "v=spf1 +a:%{d1r.-}.example.org/24//64 mx/0 ptr:%{p2}.com ip4:1.2.3.4/8 ip6:::1/0 exists:%%%_%-.x " +
            "?include:a.b redirect=%{o} exp=c.d foo.bar=%{s} -all";
        Assert.True(SpfRecord.TryParse(record, out var whole, out _));
        Assert.Equal(8, whole.Directives.Count);
        for (var cut = 0; cut < record.Length; cut++)
        {
            Assert.Equal(SpfRecord.TryParse(record[..cut], out var part, out _), part is not null);
        }
    }

    [Theory]
    [InlineData("a:%{z}.example")]
    [InlineData("a:%{d0}")]
    [InlineData("a:%{d")]
    [InlineData("a:x%")]
    [InlineData("a:%{c}.example")]
    [InlineData("ip4:1.2.3")]
    [InlineData("ip4:1.2.3.04")]
    [InlineData("ip4:1.2.3.4/33")]
    [InlineData("ip6:1.2.3.4")]
    [InlineData("ip6:fe80::1%eth0")]
    [InlineData("a/")]
    [InlineData("a/08")]
    [InlineData("all:x.org")]
    [InlineData("include")]
    [InlineData("redirect=")]
    [InlineData("redirect=a.b redirect=c.d")]
    [InlineData("=x")]
    [InlineData("a:example.123")]
    public void What_is_no_term_is_refused(string terms) => Assert.False(SpfRecord.TryParse("v=spf1 " + terms, out _, out _));

    private static SpfVerifier Verifier(Resolver resolver, TimeProvider? time = null) => new(resolver, "mx.example.net", time ?? TimeProvider.System);

    private sealed class SilentResolver : Resolver
    {
        public override ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken ct = default) => NeverAsync<MxRecord>(ct);

        public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default) => NeverAsync<IPAddress>(ct);

        public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, AddressFamily family, CancellationToken ct = default) =>
            NeverAsync<IPAddress>(ct);

        public override ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default) => NeverAsync<string>(ct);

        public override ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken ct = default) => NeverAsync<SrvRecord>(ct);

        public override ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default) => NeverAsync<string>(ct);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private static async ValueTask<DnsAnswer<T>> NeverAsync<T>(CancellationToken ct)
        {
            await Task.Delay(Timeout.Infinite, ct);
            throw new InvalidOperationException();
        }
    }
}
