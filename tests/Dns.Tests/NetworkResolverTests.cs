using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Xunit;
using static Posthorn.Dns.Tests.Responder;

namespace Posthorn.Dns.Tests;

public sealed class NetworkResolverTests
{
    private static readonly Domain Example = Domain.Parse("example.test");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Exchanges_come_by_preference_and_without_the_trailing_dot()
    {
        await using var server = new Responder(_ =>
            new Reply(Mx("example.test", 300, 20, "b.example.test"), Mx("example.test", 300, 10, "A.example.test")));
        await using var resolver = Open(server);
        var answer = await resolver.MxAsync(Example);
        Assert.Equal(DnsStatus.Ok, answer.Status);
        Assert.Equal([new MxRecord(10, "A.example.test"), new MxRecord(20, "b.example.test")], answer.Records);
        Assert.Equal(TimeSpan.FromSeconds(300), answer.Ttl);
    }

    [Fact]
    public async Task The_null_mx_has_an_empty_exchange()
    {
        await using var server = new Responder(_ => new Reply(Mx("example.test", 300, 0, ".")));
        await using var resolver = Open(server);
        Assert.Equal([new MxRecord(0, "")], (await resolver.MxAsync(Example)).Records);
    }

    [Fact]
    public async Task A_service_is_where_its_record_says()
    {
        await using var server = new Responder(_ => new Reply(Srv("_imaps._tcp.example.test", 300, 0, 1, 993, "mail.example.test")));
        await using var resolver = Open(server);
        Assert.Equal([new SrvRecord(0, 1, 993, "mail.example.test")], (await resolver.SrvAsync("_imaps._tcp.example.test")).Records);
    }

    [Fact]
    public async Task What_a_certificate_must_be_like_is_told_with_its_authenticity()
    {
        const string name = "_25._tcp.mx.example.test";
        await using var server = new Responder(_ =>
            new Reply(Tlsa(name, 300, 3, 1, 1, 0xAB, 0xCD), Tlsa(name, 300, 2, 0, 2, 0x01)) { Authentic = true });
        await using var resolver = Open(server);
        var answer = await resolver.TlsaAsync(name);
        Assert.Equal(["2 0 2 01", "3 1 1 abcd"], answer.Records.Select(static record => record.ToString()).Order());
        Assert.True(answer.Authentic);
        Assert.Equal(DnsStatus.NxDomain, (await resolver.TlsaAsync("no name at all")).Status);
    }

    [Fact]
    public async Task Addresses_of_both_families_come_together()
    {
        await using var server = new Responder(q => q.Type == 28
            ? new Reply(Aaaa("mx.test", 60, "2001:db8::1"))
            : new Reply(A("mx.test", 90, "192.0.2.1"), A("mx.test", 30, "192.0.2.2")));
        await using var resolver = Open(server);
        var answer = await resolver.AddressesAsync("MX.test.");
        Assert.Equal(["2001:db8::1", "192.0.2.1", "192.0.2.2"], answer.Records.Select(a => a.ToString()));
        Assert.Equal(TimeSpan.FromSeconds(30), answer.Ttl);
    }

    [Theory]
    [InlineData(3, 0, DnsStatus.NxDomain)]
    [InlineData(0, 0, DnsStatus.NoData)]
    [InlineData(2, 0, DnsStatus.Failed)]
    [InlineData(2, 3, DnsStatus.Failed)]
    [InlineData(5, 5, DnsStatus.Failed)]
    public async Task Without_an_address_the_worse_of_both_answers_counts(int four, int six, DnsStatus expected)
    {
        await using var server = new Responder(q => new Reply { Code = q.Type == 1 ? four : six });
        await using var resolver = Open(server);
        var answer = await resolver.AddressesAsync("mx.test");
        Assert.Equal(expected, answer.Status);
        Assert.Empty(answer.Records);
        Assert.Equal(expected == DnsStatus.Failed, answer.Failure is not null);
    }

    [Fact]
    public async Task One_family_is_enough_when_the_other_fails()
    {
        await using var server = new Responder(q => q.Type == 28 ? new Reply { Code = 2 } : new Reply(A("mx.test", 60, "192.0.2.1")));
        await using var resolver = Open(server);
        var answer = await resolver.AddressesAsync("mx.test");
        Assert.Equal(DnsStatus.Ok, answer.Status);
        Assert.Equal([IPAddress.Parse("192.0.2.1")], answer.Records);
    }

