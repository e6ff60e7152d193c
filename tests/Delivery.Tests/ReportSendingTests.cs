using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Dns;
using Posthorn.Mime;
using Posthorn.Trust;
using Xunit;

namespace Posthorn.Delivery.Tests;

/// <summary>Reports of ours to those who ask for them.</summary>
public sealed class ReportSendingTests
{
    private const string Zone = """
        remote.test. MX 10 mx.remote.test.
        _smtp._tls.remote.test. TXT "v=TLSRPTv1; rua=mailto:tls@remote.test"
        _smtp._tls.twice.test. TXT "v=TLSRPTv1; rua=mailto:a@twice.test"
        _smtp._tls.twice.test. TXT "v=TLSRPTv1; rua=mailto:b@twice.test"
        remote.test._report._dmarc.agrees.test. TXT "v=DMARC1"
        """;

    private static readonly Domain Remote = Domain.Parse("remote.test");

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_dmarc_made_of_a_days_mail_is_reported_once_to_those_who_agree(DatabaseKind kind)
    {
        await using var house = await House.OpenAsync(kind);
        for (var i = 0; i < 3; i++) await house.SeenAsync("192.0.2.1", "mailto:a@remote.test,mailto:b@agrees.test!5m,mailto:c@stranger.test,ftp:x");
        await house.SeenAsync("192.0.2.2", "mailto:a@remote.test,mailto:b@agrees.test!5m,mailto:c@stranger.test,ftp:x");
        await house.SendAsync();
        Assert.Empty(house.Host.World.Attempts); // the day is not over
        house.Host.Clock.Advance(TimeSpan.FromDays(1));
        await house.SendAsync();
        await house.SendAsync();
        Assert.Equal(["a@remote.test", "b@agrees.test"], house.Host.World.Attempts.SelectMany(static sent => sent.To).Order());
        var sent = house.Host.World.Attempts.First();
        Assert.Equal("dmarc-reports@example.test", sent.From);
        Assert.Contains("Subject: Report Domain: remote.test\r\n Submitter: mx.example.test\r\n Report-ID: <", sent.Text, StringComparison.Ordinal);
        var report = Assert.IsType<IncomingReport.Aggregate>(Read(sent.Text)).Report;
        Assert.Equal(("mx.example.test", "remote.test", "reject"), (report.Organization, report.Policy.Domain, report.Policy.P));
        Assert.Equal([("192.0.2.1", 3L), ("192.0.2.2", 1L)], report.Records.Select(static record => (record.Source, record.Count)));
        Assert.Equal(new ReportedDkim("remote.test", "s", "fail"), Assert.Single(report.Records[0].DkimResults));
        Assert.Equal(TimeSpan.FromSeconds(86_399), report.Ends - report.Begins);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task How_tls_went_is_reported_to_domains_that_ask(DatabaseKind kind)
    {
        await using var house = await House.OpenAsync(kind);
        const string policyText = "version: STSv1\nmode: enforce\nmx: mx.remote.test\nmax_age: 1";
        var session = new TlsSession(Remote, "sts", policyText, "mx.remote.test", "192.0.2.9", "success", null);
        for (var i = 0; i < 3; i++) await house.Results.RecordAsync(session, default);
        await house.Results.RecordAsync(session with { Result = "certificate-expired", Reason = "it has expired" }, default);
        foreach (var other in new[] { "silent.test", "twice.test" })
        {
            await house.Results.RecordAsync(session with { Domain = Domain.Parse(other) }, default);
        }
        house.Host.Clock.Advance(TimeSpan.FromDays(1));
        await house.SendAsync();
        await house.SendAsync();
        var sent = Assert.Single(house.Host.World.Attempts);
        Assert.Equal(("tls-reports@example.test", "tls@remote.test"), (sent.From, sent.To[0]));
        Assert.Contains("TLS-Report-Domain: remote.test\r\nTLS-Report-Submitter: mx.example.test\r\n", sent.Text, StringComparison.Ordinal);
        Assert.Contains("report-type=\"tlsrpt\"", sent.Text, StringComparison.Ordinal);
        Assert.True(sent.Message.IgnoreTlsPolicy); // what is wrong with TLS must not keep the report of it away
        var policy = Assert.Single(Assert.IsType<IncomingReport.Tls>(Read(sent.Text)).Report.Policies);
        Assert.Equal(("sts", "remote.test", 3, 1), (policy.Type, policy.Domain, policy.Successes, policy.Failures));
        Assert.Equal(["mx.remote.test"], policy.MxHosts);
        Assert.Equal(("certificate-expired", "192.0.2.9"), (policy.Details[0].ResultType, policy.Details[0].ReceivingAddress));
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task A_server_that_takes_no_report_is_tried_again_for_a_day(DatabaseKind kind)
    {
        await using var house = await House.OpenAsync(kind);
        house.Write("_smtp._tls.remote.test. TXT \"v=TLSRPTv1; rua=https://nowhere.test/v1\"\n");
        await house.Results.RecordAsync(new TlsSession(Remote, "no-policy-found", "", "mx.remote.test", null, "success", null), default);
        house.Host.Clock.Advance(TimeSpan.FromHours(18)); // four o'clock of the next day
        var tries = 0L;
        for (var hour = 0; hour < 19; hour++)
        {
            await house.SendAsync();
            tries = await house.Host.Db.ReadAsync(db => db.Prepare("SELECT tries FROM report_sent WHERE state = 0").Scalar() ?? 0);
            house.Host.Clock.Advance(TimeSpan.FromHours(1));
        }
        Assert.Equal(19, tries);
    }

    [Theory, MemberData(nameof(Cluster.Kinds), MemberType = typeof(Cluster))]
    public async Task What_was_reported_or_never_will_be_is_forgotten(DatabaseKind kind)
    {
        await using var house = await House.OpenAsync(kind);
        await house.SeenAsync("192.0.2.1", "mailto:c@stranger.test");
        house.Host.Clock.Advance(TimeSpan.FromDays(3));
        await house.SendAsync();
        Assert.Equal(0, await house.Host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM dmarc_seen").Scalar()!.Value));
        Assert.Equal(0, await house.Host.Db.ReadAsync(db => db.Prepare("SELECT COUNT(*) FROM dmarc_policy_seen").Scalar()!.Value));
    }

    private static IncomingReport? Read(string message)
    {
        var octets = Encoding.Latin1.GetBytes(message);
        return IncomingReport.Read(octets, MessageReader.Read(octets).Structure);
    }

    private sealed class House : IAsyncDisposable
    {
        private readonly string _file = Path.GetTempFileName();
        private readonly Resolver _resolver;
        private readonly PolicyHttps _https;
        private readonly ReportSending _sending;

        private House(DeliveryHost host)
        {
            Host = host;
            Write(Zone);
            _resolver = Resolver.Open(new DnsSettings { ZoneFile = _file }, TimeProvider.System, NullLoggerFactory.Instance);
            _https = new PolicyHttps(new HttpsSettings { Anywhere = true }, _resolver);
            Results = new TlsResults(host.Db, host.Clock, NullLogger.Instance);
            var reports = new OutgoingReports(host.Db, new DmarcBook(host.Db), Results, _resolver, host.Clock, host.Settings.Hostname);
            _sending = new ReportSending(host.Settings, host.Directory, host.Intake, reports, _https, host.Clock, NullLogger.Instance);
        }

        public DeliveryHost Host { get; }

        public TlsResults Results { get; }

        public static async Task<House> OpenAsync(DatabaseKind kind) => new(await DeliveryHost.OpenAsync(kind));

        public void Write(string zone) => File.WriteAllText(_file, zone);

        public ValueTask<bool> SeenAsync(string source, string destinations) => Host.Db.WriteAsync(tx =>
        {
            var record = new AggregateRecord(source, 1, Disposition.Reject, Dkim: false, Spf: false, "remote.test")
            {
                DkimResults = [new ReportedDkim("remote.test", "s", "fail")],
            };
            DmarcBook.Record(tx, new DmarcObservation(Remote, new PublishedPolicy("remote.test") { P = "reject" }, destinations, record));
            return true;
        });

        public async Task SendAsync()
        {
            await _sending.RunAsync(CancellationToken.None);
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
