using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>What the policies of others and of the operator make of a session: who has not proven what it must gets nothing.</summary>
public sealed class OutboundPolicyTests : IAsyncLifetime
{
    private static readonly Domain A = Domain.Parse("a.test");

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("posthorn-tls-").FullName;
    private Database _db = null!;
    private MailTls? _tls;
    private OutboundHouse? _house;

    public async ValueTask InitializeAsync() => _db = await Database.OpenAsync(
        new DatabaseSettings { Directory = _folder, Durable = false }, [MailTls.Schema], TimeProvider.System, NullLoggerFactory.Instance, default);

    public async ValueTask DisposeAsync()
    {
        if (_house is not null) await _house.DisposeAsync();
        _tls?.Dispose();
        await _db.DisposeAsync();
        System.IO.Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("mx1.test", true, true, "success")]
    [InlineData("mx1.test", false, false, "certificate-not-trusted")]
    [InlineData("other.test", true, false, "certificate-host-mismatch")]
    [InlineData(null, false, false, "starttls-not-supported")]
    public async Task An_enforced_policy_demands_a_certificate_for_the_host(string? name, bool trusted, bool delivered, string result)
    {
        using var certificate = CertificateOf(name, trusted);
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server);
        await CacheAsync(StsMode.Enforce, "mx1.test");
        var sent = await _house!.SendAsync();
        Assert.Equal(delivered ? OutboundOutcome.Delivered : OutboundOutcome.Deferred, sent.Outcome);
        Assert.Equal(delivered ? 1 : 0, server.Messages.Length);
        if (!delivered) Assert.Equal("4.7.5", sent.Status);
        Assert.Equal([("sts", result)], await ResultsAsync());
    }

    [Fact]
    public async Task A_host_that_an_enforced_policy_does_not_name_is_not_spoken_with()
    {
        using var certificate = Certificates.Trusted("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server);
        await CacheAsync(StsMode.Enforce, "mx2.test");
        Assert.Equal((OutboundOutcome.Deferred, "4.7.5"), (await _house!.SendAsync()) is var sent ? (sent.Outcome, sent.Status) : default);
        Assert.Empty(server.Conversations);
        Assert.Equal([("sts", "validation-failure")], await ResultsAsync());
    }

    [Theory]
    [InlineData("mx1.test", "certificate-not-trusted")]
    [InlineData("mx2.test", "certificate-not-trusted")]
    public async Task A_policy_in_testing_mode_only_watches(string named, string result)
    {
        using var certificate = Certificates.SelfSigned("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server);
        await CacheAsync(StsMode.Testing, named);
        Assert.Equal(OutboundOutcome.Delivered, (await _house!.SendAsync()).Outcome);
        Assert.True(server.Only.IsTls);
        Assert.Equal([("sts", result)], await ResultsAsync());
    }

    [Fact]
    public async Task A_certificate_that_a_tlsa_record_names_needs_no_authority()
    {
        using var certificate = Certificates.SelfSigned("whoever.test");
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server, Tlsa(certificate));
        await CacheAsync(StsMode.Enforce, "mx1.test"); // DANE outweighs it
        Assert.Equal(OutboundOutcome.Delivered, (await _house!.SendAsync()).Outcome);
        Assert.True(server.Only.IsTls);
        Assert.Equal([("tlsa", "success")], await ResultsAsync());
    }

    [Fact]
    public async Task A_certificate_that_no_tlsa_record_names_gets_nothing()
    {
        using var certificate = Certificates.Trusted("mx1.test");
        using var other = Certificates.SelfSigned("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server, Tlsa(other));
        Assert.Equal((OutboundOutcome.Deferred, "4.7.5"), (await _house!.SendAsync()) is var sent ? (sent.Outcome, sent.Status) : default);
        Assert.Empty(server.Messages);
        Assert.Equal([("tlsa", "validation-failure")], await ResultsAsync());
    }

    [Fact]
    public async Task Tlsa_records_demand_tls_even_when_they_cannot_be_used()
    {
        await using var plain = new ScriptedServer();
        Open(plain, "3 1 9 00");
        Assert.Equal(OutboundOutcome.Deferred, (await _house!.SendAsync()).Outcome);
        Assert.Empty(plain.Messages);
        Assert.Equal([("tlsa", "starttls-not-supported")], await ResultsAsync());
    }

    [Theory]
    [InlineData(TlsRequirement.None, true, true, false)]
    [InlineData(TlsRequirement.May, true, true, true)]
    [InlineData(TlsRequirement.May, false, true, false)]
    [InlineData(TlsRequirement.Encrypt, true, true, true)]
    [InlineData(TlsRequirement.Encrypt, false, false, false)]
    [InlineData(TlsRequirement.Verify, true, false, false)]
    [InlineData(TlsRequirement.DaneOnly, true, false, false)]
    public async Task The_operator_outweighs_every_policy(TlsRequirement requirement, bool offered, bool delivered, bool tls)
    {
        using var certificate = CertificateOf(offered ? "mx1.test" : null, trusted: false);
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server);
        await CacheAsync(StsMode.Enforce, "mx9.test");
        await _tls!.Overrides.SetAsync(A, requirement, default);
        Assert.Equal(delivered ? OutboundOutcome.Delivered : OutboundOutcome.Deferred, (await _house!.SendAsync()).Outcome);
        if (delivered) Assert.Equal(tls, server.Conversations.Last().IsTls);
        else Assert.Empty(server.Messages);
    }

    [Fact]
    public async Task Dane_only_is_content_with_dane()
    {
        using var certificate = Certificates.SelfSigned("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server, Tlsa(certificate));
        await _tls!.Overrides.SetAsync(A, TlsRequirement.DaneOnly, default);
        Assert.Equal(OutboundOutcome.Delivered, (await _house!.SendAsync()).Outcome);
    }

    [Fact]
    public async Task A_session_without_tls_is_not_used_again_for_mail_that_needs_it()
    {
        await using var server = new ScriptedServer();
        Open(server);
        Assert.Equal(OutboundOutcome.Delivered, (await _house!.SendAsync()).Outcome);
        await _tls!.Overrides.SetAsync(A, TlsRequirement.Encrypt, default);
        Assert.Equal(OutboundOutcome.Deferred, (await _house.SendAsync()).Outcome);
        Assert.Single(server.Messages);
    }

    [Fact]
    public async Task Mail_that_requires_tls_goes_to_a_proven_server_that_has_the_extension()
    {
        using var certificate = Certificates.Trusted("mx1.test");
        await using var server = new ScriptedServer { Certificate = certificate, Extensions = ["REQUIRETLS"] };
        Open(server);
        Assert.Equal(OutboundOutcome.Delivered, (await SendRequiringAsync()).Outcome);
        Assert.EndsWith(" REQUIRETLS", server.Only.Said("MAIL")[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mx1.test", true, "5.7.30")] // no REQUIRETLS there
    [InlineData("mx1.test", false, "5.7.10")]
    [InlineData(null, false, "5.7.10")]
    public async Task Mail_that_requires_tls_comes_back_otherwise(string? name, bool trusted, string status)
    {
        using var certificate = CertificateOf(name, trusted);
        await using var server = new ScriptedServer { Certificate = certificate };
        Open(server);
        await _tls!.Overrides.SetAsync(A, TlsRequirement.None, default); // the sender's wish is stronger
        var sent = await SendRequiringAsync();
        Assert.Equal((OutboundOutcome.Failed, status), (sent.Outcome, sent.Status));
        Assert.Empty(server.Messages);
    }

    [Fact]
    public async Task Mail_that_asks_for_it_goes_whatever_the_policy_says()
    {
        await using var server = new ScriptedServer();
        Open(server);
        await CacheAsync(StsMode.Enforce, "mx9.test");
        var sent = await _house!.SendAsync(OutboundHouse.Message(["r@a.test"]) with { IgnoreTlsPolicy = true });
        Assert.Equal(OutboundOutcome.Delivered, sent[0].Outcome);
    }

    [Fact]
    public async Task An_announced_policy_that_cannot_be_had_is_a_result_and_the_mail_goes_on()
    {
        await using var server = new ScriptedServer();
        Open(server, more: "_mta-sts.a.test. TXT \"v=STSv1; id=7\"\n"); // nobody answers at mta-sts.a.test
        Assert.Equal(OutboundOutcome.Delivered, (await _house!.SendAsync()).Outcome);
        Assert.Equal([("no-policy-found", "starttls-not-supported"), ("sts", "sts-policy-fetch-error")], await ResultsAsync());
    }

    private static X509Certificate2? CertificateOf(string? name, bool trusted) =>
        name is null ? null : trusted ? Certificates.Trusted(name) : Certificates.SelfSigned(name);

    private static string Tlsa(X509Certificate2 certificate) =>
        "3 1 1 " + Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private void Open(ScriptedServer server, string? tlsa = null, string more = "")
    {
        var zone = "a.test. MX 10 mx1.test.\nmx1.test. A 127.0.0.1\n" + more;
        if (tlsa is not null) zone += string.Create(CultureInfo.InvariantCulture, $"_{server.Port}._tcp.mx1.test. TLSA {tlsa}\n");
        _house = new OutboundHouse(server.Port, zone, tls: resolver => _tls = MailTls.Open(
            _db, resolver, new HttpsSettings { Port = 1, Anywhere = true }, TimeProvider.System, NullLoggerFactory.Instance));
    }

    // As it lies there after a fetch; the name system says nothing about it any more.
    private async Task CacheAsync(StsMode mode, string host)
    {
        var now = TimeProvider.System.GetUtcNow();
        await _db.WriteAsync(tx => tx.Prepare("""
            INSERT INTO sts_policy (domain, id, mode, hosts, max_age, fetched, expires, tried, used)
            VALUES ('a.test', '1', $1, $2, 86400, $3, $4, $3, $3)
            """).Bind((long)mode).Bind(host).Bind(now).Bind(now.AddDays(1)).Execute());
    }

    private async Task<OutboundResult> SendRequiringAsync() =>
        (await _house!.SendAsync(OutboundHouse.Message(["r@a.test"]) with { RequireTls = true }))[0];

    private async Task<IEnumerable<(string, string)>> ResultsAsync()
    {
        var rows = await _tls!.Results.ReadAsync(DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime), null, 100);
        return rows.Select(static row => (row.PolicyType, row.Result)).Order();
    }
}
