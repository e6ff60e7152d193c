using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Directory.Tests;

public sealed class SaslExchangeTests
{
    [Theory]
    [InlineData("\0ann@example.test\0pässword", "", "ann@example.test", "pässword")]
    [InlineData("bob\0ann\0p", "bob", "ann", "p")]
    public void Plain_says_everything_at_once(string response, string authorizeAs, string login, string password)
    {
        var step = SaslExchange.Start("plain")!.Step(Encoding.UTF8.GetBytes(response));
        Assert.Equal(SaslState.Complete, step.State);
        Assert.Equal((authorizeAs, login), (step.Credentials!.AuthorizeAs, step.Credentials.Login));
        Assert.Equal(password, Encoding.UTF8.GetString(step.Credentials.Password.Span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("ann")]
    [InlineData("\0ann")]
    [InlineData("\0ann\0")]
    [InlineData("\0\0secret")]
    [InlineData("\0ann\0sec\0ret")]
    public void Plain_with_a_part_missing_is_malformed(string response) =>
        Assert.Equal(SaslState.Malformed, SaslExchange.Start("PLAIN")!.Step(Encoding.UTF8.GetBytes(response)).State);

    [Fact]
    public void Plain_refuses_what_is_not_utf8() =>
        Assert.Equal(SaslState.Malformed, SaslExchange.Start("PLAIN")!.Step([0, (byte)'a', 0, 0xFF, 0xFE]).State);

    [Fact]
    public void Plain_accepts_255_octets_of_each_part()
    {
        var part = new string('x', 255);
        Assert.Equal(SaslState.Complete, SaslExchange.Start("PLAIN")!.Step(Encoding.UTF8.GetBytes($"{part}\0{part}\0{part}")).State);
    }

    [Fact]
    public void Login_asks_twice_or_takes_the_name_as_initial_response()
    {
        var asked = SaslExchange.Start("Login")!;
        Assert.Equal("Username:", Encoding.ASCII.GetString(asked.Begin().Challenge.Span));
        foreach (var exchange in new[] { asked, SaslExchange.Start("LOGIN")! })
        {
            var second = exchange.Step("ann@example.test"u8);
            Assert.Equal("Password:", Encoding.ASCII.GetString(second.Challenge.Span));
            var done = exchange.Step("secret"u8);
            Assert.Equal(("ann@example.test", "secret"), (done.Credentials!.Login, Encoding.ASCII.GetString(done.Credentials.Password.Span)));
            Assert.Equal(SaslState.Malformed, exchange.Step("more"u8).State);
        }
    }

    [Fact]
    public void Disposing_wipes_the_password()
    {
        var credentials = SaslExchange.Start("PLAIN")!.Step("\0ann\0secret"u8).Credentials!;
        var password = credentials.Password;
        credentials.Dispose();
        Assert.Equal(new byte[6], password.ToArray());
    }

    [Fact]
    public void An_unknown_mechanism_is_none() => Assert.Null(SaslExchange.Start("CRAM-MD5"));

    [Fact]
    public void No_answer_throws() => Gen.Byte.Array[0, 40].Array[0, 4].Sample(answers =>
    {
        foreach (var mechanism in SaslExchange.Mechanisms)
        {
            var exchange = SaslExchange.Start(mechanism)!;
            exchange.Begin();
            foreach (var answer in answers) exchange.Step(answer);
        }
    });
}
