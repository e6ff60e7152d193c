using System.Net;
using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class AuthenticationResultsTests
{
    [Fact]
    public void Every_verdict_stands_in_the_field()
    {
        var verdicts = new MailVerdicts
        {
            Iprev = new(AuthResult.Pass, IPAddress.Parse("2001:db8::1"), "mail.example.org"),
            Spf = [new(AuthResult.Fail, SpfIdentity.MailFrom, "example.org", "-all of example.org")],
            Dkim = [new(AuthResult.Pass, "example.org", "s1", "ann=x@example.org", "rsa-sha256", 2048, "abcdefgh", "")],
            Arc = ArcVerdict.None,
            Dmarc = new(AuthResult.Pass, "example.org", DmarcPolicy.None, "example.org", "DKIM by \"example.org\""),
            ChecksSignatures = true,
        };
        Assert.Equal(
            """
            Authentication-Results: mx.example.net;
            	iprev=pass
            		policy.iprev="2001:db8::1" (mail.example.org);
            	spf=fail reason="-all of example.org"
            		smtp.mailfrom=example.org;
            	dkim=pass (2048-bit key)
            		header.d=example.org
            		header.i="ann=x@example.org"
            		header.s=s1
            		header.a=rsa-sha256
            		header.b=abcdefgh;
            	arc=none;
            	dmarc=pass reason="DKIM by \"example.org\""
            		header.from=example.org

            """.ReplaceLineEndings("\r\n"),
            Encoding.UTF8.GetString(AuthenticationResults.Field("mx.example.net", verdicts)));
    }

    [Theory]
    [InlineData("Authentication-Results: mx.example.net; spf=pass\r\n\r\n", 1)]
    [InlineData("authentication-results:\r\n (a (b) c) MX.example.NET 1; spf=pass\r\n\r\n", 1)]
    [InlineData("Authentication-Results: \"mx.example.net\"; spf=pass\r\n\r\n", 1)]
    [InlineData("Authentication-Results: mx.example.net.evil.test; spf=pass\r\n\r\n", 0)]
    [InlineData("Subject: x\r\n\r\nAuthentication-Results: mx.example.net; spf=pass\r\n", 0)]
    public void What_others_wrote_in_our_name_is_found(string header, int count) =>
        Assert.Equal(count, AuthenticationResults.Forged(Encoding.UTF8.GetBytes(header), "mx.example.net").Count);

    [Fact]
    public void A_verdict_cannot_end_a_line()
    {
        var verdicts = new MailVerdicts { Spf = [new(AuthResult.PermError, SpfIdentity.Helo, "a\r\nb", "x\r\ny\"\\")] };
        var field = Encoding.UTF8.GetString(AuthenticationResults.Field("mx.example.net", verdicts));
        Assert.Contains("reason=\"x??y\\\"\\\\\"\r\n\t\tsmtp.helo=\"a??b\"\r\n", field, StringComparison.Ordinal);
    }
}
