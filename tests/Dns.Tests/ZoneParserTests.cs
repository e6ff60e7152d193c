using System.Net;
using CsCheck;
using Xunit;

namespace Posthorn.Dns.Tests;

public sealed class ZoneParserTests
{
    private const string Master = """
        ; what a small installation publishes
        $TTL 1h
        $ORIGIN example.test.
        @       IN SOA ns admin ( 1 ; serial
                        2h 30m 4w 5 )
                IN NS  ns
                300 MX 10 mail
                IN 60 MX 20 backup.other.test.
                TXT    "v=spf1 mx " "-all" ; two strings
                TXT    "a;b (c) \"d\" \\ \065\195\164"
                TXT    bare
        Mail    A      192.0.2.1
                AAAA   2001:db8::1
        www 1d  IN CNAME mail
        *.wild  A      192.0.2.9
        _dmarc  TXT    "v=DMARC1; p=reject"
        _25._tcp.mail TLSA 3 1 1 00ff
        deep.a.b A     192.0.2.3
        strange TYPE65280 \# 2 0001
        null    MX     0 .
        $ORIGIN 2.0.192.in-addr.arpa.
        1       PTR    mail.example.test.
        $ORIGIN test.
        other   A      192.0.2.4
        """;

    [Fact]
    public void Every_form_of_the_master_file_is_understood()
    {
        var zone = Parse(Master);
        Assert.Equal(
            [new MxRecord(10, "mail.example.test"), new MxRecord(20, "backup.other.test")],
            zone.Ask<MxRecord>("example.test", "MX").Records);
        Assert.Equal(TimeSpan.FromSeconds(60), zone.Ask<MxRecord>("example.test", "MX").Ttl);
        Assert.Equal(["v=spf1 mx -all", "a;b (c) \"d\" \\ Aä", "bare"], zone.Ask<string>("example.test", "TXT").Records);
        Assert.Equal([IPAddress.Parse("192.0.2.1")], zone.Ask<IPAddress>("mail.example.test", "A").Records);
        Assert.Equal([IPAddress.Parse("2001:db8::1")], zone.Ask<IPAddress>("mail.example.test", "AAAA").Records);
        Assert.Equal(TimeSpan.FromHours(1), zone.Ask<IPAddress>("mail.example.test", "A").Ttl);
        Assert.Equal(["v=DMARC1; p=reject"], zone.Ask<string>("_dmarc.example.test", "TXT").Records);
        Assert.Equal([new MxRecord(0, "")], zone.Ask<MxRecord>("null.example.test", "MX").Records);
        Assert.Equal(["mail.example.test"], zone.Ask<string>("1.2.0.192.in-addr.arpa", "PTR").Records);
        Assert.Equal([IPAddress.Parse("192.0.2.4")], zone.Ask<IPAddress>("other.test", "A").Records);
        Assert.Equal([new TlsaRecord(3, 1, 1, "00ff")], zone.Ask<TlsaRecord>("_25._tcp.mail.example.test", "TLSA").Records);
    }

    [Theory]
    [InlineData("nobody.example.test", DnsStatus.NxDomain)]
    [InlineData("mail.example.test", DnsStatus.NoData)]
    [InlineData("strange.example.test", DnsStatus.NoData)]
    [InlineData("b.example.test", DnsStatus.NoData)] // there is something below it
    [InlineData("tcp.mail.example.test", DnsStatus.NxDomain)]
    [InlineData("elsewhere.invalid", DnsStatus.NxDomain)]
    public void Other_names_do_not_exist_and_other_types_have_no_data(string name, DnsStatus expected) =>
        Assert.Equal(expected, Parse(Master).Ask<MxRecord>(name, "MX").Status);

    [Theory]
    [InlineData("x.wild.example.test", DnsStatus.Ok)]
    [InlineData("x.y.wild.example.test", DnsStatus.Ok)]
    [InlineData("wild.example.test", DnsStatus.NoData)]
    public void A_wildcard_answers_for_names_below_it_that_do_not_exist(string name, DnsStatus expected) =>
        Assert.Equal(expected, Parse(Master).Ask<IPAddress>(name, "A").Status);

    [Fact]
    public void A_name_between_hides_the_wildcard()
    {
        var zone = Parse("*.test. A 192.0.2.1\nx.a.test. A 192.0.2.2");
        Assert.Equal(DnsStatus.NxDomain, zone.Ask<IPAddress>("y.a.test", "A").Status); // RFC 4592 §2.2.1
        Assert.Equal(DnsStatus.Ok, zone.Ask<IPAddress>("y.b.test", "A").Status);
        Assert.Equal(DnsStatus.Ok, Parse("* MX 1 mx").Ask<MxRecord>("any.where", "MX").Status);
    }

