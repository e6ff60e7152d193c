using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class StsGrammarTests
{
    [Theory]
    [InlineData("v=STSv1; id=20160831085700Z;", "20160831085700Z")]
    [InlineData("v=STSv1;id=1", "1")]
    [InlineData("v=STSv1 \t;  id=abc ; x=y-_.~!", "abc")]
    [InlineData("v=STSv1; ext_1.a-b=va:lue; id=7", "7")]
    public void A_record_has_an_id(string record, string id) => Assert.Equal(id, StsRecord.IdOf(["something else", record]));

    [Theory]
    [InlineData("v=STSv1;")]
    [InlineData("v=STSv1")]
    [InlineData("v=STSv1; id=")]
    [InlineData("v=STSv1; id=a-b")]
    [InlineData("v=STSv1; id=123456789012345678901234567890123")]
    [InlineData("v=STSv1; id=1; id=2")]
    [InlineData("v=STSv1; id=1;;")]
    [InlineData("v=STSv1; id=1 2")]
    [InlineData("v=STSv1; =1; id=2")]
    [InlineData("v=STSv1; _x=1; id=2")]
    [InlineData("v=STSv1; id=1; x")]
    [InlineData("v=STSv1; id=1; x=a=b")]
    [InlineData("v=STSv2; id=1")]
    [InlineData("V=STSv1; id=1")]
    [InlineData("v=STSv1x; id=1")]
    public void What_is_no_record_has_none(string record) => Assert.Null(StsRecord.IdOf([record]));

    [Fact]
    public void Two_records_are_as_good_as_none() => Assert.Null(StsRecord.IdOf(["v=STSv1; id=1", "v=STSv1; id=1"]));

    private static StsPolicy? Parse(string text) => StsPolicy.TryParse(Encoding.UTF8.GetBytes(text), out var policy, out _) ? policy : null;

    [Theory]
    [InlineData("\n"), InlineData("\r\n")]
    public void A_policy_says_who_takes_the_mail_and_for_how_long(string end)
    {
        var policy = Parse(string.Join(end, "version: STSv1", "mode: enforce", "mx: mail.example.com", "mx:*.Example.NET", "max_age: 604800", ""));
        Assert.Equal((StsMode.Enforce, TimeSpan.FromDays(7)), (policy!.Mode, policy.MaxAge));
        Assert.Equal(["mail.example.com", "*.example.net"], policy.Hosts);
        Assert.Equal(policy.Lines, Parse(policy.ToString())!.Lines);
    }

    [Theory]
    [InlineData("mail.example.com", true)]
    [InlineData("MAIL.example.com.", true)]
    [InlineData("a.mail.example.com", false)]
    [InlineData("a.example.net", true)]
    [InlineData("example.net", false)]
    [InlineData("a.b.example.net", false)]
    [InlineData("aexample.net", false)]
    [InlineData(".example.net", false)]
    public void A_pattern_stands_for_one_label(string host, bool named) =>
        Assert.Equal(named, Parse("version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 1\n")!.Names(host));

    [Theory]
    [InlineData("")]
    [InlineData("version: STSv2\nmode: none\nmax_age: 1\n")]
    [InlineData("mode: none\nversion: STSv1\nmax_age: 1\n")]
    [InlineData("version: STSv1\nmax_age: 1\n")]
    [InlineData("version: STSv1\nmode: none\n")]
    [InlineData("version: STSv1\nmode: strict\nmax_age: 1\n")]
    [InlineData("version: STSv1\nmode: enforce\nmax_age: 1\n")]
    [InlineData("version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n")]
    [InlineData("version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1\n")]
    [InlineData("version: STSv1\nmode: none\nmax_age: -1\n")]
    [InlineData("version: STSv1\nmode: none\nmax_age: 12345678901\n")]
    [InlineData("<html>no</html>")]
    public void What_is_no_policy_is_refused(string text) => Assert.Null(Parse(text));

    [Fact]
    public void Of_a_field_the_first_counts_and_others_are_passed_over()
    {
        var policy = Parse("version: STSv1\nmode: none\nmode: enforce\nnew_field: x\nmax_age: 99999999\nmax_age: 1\n");
        Assert.Equal((StsMode.None, TlsLimits.PolicyAgeMax), (policy!.Mode, policy.MaxAge));
    }

    [Fact]
    public void A_policy_has_an_end()
    {
        Assert.Null(Parse("version: STSv1\nmode: none\nmax_age: 1\n" + new string('\n', TlsLimits.PolicyOctetsMax)));
        var hosts = string.Concat(Enumerable.Range(0, TlsLimits.PolicyHostsMax + 1).Select(static i => $"mx: h{i}.example\n"));
        Assert.Null(Parse("version: STSv1\nmode: enforce\nmax_age: 1\n" + hosts));
    }
}