    [Fact]
    public async Task The_strings_of_a_text_record_are_joined()
    {
        await using var server = new Responder(_ => new Reply(Txt("example.test", 60, "v=spf1 ", "-all"), Txt("example.test", 60, "x")));
        await using var resolver = Open(server);
        Assert.Equal(["v=spf1 -all", "x"], (await resolver.TxtAsync("example.test")).Records);
    }

    [Theory]
    [InlineData("192.0.2.7", "7.2.0.192.in-addr.arpa")]
    [InlineData("::ffff:192.0.2.7", "7.2.0.192.in-addr.arpa")]
    [InlineData("2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")]
    public async Task An_address_is_asked_by_its_reverse_name(string address, string name)
    {
        await using var server = new Responder(q => q.Name == name ? new Reply(Ptr(name, 60, "host.test")) : new Reply { Code = 3 });
        await using var resolver = Open(server);
        Assert.Equal(["host.test"], (await resolver.PtrAsync(IPAddress.Parse(address))).Records);
    }

    [Fact]
    public async Task A_truncated_answer_is_asked_for_again_over_tcp()
    {
        var many = Enumerable.Range(0, 200).Select(i => Mx("example.test", 60, i, $"mx{i}.example.test")).ToArray();
        await using var server = new Responder(q => q.Stream ? new Reply(many) : new Reply { Truncated = true });
        await using var resolver = Open(server);
        Assert.Equal(200, (await resolver.MxAsync(Example)).Records.Count);
        Assert.Equal(1, server.StreamQueries);
    }

    [Fact]
    public async Task A_lost_datagram_is_sent_again_and_silence_is_a_failure()
    {
        var asked = 0;
        await using var server = new Responder(q =>
            q.Name == "silent.test" || Interlocked.Increment(ref asked) == 1 ? null : new Reply(Mx("example.test", 60, 1, "mx.test")));
        await using var resolver = Open(server, TimeSpan.FromMilliseconds(200));
        Assert.Equal(DnsStatus.Ok, (await resolver.MxAsync(Example)).Status);
        var silence = await resolver.MxAsync(Domain.Parse("silent.test"));
        Assert.Equal(DnsStatus.Failed, silence.Status);
        Assert.NotNull(silence.Failure);
    }

    [Fact]
    public async Task An_alias_is_followed_inside_the_answer_and_by_asking_again()
    {
        await using var server = new Responder(q => q.Name switch
        {
            "example.test" => new Reply(Cname("example.test", 50, "one.test"), Cname("one.test", 40, "two.test")),
            "two.test" => new Reply(Cname("two.test", 90, "three.test"), Mx("three.test", 60, 5, "mx.test"), Mx("stranger.test", 60, 1, "evil.test")),
            _ => new Reply { Code = 3 },
        });
        await using var resolver = Open(server);
        var answer = await resolver.MxAsync(Example);
        Assert.Equal([new MxRecord(5, "mx.test")], answer.Records);
        Assert.Equal(TimeSpan.FromSeconds(40), answer.Ttl);
    }

    [Fact]
    public async Task A_circle_of_aliases_ends()
    {
        await using var server = new Responder(q => new Reply(Cname(q.Name, 50, "x" + q.Name)));
        await using var endless = Open(server);
        Assert.Equal(DnsStatus.Failed, (await endless.MxAsync(Example)).Status);
        Assert.InRange(server.Queries, 2, 3 * (DnsLimits.ChainLinksMax + 1));

        await using var circle = new Responder(_ => new Reply(Cname("example.test", 50, "b.test"), Cname("b.test", 50, "example.test")));
        await using var resolver = Open(circle);
        Assert.Equal(DnsStatus.Failed, (await resolver.MxAsync(Example)).Status);
    }

    [Fact]
    public async Task An_answer_is_remembered_for_its_ttl()
    {
        await using var server = new Responder(_ => new Reply(Mx("example.test", 100, 1, "mx.test")));
        await using var resolver = Open(server);
        await resolver.MxAsync(Example);
        _time.Advance(TimeSpan.FromSeconds(99));
        Assert.Equal(TimeSpan.FromSeconds(1), (await resolver.MxAsync(Example)).Ttl);
        Assert.Equal(1, server.Queries);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(100), (await resolver.MxAsync(Example)).Ttl);
        Assert.Equal(2, server.Queries);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public async Task A_negative_answer_is_remembered_as_its_soa_says_and_not_without_one(int code)
    {
        await using var server = new Responder(q =>
            new Reply { Code = code, Authorities = q.Name == "example.test" ? [Soa("test", 600, 30)] : [] });
        await using var resolver = Open(server);
        for (var i = 0; i < 3; i++) Assert.Equal(TimeSpan.FromSeconds(30), (await resolver.MxAsync(Example)).Ttl);
        Assert.Equal(1, server.Queries);
        _time.Advance(TimeSpan.FromSeconds(31));
        await resolver.MxAsync(Example);
        Assert.Equal(2, server.Queries);
        for (var i = 0; i < 3; i++) await resolver.MxAsync(Domain.Parse("other.test"));
        Assert.Equal(5, server.Queries);
    }

