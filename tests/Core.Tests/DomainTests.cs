using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class DomainTests
{
    [Theory]
    [InlineData("example.test", "example.test")]
    [InlineData("EXAMPLE.Test", "example.test")]
    [InlineData("localhost", "localhost")]
    [InlineData("a-b.1.test", "a-b.1.test")]
    [InlineData("Bücher.example", "xn--bcher-kva.example")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("XN--BCHER-KVA.example", "xn--bcher-kva.example")]
    [InlineData("bücher。example", "xn--bcher-kva.example")] // RFC 5895 §2: the ideographic full stop
    [InlineData("例え.テスト", "xn--r8jz45g.xn--zckzah")]
    [InlineData("bu\u0308cher.example", "xn--bcher-kva.example")] // composed before it is compared
    public void A_name_has_one_form_in_ascii(string text, string ascii)
    {
        Assert.True(Domain.TryParse(text, out var domain));
        Assert.Equal(ascii, domain.Ascii);
        Assert.Equal(domain, Domain.Parse(domain.Unicode));
        Assert.Equal(domain, Domain.Parse(domain.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("-a.test")]
    [InlineData("a-.test")]
    [InlineData("a_b.test")]
    [InlineData("a b.test")]
    [InlineData("a\r\nb.test")]
    [InlineData("a\0.test")]
    [InlineData("[192.0.2.1]")]
    [InlineData("a@b")]
    [InlineData("\uFFFD.test")]
    [InlineData("ü\u0085.test")]
    [InlineData("ü\u00A0b.test")]
    [InlineData("ü\u200Bb.test")]
    [InlineData("ü\u202Eb.test")]
    [InlineData("\uE000.test")]
    public void What_is_no_host_name_is_refused(string text)
    {
        Assert.False(Domain.TryParse(text, out _));
        Assert.Throws<FormatException>(() => Domain.Parse(text));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_no_letter()
    {
        Assert.False(Domain.TryParse("\ud800.test", out _));
        Assert.False(EmailAddress.TryParse("\ud800@d.test", out _));
    }

    [Fact]
    public void Labels_and_names_have_their_lengths()
    {
        var label = new string('a', 63);
        Assert.True(Domain.TryParse(label + ".test", out _));
        Assert.False(Domain.TryParse("a" + label + ".test", out _));
        var longest = string.Join('.', label, label, label, new string('b', 61));
        Assert.Equal(Domain.OctetsMax, longest.Length);
        Assert.True(Domain.TryParse(longest, out _));
        Assert.False(Domain.TryParse(longest + "b", out _));
        Assert.False(Domain.TryParse(new string('ü', 60) + ".test", out _)); // 63 octets hold fewer letters in A-labels
    }

    [Fact]
    public void Any_text_parses_to_a_name_that_parses_to_itself_or_not_at_all()
    {
        Gen.OneOf(Gen.String, Gen.Char["aZ9-.ü。ßxn\u0308\ud83d\ude00"].Array[0, 20].Select(c => new string(c))).Sample(text =>
        {
            if (!Domain.TryParse(text, out var domain)) return;
            Assert.True(System.Text.Ascii.IsValid(domain.Ascii));
            Assert.Equal(domain.Ascii.ToLowerInvariant(), domain.Ascii);
            Assert.InRange(domain.Ascii.Length, 1, Domain.OctetsMax);
            Assert.Equal(domain, Domain.Parse(domain.Ascii));
        });
    }
}
