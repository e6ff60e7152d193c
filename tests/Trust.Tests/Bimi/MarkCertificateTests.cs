using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class MarkCertificateTests
{
    private static readonly string[] Names = ["default._bimi.good.test", "good.test"];

    private readonly MarkAuthority _authority = new();

    [Theory]
    [InlineData("good.test", true)]
    [InlineData("default._bimi.good.test", true)]
    [InlineData("good.test", false)]
    public void A_certificate_of_a_trusted_authority_has_the_mark(string name, bool packed)
    {
        Assert.Null(Fault(_authority.Issue(name, packed: packed), out var mark));
        Assert.Equal((MarkAuthority.Svg, "Good Ltd"), (Encoding.UTF8.GetString(mark!.Image), mark.Organization));
    }

    [Fact]
    public void Another_domains_mark_is_refused() =>
        Assert.Equal("the certificate is not for default._bimi.good.test", Fault(_authority.Issue("bad.test"), out _));

    [Theory]
    [InlineData(null)]
    [InlineData("1.3.6.1.5.5.7.3.1")]
    public void A_certificate_for_servers_is_none_for_marks(string? usage) =>
        Assert.NotNull(Fault(_authority.Issue("good.test", usage: usage), out _));

    [Fact]
    public void Another_authority_is_not_believed() => Assert.StartsWith(
        "the certificate is not valid: ", Fault(new MarkAuthority().Issue("good.test"), out _), StringComparison.Ordinal);

    [Fact]
    public void One_that_has_expired_is_not_believed() => Assert.Contains(
        "NotTimeValid", Fault(_authority.Issue("good.test", ends: TestAuthority.Now.AddDays(-1)), out _), StringComparison.Ordinal);

    [Fact]
    public void The_mark_is_the_one_that_was_certified() =>
        Assert.Equal("the certificate has no mark inside", Fault(_authority.Issue("good.test", hashed: [1, 2, 3]), out _));

    [Fact]
    public void A_mark_without_end_is_not_unpacked() => Assert.Equal(
        "the certificate has no mark inside", Fault(_authority.Issue("good.test", new byte[50 * 1024 * 1024]), out _));

    [Fact]
    public void What_is_no_image_for_marks_is_refused()
    {
        var image = Encoding.UTF8.GetBytes(MarkAuthority.Svg.Replace("<circle", "<script/><circle", StringComparison.Ordinal));
        Assert.Equal("the image has an element script", Fault(_authority.Issue("good.test", image), out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void What_is_no_certificate_is_refused(string pem) => Assert.NotNull(Fault(Encoding.ASCII.GetBytes(pem), out _));

    private string? Fault(byte[] pem, out Mark? mark) =>
        MarkCertificate.TryVerify(pem, Names, _authority.Roots, TestAuthority.Now, out mark, out var fault) ? null : fault;
}

public sealed class SvgProfileTests
{
    [Fact]
    public void A_drawing_is_taken() => Assert.Null(Fault(MarkAuthority.Svg));

    [Theory]
    [InlineData("tiny-ps", "tiny", "the image is not of version 1.2 and profile tiny-ps")]
    [InlineData("1.2", "1.1", "the image is not of version 1.2 and profile tiny-ps")]
    [InlineData("<title>Good</title>", "", "the image has no title")]
    [InlineData("<circle", "<script>alert(1)</script><circle", "the image has an element script")]
    [InlineData("<circle", "<image href='https://bad.test/'/><circle", "the image has an element image")]
    [InlineData("<circle", "<animate/><circle", "the image has an element animate")]
    [InlineData("<circle", "<foreignObject/><circle", "the image has an element foreignObject")]
    [InlineData("<circle", "<h:p xmlns:h='http://www.w3.org/1999/xhtml'/><circle", "the image has an element p")]
    [InlineData("<circle", "<circle onclick='x()'", "the image has a handler of events")]
    [InlineData("<circle", "<use href='https://bad.test/#a'/><circle", "the image refers to something outside of it")]
    [InlineData("<circle", "<circle fill='url( https://bad.test/#a )'", "the image refers to something outside of it")]
    [InlineData("<circle", "<circle xml:base='https://bad.test/'", "the image has a base address")]
    [InlineData("<svg ", "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg ", "the image is no SVG")]
    [InlineData("<svg ", "<?xml-stylesheet href='https://bad.test/'?><svg ", "the image has a processing instruction")]
    [InlineData("</svg>", "", "the image is no SVG")]
    public void What_runs_moves_or_fetches_is_refused(string what, string instead, string fault) =>
        Assert.Equal(fault, Fault(MarkAuthority.Svg.Replace(what, instead, StringComparison.Ordinal)));

    [Theory]
    [InlineData("<use href='#a'/><circle fill=\"url('#g')\"")]
    [InlineData("<g><linearGradient id='g'><stop offset='0'/></linearGradient></g><circle")]
    public void What_refers_to_itself_is_taken(string instead) =>
        Assert.Null(Fault(MarkAuthority.Svg.Replace("<circle", instead, StringComparison.Ordinal)));

    [Fact]
    public void What_is_nested_or_large_without_end_is_refused()
    {
        var deep = string.Concat(Enumerable.Repeat("<g>", 100)) + string.Concat(Enumerable.Repeat("</g>", 100));
        Assert.Equal("the image is nested too deeply", Fault(MarkAuthority.Svg.Replace("</title>", "</title>" + deep, StringComparison.Ordinal)));
        Assert.Equal("the image is too large", Fault(MarkAuthority.Svg + new string(' ', TrustLimits.IndicatorOctetsMax)));
    }

    private static string? Fault(string svg) => SvgProfile.Fault(Encoding.UTF8.GetBytes(svg));
}
