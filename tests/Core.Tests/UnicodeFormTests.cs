using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class UnicodeFormTests
{
    // From the normalization tests of the Unicode Character Database: source and form C.
    [Theory]
    [InlineData("", "")]
    [InlineData("plain", "plain")]
    [InlineData("e\u0301", "é")]
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307")] // marks change places by class
    [InlineData("D\u0307\u0323", "\u1E0C\u0307")]
    [InlineData("\u0344", "\u0308\u0301")] // excluded from composition
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\u212B", "\u00C5")] // a singleton
    [InlineData("\u2126", "\u03A9")]
    [InlineData("\uF900", "\u8C48")]
    [InlineData("\u1100\u1161", "\uAC00")] // Hangul by rule
    [InlineData("\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("\uAC00\u11A8", "\uAC01")]
    [InlineData("\uAC00\u11A7", "\uAC00\u11A7")]
    [InlineData("a\u0315\u0300\u05AE\u0300b", "\u00E0\u05AE\u0300\u0315b")]
    [InlineData("a\u0300\u0301", "\u00E0\u0301")] // the second mark is blocked
    [InlineData("\u0301e", "\u0301e")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    [InlineData("\U00011099\U000110BA", "\U0001109A")] // beyond the first plane
    [InlineData("\ud800x\udc00", "\ud800x\udc00")] // lone surrogates stay what they are
    public void Text_is_composed(string text, string composed) => Assert.Equal(composed, UnicodeForm.Compose(text));

    [Fact]
    public void Composing_twice_changes_nothing_more()
    {
        var latin = Gen.Char['\u00C0', '\u036F'].Array[0, 12].Select(c => new string(c));
        var hangul = Gen.Char['\u1100', '\u11FF'].Array[0, 6].Select(c => new string(c));
        Gen.OneOf(Gen.String, latin, hangul).Sample(text =>
        {
            var once = UnicodeForm.Compose(text);
            return UnicodeForm.Compose(once) == once && UnicodeForm.Compose(text + "e\u0301").EndsWith('é');
        });
    }

    [Fact]
    public void Ascii_is_given_back_as_it_is()
    {
        var text = new string('x', 3);
        Assert.Same(text, UnicodeForm.Compose(text));
        Assert.True(Ascii.IsValid(UnicodeForm.Compose(text)));
    }
}