    [Fact]
    public void Aliases_are_followed_and_a_circle_of_them_ends()
    {
        var zone = Parse("a.test. 50 CNAME b.test.\nb.test. 70 CNAME c.test.\nc.test. 60 A 192.0.2.1\nd.test. CNAME e.test.\n"
            + "e.test. CNAME d.test.\nf.test. CNAME gone.test.");
        Assert.Equal(TimeSpan.FromSeconds(50), zone.Ask<IPAddress>("a.test", "A").Ttl);
        Assert.Equal(DnsStatus.Ok, zone.Ask<IPAddress>("a.test", "A").Status);
        Assert.Equal(DnsStatus.Failed, zone.Ask<IPAddress>("d.test", "A").Status);
        Assert.Equal(DnsStatus.NxDomain, zone.Ask<IPAddress>("f.test", "A").Status);
    }

    [Theory]
    [InlineData(1, " A 192.0.2.1")]
    [InlineData(1, "a.test. A 192.0.2")]
    [InlineData(1, "a.test. A 2001:db8::1")]
    [InlineData(1, "a.test. AAAA 192.0.2.1")]
    [InlineData(1, "a.test. A 192.0.2.1 192.0.2.2")]
    [InlineData(2, "\na.test. MX mail")]
    [InlineData(2, "\na.test. MX 70000 mail")]
    [InlineData(2, "\na.test. MX -1 mail")]
    [InlineData(3, "; one\n; two\na.test. FOO bar")]
    [InlineData(1, "a.test. CH A 192.0.2.1")]
    [InlineData(1, "a.test. 60")]
    [InlineData(1, "a.test. 60x A 192.0.2.1")]
    [InlineData(1, "a.test. 99999999999 A 192.0.2.1")]
    [InlineData(1, "a.test.")]
    [InlineData(1, "a..test. A 192.0.2.1")]
    [InlineData(1, "bücher.test. A 192.0.2.1")]
    [InlineData(1, "a.test. TXT")]
    [InlineData(1, "a.test. TXT \"never closed\nb.test. A 192.0.2.1")]
    [InlineData(1, "a.test. TXT \"\\256\"")]
    [InlineData(1, "a.test. TXT \"\\")]
    [InlineData(2, "\na.test. MX ( 10\n\n mail")]
    [InlineData(1, "a.test. MX 10 mail )")]
    [InlineData(1, "$TTL soon")]
    [InlineData(1, "$ORIGIN")]
    [InlineData(1, "$INCLUDE other.zone")]
    [InlineData(2, "a.test. A 192.0.2.1\na.test. CNAME b.test.")]
    [InlineData(2, "a.test. CNAME b.test.\na.test. CNAME c.test.")]
    public void A_fault_names_its_line(int line, string text)
    {
        Assert.False(ZoneParser.TryParse(text, out _, out var fault));
        Assert.Equal(line, fault.Line);
        Assert.NotEmpty(fault.Reason);
    }

    [Fact]
    public void A_string_of_more_than_255_octets_is_refused()
    {
        Assert.True(ZoneParser.TryParse($"a.test. TXT \"{new string('x', 255)}\"", out _, out _));
        Assert.False(ZoneParser.TryParse($"a.test. TXT \"{new string('x', 256)}\"", out _, out _));
    }

    [Fact]
    public void Every_prefix_parses_or_faults_and_line_ends_may_be_crlf()
    {
        for (var cut = 0; cut <= Master.Length; cut++) Survive(Master[..cut]);
        Assert.Equal(Parse(Master).Count, Parse(Master.ReplaceLineEndings("\r\n")).Count);
    }

    [Fact]
    public void Random_text_never_throws()
    {
        Gen.Char["\\\"();$@. \t\r\nAMXTC0129*ä\0"].Array[0, 60].Sample(text => Survive(new string(text)), iter: 20_000);
        Gen.String.Sample(Survive);
        string[] words = ["a", "@", "$TTL", "$ORIGIN", "60", "IN", "A", "MX", "TXT", "CNAME", "(", ")", "\n", " ", "\"x\"", ".", "192.0.2.1", "*"];
        Gen.Int[0, words.Length - 1].Select(i => words[i]).Array[0, 20].Sample(text => Survive(string.Join(' ', text)), iter: 20_000);
    }

    [Fact]
    public void Any_text_survives_being_written_and_read()
    {
        Gen.Char['\u0001', '\u024F'].Array[0, 100].Select(c => new string(c)).Sample(text =>
        {
            var written = string.Concat(text.Select(c => c is '"' or '\\' ? $"\\{c}" : c < ' ' ? $"\\{(int)c:000}" : $"{c}"));
            return Parse($"a.test. TXT \"{written}\"").Ask<string>("a.test", "TXT").Records.Single() == text;
        });
    }

    // Either a zone, or a fault with a line that exists.
    private static void Survive(string text)
    {
        if (!ZoneParser.TryParse(text, out _, out var fault)) Assert.InRange(fault.Line, 1, text.Count(c => c == '\n') + 1);
    }

    private static Zone Parse(string text)
    {
        Assert.True(ZoneParser.TryParse(text, out var zone, out var fault), fault.ToString());
        return zone;
    }
}
