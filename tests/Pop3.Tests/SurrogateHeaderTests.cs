using System.Buffers;
using System.Text;

namespace Posthorn.Pop3.Tests;

public sealed class SurrogateHeaderTests
{
    [Theory]
    [InlineData("Subject: plain\r\nX: y\r\n\r\n", "Subject: plain\r\nX: y\r\n\r\n")]
    [InlineData("X-Other: ä\r\nSubject: a\r\n\r\n", "Subject: a\r\n\r\n")]
    [InlineData("Subject: ä\r\n\tfolded ö here\r\n\r\n", "Subject: =?utf-8?B?w6QgZm9sZGVkIMO2?=\r\n here\r\n\r\n")]
    [InlineData("From: \"M, ä\" <a@b>\r\n\r\n", "From: =?utf-8?B?TSwgw6Q=?= <a@b>\r\n\r\n")]
    [InlineData("From: Ann <ä@b>\r\n\r\n", "From: Ann <invalid@internationalized-address.invalid>\r\n\r\n")]
    [InlineData("To: ä: a@b, c@d;\r\n\r\n", "To: =?utf-8?B?w6Q=?=:\r\n a@b,\r\n c@d;\r\n\r\n")]
    [InlineData("Content-Disposition: attachment; filename=ä.txt; size=3\r\n\r\n", "Content-Disposition: attachment;\r\n size=3\r\n\r\n")]
    [InlineData("Content-Type: ä\r\n\r\n", "\r\n")]
    [InlineData("Nö: x\r\n\r\n", "\r\n")]
    public void A_header_is_written_anew_where_it_is_not_ascii(string header, string surrogate)
    {
        var octets = Encoding.UTF8.GetBytes(header);
        Assert.Equal(octets.Length, SurrogateHeader.LengthOf(octets));
        var output = new ArrayBufferWriter<byte>();
        SurrogateHeader.Write(octets, output);
        Assert.Equal(surrogate, Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void What_is_no_utf_8_says_so()
    {
        var output = new ArrayBufferWriter<byte>();
        SurrogateHeader.Write(Encoding.Latin1.GetBytes("Subject: Grüße\r\n\r\n"), output);
        Assert.Equal("Subject: =?unknown-8bit?B?R3L832U=?=\r\n\r\n", Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Fact]
    public void A_long_text_becomes_several_words_and_no_character_is_cut()
    {
        var text = string.Concat(Enumerable.Repeat("日本語", 40));
        var output = new ArrayBufferWriter<byte>();
        SurrogateHeader.Write(Encoding.UTF8.GetBytes($"Subject: {text}\r\n\r\n"), output);
        var lines = Encoding.ASCII.GetString(output.WrittenSpan).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.True(line.Length <= 76 + "Subject:".Length));
        var words = lines.Select(line => line[line.IndexOf("=?", StringComparison.Ordinal)..]["=?utf-8?B?".Length..^2]);
        Assert.Equal(text, string.Concat(words.Select(word => Encoding.UTF8.GetString(Convert.FromBase64String(word)))));
    }
}
