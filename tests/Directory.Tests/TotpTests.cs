using System.Text;
using CsCheck;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Directory.Tests;

public sealed class TotpTests
{
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes("12345678901234567890");

    // RFC 6238 appendix B, the last six of its eight digits.
    [Theory]
    [InlineData(59, 287082)]
    [InlineData(1111111109, 081804)]
    [InlineData(1111111111, 050471)]
    [InlineData(1234567890, 005924)]
    [InlineData(2000000000, 279037)]
    [InlineData(20000000000, 353130)]
    public void The_codes_are_those_of_the_RFC(long seconds, int code) =>
        Assert.Equal(code, Totp.CodeOf(Secret, Totp.StepOf(DateTimeOffset.FromUnixTimeSeconds(seconds))));

    // RFC 4226 appendix D.
    [Theory]
    [InlineData(0, 755224)]
    [InlineData(1, 287082)]
    [InlineData(5, 254676)]
    [InlineData(9, 520489)]
    public void The_codes_by_counter_are_those_of_the_RFC(long step, int code) => Assert.Equal(code, Totp.CodeOf(Secret, step));

    [Fact]
    public void A_code_is_taken_one_step_early_or_late_and_no_more()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        for (var off = -3; off <= 3; off++)
        {
            var code = Totp.CodeOf(Secret, Totp.StepOf(now) + off).ToString("D6", System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(Math.Abs(off) <= Totp.StepsAround ? Totp.StepOf(now) + off : null, Totp.Match(Secret, code, now, 0));
        }
    }

    [Fact]
    public void A_code_that_was_taken_and_those_before_it_are_not_taken_again()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        var step = Totp.StepOf(now);
        var code = Totp.CodeOf(Secret, step).ToString("D6", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(step, Totp.Match(Secret, code, now, step - 1));
        Assert.Null(Totp.Match(Secret, code, now, step));
        Assert.Null(Totp.Match(Secret, code, now, step + 1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("12345a")]
    [InlineData("-1")]
    [InlineData("٣٥٣١٣٠")]
    [InlineData("000000000000000000000000")]
    public void What_has_not_six_digits_is_no_code(string typed) =>
        Assert.Null(Totp.Match(Secret, typed, DateTimeOffset.FromUnixTimeSeconds(1_800_000_000), 0));

    [Theory]
    [InlineData("", "")]
    [InlineData("f", "MY")]
    [InlineData("fo", "MZXQ")]
    [InlineData("foo", "MZXW6")]
    [InlineData("foob", "MZXW6YQ")]
    [InlineData("fooba", "MZXW6YTB")]
    [InlineData("foobar", "MZXW6YTBOI")]
    public void Base32_is_that_of_the_RFC(string plain, string encoded) => Assert.Equal(encoded, Totp.Base32(Encoding.ASCII.GetBytes(plain)));

    [Fact]
    public void Every_code_is_found_by_itself() => Gen.Select(Gen.Byte.Array[20], Gen.Long[0, 60_000_000]).Sample((secret, step) =>
        Totp.Match(secret, $"{Totp.CodeOf(secret, step):D6}", DateTimeOffset.FromUnixTimeSeconds(step * 30), -10) is not null);

    [Fact]
    public void What_an_authenticator_scans_names_the_server_and_the_account() => Assert.Equal(
        "otpauth://totp/mail.example.test:ann%40example.test?secret=MZXW6&issuer=mail.example.test",
        Totp.Uri("mail.example.test", EmailAddress.Parse("ann@example.test"), "MZXW6"));
}