    [Fact]
    public async Task A_failure_is_remembered_for_a_moment()
    {
        await using var server = new Responder(_ => new Reply { Code = 2 });
        await using var resolver = Open(server);
        await resolver.MxAsync(Example);
        var asked = server.Queries;
        await resolver.MxAsync(Example);
        Assert.Equal(asked, server.Queries);
        _time.Advance(DnsLimits.FailureTtl);
        await resolver.MxAsync(Example);
        Assert.True(server.Queries > asked);
    }

    [Fact]
    public async Task Equal_questions_under_way_are_asked_once_and_one_caller_may_leave()
    {
        using var gate = new ManualResetEventSlim();
        await using var server = new Responder(_ =>
        {
            gate.Wait();
            return new Reply(Mx("example.test", 0, 1, "mx.test"));
        });
        await using var resolver = Open(server);
        using var leaving = new CancellationTokenSource();
        var left = resolver.MxAsync(Example, leaving.Token).AsTask();
        var others = Enumerable.Range(0, 20).Select(_ => resolver.MxAsync(Example).AsTask()).ToArray();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        gate.Set();
        foreach (var answer in await Task.WhenAll(others)) Assert.True(answer.Ok);
        Assert.Equal(1, server.Queries);
        await resolver.MxAsync(Example); // its TTL was zero
        Assert.Equal(2, server.Queries);
    }

    [Fact]
    public async Task The_authentic_bit_of_a_resolver_on_this_machine_counts()
    {
        await using var server = new Responder(q =>
            new Reply(Mx(q.Name, 60, 1, "mx.test")) { Authentic = q.Name == "example.test" && q.Edns });
        await using var resolver = Open(server);
        Assert.True((await resolver.MxAsync(Example)).Authentic);
        Assert.True((await resolver.MxAsync(Example)).Authentic);
        Assert.False((await resolver.MxAsync(Domain.Parse("plain.test"))).Authentic);
    }

    [Fact]
    public async Task An_answer_to_another_question_or_of_random_octets_is_a_failure()
    {
        var random = new Random(7);
        await using var server = new Responder(q =>
        {
            if (q.Name == "other.test") return new Reply(Mx("evil.test", 60, 1, "evil.test")) { Question = "evil.test" };
            var raw = new byte[random.Next(0, 200)];
            random.NextBytes(raw);
            return new Reply { Raw = raw };
        });
        await using var resolver = Open(server, TimeSpan.FromMilliseconds(100), retries: 0);
        Assert.Equal(DnsStatus.Failed, (await resolver.MxAsync(Domain.Parse("other.test"))).Status);
        for (var i = 0; i < 100; i++)
        {
            Assert.NotEqual(DnsStatus.Ok, (await resolver.MxAsync(Domain.Parse($"x{i}.test"))).Status);
        }
    }

    [Theory]
    [InlineData("a..b")]
    [InlineData(".")]
    [InlineData("büro.test")]
    [InlineData("a b.test")]
    [InlineData("a\\.test")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123.test")]
    public async Task What_no_name_can_be_does_not_exist_and_is_not_asked(string name)
    {
        await using var server = new Responder(_ => new Reply { Code = 3 });
        await using var resolver = Open(server);
        Assert.Equal(DnsStatus.NxDomain, (await resolver.AddressesAsync(name)).Status);
        Assert.Equal(name == "." ? 2 : 0, server.Queries); // the root is a name
    }

    [Fact]
    public async Task A_closed_resolver_fails_at_once()
    {
        await using var server = new Responder(_ => null);
        var resolver = Open(server, TimeSpan.FromMinutes(5));
        var waiting = resolver.MxAsync(Example).AsTask();
        while (server.Queries == 0) await Task.Yield();
        await resolver.DisposeAsync();
        Assert.Equal(DnsStatus.Failed, (await waiting).Status);
        Assert.Equal(DnsStatus.Failed, (await resolver.TxtAsync("example.test")).Status);
    }

    private Resolver Open(Responder server, TimeSpan? timeout = null, int retries = 1) => Resolver.Open(
        new DnsSettings { Server = server.EndPoint, Timeout = timeout ?? TimeSpan.FromSeconds(20), Retries = retries },
        _time,
        NullLoggerFactory.Instance);
}
