using Xunit;

namespace Posthorn.Core.Tests;

public sealed class UnicodeCaseMapTests
{
    [Theory]
    [InlineData("plain words 123", "PLAIN WORDS 123")]
    [InlineData("ALREADY", "ALREADY")]
    [InlineData("ä", "A\u0308")]
    [InlineData("Ä", "A\u0308")]
    [InlineData("a\u0308", "A\u0308")]
    [InlineData("ß", "ß")]
    [InlineData("\u01C4", "Dz\u030C")] // the example of RFC 5051 §2
    [InlineData("\uFB01", "fi")]
    [InlineData("\u212A", "K")]
    [InlineData("ｗｉｄｅ", "WIDE")]
    [InlineData("한", "\u1112\u1161\u11AB")]
    [InlineData("가", "\u1100\u1161")]
    [InlineData("привет", "ПРИВЕТ")]
    [InlineData("\U00010428", "\U00010400")]
    public void A_text_is_prepared_character_by_character(string text, string expected) =>
        Assert.Equal(expected, UnicodeCaseMap.Fold(text));

    [Theory]
    [InlineData("Grüße aus Köln", "GRÜ", true)]
    [InlineData("Grüße aus Köln", "köLN", true)]
    [InlineData("Gru\u0308ße", "grü", true)]
    [InlineData("ASCII only", "ascii", true)]
    [InlineData("ASCII only", "ü", false)]
    [InlineData("日本語", "本", true)]
    public void Contains_looks_for_a_prepared_needle(string text, string needle, bool expected) =>
        Assert.Equal(expected, UnicodeCaseMap.Contains(text, UnicodeCaseMap.Fold(needle)));
}
