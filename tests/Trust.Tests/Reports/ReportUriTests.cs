using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class ReportUriTests
{
    [Theory]
    [InlineData("mailto:a@b.test", "a@b.test", null)]
    [InlineData("MAILTO:a@b.test!10m", "a@b.test", 10L << 20)]
    [InlineData("mailto:a@b.test!5", "a@b.test", 5L)]
    [InlineData("mailto:a@b.test!1T", "a@b.test", 1L << 40)]
    [InlineData("mailto:a%21b@b.test?subject=x", "a!b@b.test", null)]
    public void Mail_goes_to_an_address_up_to_a_size(string text, string address, long? max)
    {
        Assert.True(ReportUri.TryParse(text, out var uri));
        Assert.Equal((address, max), (uri.Mail!.ToString(), uri.OctetsMax));
    }

    [Theory]
    [InlineData("http://b.test/"), InlineData("https://192.0.2.1/"), InlineData("https://user@b.test/"), InlineData("https:")]
    [InlineData("mailto:nobody"), InlineData("mailto:a@b.test!"), InlineData("mailto:a@b.test!m"), InlineData("ftp:x"), InlineData("")]
    public void What_is_no_destination_is_passed_over(string text) => Assert.False(ReportUri.TryParse(text, out _));

    [Fact]
    public void A_record_asks_for_reports_when_it_is_the_only_one()
    {
        const string record = "v=TLSRPTv1; rua=mailto:a@b.test,nothing,https://b.test/v1";
        var found = TlsReportRecord.DestinationsOf(["something else", record]);
        Assert.Equal(["a@b.test", "https://b.test/v1"], found.Select(static uri => uri.Mail?.ToString() ?? uri.Https!.ToString()));
        Assert.Empty(TlsReportRecord.DestinationsOf([record, record]));
        Assert.Empty(TlsReportRecord.DestinationsOf(["v=TLSRPTv1", "v=TLSRPTv2; rua=mailto:a@b.test"]));
        Assert.Equal(5, TlsReportRecord.DestinationsOf(["v=TLSRPTv1; rua=" + string.Join(',', Enumerable.Repeat("mailto:a@b.test", 9))]).Count);
    }
}
