using System.Text;
using Xunit;

namespace Posthorn.Trust.Tests;

public sealed class FromVerdictTests
{
    [Theory]
    [InlineData("From: Ann <ann@example.org>\r\n\r\n", FromOddities.None)]
    [InlineData("Subject: x\r\n\r\n", FromOddities.Missing)]
    [InlineData("From: a@example.org\r\nFrom: b@example.org\r\n\r\n", FromOddities.SeveralFields | FromOddities.SeveralAddresses)]
    [InlineData("From: a@example.org, b@example.org\r\n\r\n", FromOddities.SeveralAddresses)]
    [InlineData("From: friends: a@example.org;\r\n\r\n", FromOddities.Group)]
    [InlineData("From: A\u0001 <a@example.org>\r\n\r\n", FromOddities.ControlCharacters)]
    [InlineData("From: \"boss@bank.example\" <a@evil.test>\r\n\r\n", FromOddities.NameLooksLikeAddress)]
    [InlineData("From: =?utf-8?q?boss=40bank=2Eexample?= <a@evil.test>\r\n\r\n", FromOddities.NameLooksLikeAddress)]
    [InlineData("From: \"ann@example.org\" <ann@example.org>\r\n\r\n", FromOddities.None)]
    public void An_odd_author_is_told(string header, FromOddities oddities) =>
        Assert.Equal(oddities, FromVerdict.Of(Encoding.UTF8.GetBytes(header)).Oddities);
}
