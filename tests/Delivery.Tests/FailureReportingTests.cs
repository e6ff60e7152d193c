using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Db;
using Posthorn.Dns;
using Posthorn.Mime;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>Reports of single messages that failed.</summary>
public sealed class FailureReportingTests
{
    private const string Zone = """
        good.test. TXT "v=spf1 ip4:192.0.2.7 -all"
        _dmarc.strict.test. TXT "v=DMARC1; p=reject; ruf=mailto:ruf@strict.test,mailto:ruf@agrees.test,mailto:ruf@stranger.test"
        strict.test._report._dmarc.agrees.test. TXT "v=DMARC1"
        _dmarc.silent.test. TXT "v=DMARC1; p=reject; rua=mailto:d@silent.test"
        _dmarc.good.test. TXT "v=DMARC1; p=none; fo=1; ruf=mailto:ruf@good.test"
        _dmarc.signed.test. TXT "v=DMARC1; p=none; fo=d; ruf=mailto:ruf@signed.test"

        """;

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_domain_that_asks_for_it_is_told_without_the_recipients(DatabaseKind kind)
    {
        await using var house = await House.OpenAsync(kind);
        var taken = await house.SendAsync("bob@good.test", "To: ann@example.test\r\nFrom: bob@strict.test\r\nSubject: invoice\r\nX-Secret: 1\r\n");
        Assert.False(taken.Ok);
        await house.WorkAsync();
        Assert.Equal(["ruf@agrees.test", "ruf@strict.test"], house.Host.World.Attempts.SelectMany(static sent => sent.To).Order());
        var sent = house.Host.World.Attempts.First();
        Assert.Equal("dmarc-reports@example.test", sent.From);
        Assert.DoesNotContain("ann@", sent.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("X-Secret", sent.Text, StringComparison.Ordinal);
        Assert.Contains("\r\nIdentity-Alignment: none\r\n", sent.Text, StringComparison.Ordinal);
        var octets = Encoding.Latin1.GetBytes(sent.Text);
        var read = Assert.IsType<IncomingReport.Feedback>(IncomingReport.Read(octets, MessageReader.Read(octets).Structure)).Report;
        Assert.Equal(("auth-failure", "dmarc", "reject", "192.0.2.7"), (read.FeedbackType, read.AuthFailure, read.DeliveryResult, read.Source));
        Assert.Equal(("bob@strict.test", "invoice"), (read.OriginalFrom, read.Subject));
        Assert.Equal("strict.test", Assert.Single(read.ReportedDomains));
    }

    [Theory]
    [InlineData("good.test", "bob@good.test", "", 1)] // fo=1: SPF is aligned, and no signature is
    [InlineData("signed.test", "bob@good.test", "", 0)] // fo=d, and there is no signature
    [InlineData("signed.test", "bob@good.test", "DKIM-Signature: v=1; a=rsa-sha256; d=x.test; s=s; h=from; bh=AA==; b=AA==\r\n", 1)]
    [InlineData("silent.test", "bob@good.test", "", 0)]
    [InlineData("strict.test", "", "", 0)] // a report of a report would go round
    [InlineData("nobody.test", "bob@good.test", "", 0)]
    public async Task It_says_itself_what_it_wants_to_hear_of(string author, string from, string field, int reports)
    {
        await using var house = await House.OpenAsync(DatabaseKind.Sqlite);
        await house.SendAsync(from, $"{field}From: bob@{author}\r\n");
        await house.WorkAsync();
        Assert.Equal(reports, house.Host.World.Attempts.Count);
    }

    [Fact]
    public async Task Nobody_hears_the_same_twice_in_a_day_nor_very_often()
    {
        await using var house = await House.OpenAsync(DatabaseKind.Sqlite);
        for (var i = 0; i < 3; i++) await house.SendAsync("bob@good.test", "From: bob@strict.test\r\n");
        await house.WorkAsync();
        Assert.Equal(2, house.Host.World.Attempts.Count); // to both who agree
        for (var i = 0; i < 2 * DeliveryLimits.FailuresPerDomainMax; i++)
        {
            await house.SendAsync("bob@good.test", $"From: bob@n{i}.strict.test\r\n");
            await house.WorkAsync();
        }
        Assert.Equal(2 * DeliveryLimits.FailuresPerDomainMax, house.Host.World.Attempts.Count);
        house.Host.Clock.Advance(TimeSpan.FromDays(1));
        await house.SendAsync("bob@good.test", "From: bob@strict.test\r\n");
        await house.WorkAsync();
        Assert.Equal((2 * DeliveryLimits.FailuresPerDomainMax) + 2, house.Host.World.Attempts.Count);
    }

    [Fact]
    public async Task By_default_nobody_is_told()
    {
        await using var host = await DeliveryHost.OpenAsync(DatabaseKind.Sqlite, zone: Zone);
        Assert.Null(host.Intake.Failed);
    }

    private sealed class House : IAsyncDisposable
    {
        private readonly Resolver _resolver;
        private readonly PolicyHttps _https;
        private readonly FailureReporting _failures;
        private readonly string _file = Path.GetTempFileName();

        private House(DeliveryHost host)
        {
            Host = host;
            File.WriteAllText(_file, Zone);
            _resolver = Resolver.Open(new DnsSettings { ZoneFile = _file }, TimeProvider.System, NullLoggerFactory.Instance);
            _https = new PolicyHttps(new HttpsSettings { Anywhere = true }, _resolver);
            var results = new TlsResults(host.Db, host.Clock, NullLogger.Instance);
            var reports = new OutgoingReports(host.Db, new DmarcBook(host.Db), results, _resolver, host.Clock, host.Settings.Hostname);
            var sending = new ReportSending(host.Settings, host.Directory, host.Intake, reports, _https, host.Clock, NullLogger.Instance);
            _failures = new FailureReporting(sending, host.Clock, NullLogger.Instance);
            host.Intake.Failed = _failures.Offer;
        }

        public DeliveryHost Host { get; }

        public static async Task<House> OpenAsync(DatabaseKind kind)
        {
            var host = await DeliveryHost.OpenAsync(kind, zone: Zone);
            await host.AddAsync("ann");
            return new House(host);
        }

        public Task<Core.Result<Receipt>> SendAsync(string from, string header) => Host.SendAsync(from, ["ann"], header + "\r\nhello\r\n");

        public async Task WorkAsync()
        {
            await _failures.SendWaitingAsync(CancellationToken.None);
            await Host.WorkAsync();
        }

        public async ValueTask DisposeAsync()
        {
            _https.Dispose();
            await _resolver.DisposeAsync();
            await Host.DisposeAsync();
            File.Delete(_file);
        }
    }
}
