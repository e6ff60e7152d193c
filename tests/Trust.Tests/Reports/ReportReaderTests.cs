using System.Globalization;
using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class ReportReaderTests
{
    private const string Times = "<date_range><begin>1700000000</begin><end>1700086399</end></date_range>";

    private static ReportFaultKind? Xml(string xml) =>
        AggregateReportReader.TryRead(Encoding.UTF8.GetBytes(xml), out _, out var fault) ? null : fault!.Kind;

    private static ReportFaultKind? Json(string json) =>
        TlsReportReader.TryRead(Encoding.UTF8.GetBytes(json), out _, out var fault) ? null : fault!.Kind;

    public static TheoryData<string, ReportFaultKind> WrongXml => new()
    {
        { "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><feedback>&lol2;</feedback>", ReportFaultKind.DocumentType },
        { "<!DOCTYPE feedback SYSTEM \"file:///etc/passwd\"><feedback/>", ReportFaultKind.DocumentType },
        { Samples.Xml(metadata: "<org_name>&xxe;</org_name>" + Times), ReportFaultKind.DocumentType },
        { Samples.Xml(metadata: "<org_name>&#0;</org_name>" + Times), ReportFaultKind.MalformedXml },
        { Samples.Xml(metadata: "<org_name>&#xD800;</org_name>" + Times), ReportFaultKind.MalformedXml },
        { Samples.Xml(metadata: "<org_name>&amp</org_name>" + Times), ReportFaultKind.MalformedXml },
        { "<feedback><report_metadata>", ReportFaultKind.MalformedXml },
        { "<feedback></report_metadata>", ReportFaultKind.MalformedXml },
        { "<feedback a></feedback>", ReportFaultKind.MalformedXml },
        { "<feedback a=1></feedback>", ReportFaultKind.MalformedXml },
        { "<feedback a=\"1></feedback>", ReportFaultKind.MalformedXml },
        { "<feedback><!-- </feedback>", ReportFaultKind.MalformedXml },
        { "<feedback><![CDATA[ </feedback>", ReportFaultKind.MalformedXml },
        { "<![CDATA[x]]>", ReportFaultKind.MalformedXml },
        { "< feedback/>", ReportFaultKind.MalformedXml },
        { "text<feedback/>", ReportFaultKind.MalformedXml },
        { "<feedback/", ReportFaultKind.MalformedXml },
        { "<a/>", ReportFaultKind.MissingField },
        { "<feedback/>", ReportFaultKind.MissingField },
        { Samples.Xml(metadata: "<org_name>x</org_name>" + Times), ReportFaultKind.MissingField },
        { Samples.Xml(metadata: "<org_name>x</org_name><report_id>1</report_id>"), ReportFaultKind.MissingField },
        { Samples.Xml(metadata: "<report_id>1</report_id>" + Times), ReportFaultKind.MissingField },
        { Samples.Xml(policy: "<p>none</p>"), ReportFaultKind.MissingField },
        { Samples.Xml(identifiers: ""), ReportFaultKind.MissingField },
        { Samples.Xml(row: "<source_ip>host.example</source_ip><count>1</count>"), ReportFaultKind.WrongValue },
        { Samples.Xml(row: "<source_ip>192.0.2.1</source_ip><count>-1</count>"), ReportFaultKind.WrongValue },
        { Samples.Xml(row: "<source_ip>192.0.2.1</source_ip><count>99999999999999</count>"), ReportFaultKind.WrongValue },
        { Samples.Xml(row: "<source_ip>192.0.2.1</source_ip>"), ReportFaultKind.WrongValue },
        {
            Samples.Xml(metadata: "<org_name>x</org_name><report_id>1</report_id><date_range><begin>2</begin><end>1</end></date_range>"),
            ReportFaultKind.WrongDates
        },
        {
            Samples.Xml(metadata: "<org_name>x</org_name><report_id>1</report_id><date_range><begin>1</begin><end>99999999</end></date_range>"),
            ReportFaultKind.WrongDates
        },
        {
            Samples.Xml(metadata: "<org_name>x</org_name><report_id>1</report_id><date_range><begin>today</begin><end>1</end></date_range>"),
            ReportFaultKind.WrongDates
        },
    };

    [Theory, MemberData(nameof(WrongXml))]
    public void Wrong_XML_is_refused_by_the_name_of_what_is_wrong(string xml, ReportFaultKind expected) => Assert.Equal(expected, Xml(xml));

    [Fact]
    public void Elements_nest_as_deep_as_a_report_needs_and_no_deeper()
    {
        string Nested(int depth) => Samples.Xml(policy: "<domain>example.test</domain>" + Repeat("<x>", depth) + Repeat("</x>", depth));
        Assert.Null(Xml(Nested(ReportLimits.DepthMax - 2)));
        Assert.Equal(ReportFaultKind.TooDeep, Xml(Nested(ReportLimits.DepthMax - 1)));
    }

    [Fact]
    public void A_report_has_so_many_records_and_no_more()
    {
        const string record = "<record><row><source_ip>192.0.2.7</source_ip><count>1</count></row>"
            + "<identifiers><header_from>example.test</header_from></identifiers></record>";
        string With(int more) => Samples.Xml().Replace("</feedback>", Repeat(record, more) + "</feedback>", StringComparison.Ordinal);
        Assert.Null(Xml(With(ReportLimits.RecordsMax - 1)));
        Assert.Equal(ReportFaultKind.TooManyRecords, Xml(With(ReportLimits.RecordsMax)));
    }

    [Fact]
    public void A_few_octets_that_are_no_UTF_8_are_passed_over_and_many_are_refused()
    {
        bool Read(int bad, out AggregateReport? report, out ReportFault? fault)
        {
            var xml = Encoding.UTF8.GetBytes(Samples.Xml(metadata: "<org_name>x~</org_name><report_id>1</report_id>" + Times));
            var at = xml.AsSpan().IndexOf((byte)'~');
            return AggregateReportReader.TryRead([.. xml[..at], .. Enumerable.Repeat((byte)0xE9, bad), .. xml[(at + 1)..]], out report, out fault);
        }

        Assert.True(Read(ReportLimits.BadOctetsMax, out var report, out _));
        Assert.StartsWith("x\uFFFD", report!.Organization, StringComparison.Ordinal);
        Assert.False(Read(ReportLimits.BadOctetsMax + 1, out _, out var fault));
        Assert.Equal("bad-utf8", fault!.Name);
    }

    [Fact]
    public void Text_is_what_XML_says_it_is()
    {
        var xml = Samples.Xml(metadata: "<org_name> a&#x20AC;&#66;<!-- c --><![CDATA[<&]]>&lt;d\n e</org_name><report_id>1</report_id>" + Times);
        Assert.True(AggregateReportReader.TryRead([.. "\uFEFF<?xml version='1.0'?>"u8, .. Encoding.UTF8.GetBytes(xml)], out var report, out _));
        Assert.Equal("a€B<&<d  e", report!.Organization);
    }

    [Fact]
    public void A_long_value_is_cut()
    {
        var xml = Samples.Xml(metadata: $"<org_name>{new string('x', 5000)}</org_name><report_id>1</report_id>" + Times);
        Assert.True(AggregateReportReader.TryRead(Encoding.UTF8.GetBytes(xml), out var report, out _));
        Assert.Equal(ReportLimits.ValueCharsMax, report!.Organization.Length);
    }

    [Fact]
    public void Every_prefix_of_a_report_is_refused_and_none_throws()
    {
        var xml = Samples.Xml();
        for (var length = 0; length < xml.Length; length++) Assert.NotNull(Xml(xml[..length]));
        var json = Encoding.UTF8.GetString(Samples.Read("rfc8460.json")).TrimEnd();
        for (var length = 0; length < json.Length; length++) Assert.NotNull(Json(json[..length]));
    }

    private static string Tls(
        string range = "\"start-datetime\":\"2026-01-01T00:00:00Z\",\"end-datetime\":\"2026-01-01T23:59:59Z\"",
        string policy = "\"policy-type\":\"sts\",\"policy-domain\":\"example.test\"",
        string summary = "\"total-successful-session-count\":1,\"total-failure-session-count\":0",
        string details = "") =>
        "{\"organization-name\":\"x\",\"report-id\":\"1\",\"date-range\":{" + range + "},\"policies\":[{\"policy\":{" + policy
        + "},\"summary\":{" + summary + "},\"failure-details\":[" + details + "]}]}";

    public static TheoryData<string, ReportFaultKind> WrongJson => new()
    {
        { "[]", ReportFaultKind.MissingField },
        { "{}", ReportFaultKind.MissingField },
        { "{", ReportFaultKind.MalformedJson },
        { "", ReportFaultKind.MalformedJson },
        { Tls() + "x", ReportFaultKind.MalformedJson },
        { Tls().Replace("\"x\"", "\"\\uD800\"", StringComparison.Ordinal), ReportFaultKind.BadUtf8 },
        { Tls(range: "\"start-datetime\":\"2026-01-02T00:00:00Z\",\"end-datetime\":\"2026-01-01T23:59:59Z\""), ReportFaultKind.WrongDates },
        { Tls(range: "\"start-datetime\":\"yesterday\",\"end-datetime\":\"2026-01-01T23:59:59Z\""), ReportFaultKind.WrongDates },
        { Tls(range: "\"start-datetime\":\"2026-01-01T00:00:00Z\""), ReportFaultKind.MissingField },
        { Tls(policy: "\"policy-type\":\"sts\""), ReportFaultKind.MissingField },
        { Tls(policy: "\"policy-domain\":\"example.test\""), ReportFaultKind.MissingField },
        { Tls(summary: "\"total-successful-session-count\":-1"), ReportFaultKind.WrongValue },
        { Tls(summary: "\"total-successful-session-count\":1e3"), ReportFaultKind.WrongValue },
        { Tls(summary: "\"total-successful-session-count\":null"), ReportFaultKind.WrongValue },
        { Tls(details: "{\"failed-session-count\":1}"), ReportFaultKind.MissingField },
        { Tls(details: "1"), ReportFaultKind.MissingField },
        { Repeat("{\"a\":", 40) + "1" + Repeat("}", 40), ReportFaultKind.MalformedJson },
    };

    [Theory, MemberData(nameof(WrongJson))]
    public void Wrong_JSON_is_refused_by_the_name_of_what_is_wrong(string json, ReportFaultKind expected) => Assert.Equal(expected, Json(json));

    [Fact]
    public void JSON_that_is_no_UTF_8_is_refused()
    {
        Assert.False(TlsReportReader.TryRead([.. "{\"organization-name\":\""u8, 0xE9, .. "\"}"u8], out _, out var fault));
        Assert.Equal("bad-utf8", fault!.Name);
    }

    [Fact]
    public void What_a_TLS_report_has_more_of_or_writes_otherwise_is_passed_over()
    {
        var json = Tls(
            policy: "\"policy-type\":\"STS\",\"policy-domain\":\"Example.TEST.\",\"mx-host\":\"mx.example.test\",\"policy-string\":{},\"x\":[1,{}]",
            summary: "\"total-successful-session-count\":\"12\",\"y\":null",
            details: "{\"result-type\":\"validation-failure\",\"failed-session-count\":2,\"receiving-ip\":7}");
        Assert.True(TlsReportReader.TryRead(Encoding.UTF8.GetBytes(json), out var report, out _));
        var policy = Assert.Single(report!.Policies);
        Assert.Equal(("sts", "example.test", 12), (policy.Type, policy.Domain, policy.Successes));
        Assert.Equal(["mx.example.test"], policy.MxHosts);
        Assert.Null(Assert.Single(policy.Details).ReceivingAddress);
    }

    [Fact]
    public void A_feedback_report_without_a_type_or_with_a_wrong_address_is_refused()
    {
        ReportFaultKind? Read(string fields) =>
            FeedbackReportReader.TryRead(Encoding.UTF8.GetBytes(fields), default, out _, out var fault) ? null : fault!.Kind;

        Assert.Equal(ReportFaultKind.MissingField, Read("User-Agent: x\r\n\r\n"));
        Assert.Equal(ReportFaultKind.WrongValue, Read("Feedback-Type: abuse\r\nSource-IP: somewhere\r\n"));
        Assert.Equal(ReportFaultKind.WrongValue, Read("Feedback-Type: abuse\r\nIncidents: many\r\n"));
        Assert.Null(Read("feedback-type: Abuse\r\narrival-date: never\r\n"));
    }

    private static string Repeat(string text, int count) =>
        string.Create(CultureInfo.InvariantCulture, $"{new StringBuilder(text.Length * Math.Max(count, 0)).Insert(0, text, Math.Max(count, 0))}");
}
