using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class IncomingReportTests
{
    public static TheoryData<string> Names => [.. Samples.Names];

    [Theory, MemberData(nameof(Names))]
    public void Every_report_that_really_arrived_is_read(string name)
    {
        var report = Samples.Open(name);
        Assert.True(report is not (null or IncomingReport.Refused), (report as IncomingReport.Refused)?.Fault.ToString() ?? "no report is found");
    }

    [Theory, MemberData(nameof(Names))]
    public void What_was_read_and_is_written_reads_the_same(string name)
    {
        switch (Samples.Open(name))
        {
            case IncomingReport.Aggregate { Report: var report }:
                var xml = AggregateReportWriter.Write(report);
                var again = Assert.IsType<IncomingReport.Aggregate>(IncomingReport.File(xml)).Report;
                Assert.Equal(Encoding.UTF8.GetString(xml), Encoding.UTF8.GetString(AggregateReportWriter.Write(again)));
                Assert.Equal(report.Records.Count, again.Records.Count);
                break;
            case IncomingReport.Tls { Report: var report }:
                var json = TlsReportWriter.Write(report);
                var second = Assert.IsType<IncomingReport.Tls>(IncomingReport.File(json)).Report;
                Assert.Equal(Encoding.UTF8.GetString(json), Encoding.UTF8.GetString(TlsReportWriter.Write(second)));
                break;
        }
    }

    [Fact]
    public void An_aggregate_report_tells_who_sent_what()
    {
        var report = Assert.IsType<IncomingReport.Aggregate>(Samples.Open("empty_reason.xml")).Report;
        Assert.Equal(("example.org", "20240125141224705995"), (report.Organization, report.ReportId));
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1706159544), report.Begins);
        Assert.Equal(("example.com", "quarantine", "1"), (report.Policy.Domain, report.Policy.P, report.Policy.Fo));
        var record = Assert.Single(report.Records);
        Assert.Equal(("198.51.100.123", 2, true, false), (record.Source, record.Count, record.Dkim, record.Spf));
        Assert.Equal(("example.com", "example.edu", "example.net"), (record.HeaderFrom, record.EnvelopeFrom, record.EnvelopeTo));
        Assert.Empty(record.Reasons);
        Assert.Equal(new ReportedDkim("example.com", "example", "pass"), Assert.Single(record.DkimResults));
        Assert.Equal(new ReportedSpf("example.edu", "mfrom", "pass"), Assert.Single(record.SpfResults));
    }

    [Fact]
    public void A_report_of_the_new_format_is_read_too()
    {
        var report = Assert.IsType<IncomingReport.Aggregate>(Samples.Open("rfc9990-sample.xml")).Report;
        Assert.Equal(("none", "n", "treewalk"), (report.Policy.Np, report.Policy.Testing, report.Policy.DiscoveryMethod));
        Assert.Equal("Example DMARC Aggregate Reporter v1.2", report.Generator);
        Assert.Equal(Disposition.Pass, Assert.Single(report.Records).Disposition);
    }

    [Fact]
    public void A_reporter_without_a_name_is_called_by_the_domain_of_its_address()
    {
        var report = Assert.IsType<IncomingReport.Aggregate>(Samples.Open("!large-example.com*")).Report;
        Assert.Equal("accurateplastics.com", report.Organization);
        Assert.True(report.Records.Count > 1000);
    }

    [Fact]
    public void A_TLS_report_tells_which_sessions_failed_and_how()
    {
        var report = Assert.IsType<IncomingReport.Tls>(Samples.Open("rfc8460.json")).Report;
        Assert.Equal(("Company-X", "5065427c-23d3-47ca-b6e0-946ea0e8c4be"), (report.Organization, report.ReportId));
        var policy = Assert.Single(report.Policies);
        Assert.Equal(("sts", "company-y.example", 5326, 303), (policy.Type, policy.Domain, policy.Successes, policy.Failures));
        Assert.Equal(["*.mail.company-y.example"], policy.MxHosts);
        Assert.Equal(4, policy.Strings.Count);
        Assert.Equal([100, 200, 3], policy.Details.Select(static failure => failure.Sessions));
        Assert.Equal("203.0.113.56", policy.Details[1].ReceivingAddress);
        Assert.Equal("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", policy.Details[2].ReasonCode);
    }

    [Fact]
    public void A_failure_report_tells_which_message_failed()
    {
        var report = Assert.IsType<IncomingReport.Feedback>(Samples.Open("dmarc_ruf_report_linkedin.eml")).Report;
        Assert.Equal(("auth-failure", "dmarc"), (report.FeedbackType, report.AuthFailure));
        Assert.Equal(("10.10.10.10", "delivered"), (report.Source, report.DeliveryResult));
        Assert.Equal(["example.com"], report.ReportedDomains);
        Assert.Equal(["recipient@linkedin.com"], report.OriginalRcptTo);
        Assert.Equal("Sender <sender@example.com>", report.OriginalFrom);
        Assert.Equal("Subject line, could be UTF8 encoded", report.Subject);
        Assert.Equal("01010101010101010101010101010101@ABAB01MS0016.someserver.loc", report.MessageId);
        Assert.Equal(new DateTimeOffset(2019, 4, 30, 2, 9, 0, TimeSpan.Zero), report.ArrivedAt);
    }

    [Fact]
    public void A_complaint_of_a_feedback_loop_is_read()
    {
        var report = Assert.IsType<IncomingReport.Feedback>(Samples.OpenMessage("""
            From: <abusedesk@example.net>
            To: <feedback-reports@example.test>
            Subject: FW: Earn money
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=feedback-report; boundary="part"

            --part
            Content-Type: text/plain

            This is an email abuse report.
            --part
            Content-Type: message/feedback-report

            Feedback-Type: abuse
            User-Agent: SomeGenerator/1.0
            Version: 1
            Original-Mail-From: <somespammer@example.test>
            Original-Rcpt-To: <one@example.net>
            Original-Rcpt-To: <two@example.net>
            Received-Date: Thu, 8 Mar 2005 14:00:00 EDT
            Source-IP: 192.0.2.2
            Incidents: 12
            Reported-Domain: Example.TEST
            --part
            Content-Type: text/rfc822-headers

            From: <somespammer@example.test>
            Subject: =?utf-8?Q?Earn_=E2=82=AC?=
            Message-ID: <8787KJKJ3K4J3K4J3K4J3.mail@example.test>

            --part--
            """)).Report;
        Assert.Equal(("abuse", 12, "192.0.2.2"), (report.FeedbackType, report.Incidents, report.Source));
        Assert.Equal("somespammer@example.test", report.OriginalMailFrom);
        Assert.Equal(["one@example.net", "two@example.net"], report.OriginalRcptTo);
        Assert.Equal(["example.test"], report.ReportedDomains);
        Assert.Equal("Earn €", report.Subject);
    }

    [Fact]
    public void A_letter_is_no_report()
    {
        Assert.Null(Samples.OpenMessage("From: a@example.net\nSubject: dmarc?\n\nWhat is this <feedback> that you ask for?\n"));
        Assert.Null(Samples.OpenMessage("""
            From: a@example.net
            Content-Type: multipart/mixed; boundary=b

            --b
            Content-Type: application/octet-stream; name="picture.png"

            <feedback/>
            --b--
            """));
    }

    [Fact]
    public void A_report_in_a_forwarded_message_is_somebody_elses()
    {
        var report = "Content-Type: text/xml\n\n" + Samples.Xml();
        Assert.IsType<IncomingReport.Aggregate>(Samples.OpenMessage("From: a@example.net\n" + report));
        Assert.Null(Samples.OpenMessage("From: a@example.net\nContent-Type: message/rfc822\n\nFrom: b@example.net\n" + report));
    }

    [Fact]
    public void Packages_of_either_kind_are_opened()
    {
        var xml = Encoding.UTF8.GetBytes(Samples.Xml());
        Assert.IsType<IncomingReport.Aggregate>(IncomingReport.File(xml));
        Assert.IsType<IncomingReport.Aggregate>(IncomingReport.File(Samples.Gzip(xml)));
        Assert.IsType<IncomingReport.Aggregate>(IncomingReport.File(Samples.Zip(("r.xml", xml))));
        Assert.IsType<IncomingReport.Tls>(IncomingReport.File(Samples.Gzip(Samples.Read("rfc8460.json"))));
    }

    public static TheoryData<string, ReportFaultKind> Hostile => new()
    {
        { "bomb.gz", ReportFaultKind.TooLarge },
        { "bomb.zip", ReportFaultKind.TooLarge },
        { "gz of gz", ReportFaultKind.CompressedTwice },
        { "zip of gz", ReportFaultKind.CompressedTwice },
        { "two files", ReportFaultKind.SeveralFiles },
        { "no file", ReportFaultKind.SeveralFiles },
        { "gz that ends too early", ReportFaultKind.MalformedJson },
        { "cut zip", ReportFaultKind.DamagedArchive },
        { "encrypted zip", ReportFaultKind.EncryptedArchive },
        { "zip of a method nobody knows", ReportFaultKind.DamagedArchive },
        { "gz of a picture", ReportFaultKind.MalformedXml },
    };

    [Theory, MemberData(nameof(Hostile))]
    public void A_hostile_package_is_refused_by_the_name_of_what_is_wrong(string what, ReportFaultKind expected)
    {
        var xml = Encoding.UTF8.GetBytes(Samples.Xml());
        var zip = Samples.Zip(("r.xml", xml));
        var directory = zip.AsSpan().IndexOf("PK\x1\x2"u8);
        var file = what switch
        {
            "bomb.gz" => Samples.Gzip(new byte[ReportLimits.UnpackedOctetsMax + 1]),
            "bomb.zip" => Samples.Zip(("r.xml", new byte[ReportLimits.UnpackedOctetsMax + 1])),
            "gz of gz" => Samples.Gzip(Samples.Gzip(xml)),
            "zip of gz" => Samples.Zip(("r.xml.gz", Samples.Gzip(xml))),
            "two files" => Samples.Zip(("a.xml", xml), ("b.xml", xml)),
            "no file" => Samples.Zip(),
            "gz that ends too early" => Cut(Samples.Gzip(Samples.Read("rfc8460.json"))),
            "cut zip" => Cut(zip),
            "encrypted zip" => With(zip, directory + 8, 1),
            "zip of a method nobody knows" => With(zip, directory + 10, 12),
            _ => Samples.Gzip([0x89, .. "PNG"u8]),
        };
        Assert.Equal(expected, Samples.Fault(IncomingReport.File(file)).Kind);
    }

    [Fact]
    public void A_bomb_costs_little_more_than_the_limit()
    {
        var bomb = Samples.Gzip(new byte[500 * 1024 * 1024]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(ReportFaultKind.TooLarge, Samples.Fault(IncomingReport.File(bomb)).Kind);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L * ReportLimits.UnpackedOctetsMax);
    }

    [Fact]
    public void Random_octets_never_throw()
    {
        var random = new Random(7);
        foreach (var name in Samples.Names.Where(static name => !name.StartsWith('!')))
        {
            var octets = Samples.Read(name);
            for (var i = 0; i < 200; i++)
            {
                var changed = (byte[])octets.Clone();
                for (var j = random.Next(1, 9); j > 0; j--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
                IncomingReport.File(changed);
                Samples.OpenMessage(changed[..random.Next(changed.Length)]);
            }
        }
    }

    private static byte[] Cut(byte[] file) => file[..(file.Length * 2 / 3)];

    private static byte[] With(byte[] file, int at, byte value)
    {
        file[at] = value;
        return file;
    }
}
