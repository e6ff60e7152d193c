using System.Text;
using Xunit;

namespace Posthorn.Mime.Tests;

public sealed class SearchTextTests
{
    private const string Html = "<style>p{}</style><p>K\u00E4se&nbsp;&amp; Brot<script>if (a<b) x</script><br>mit W\u00FCrze";

    [Fact]
    public async Task Headers_and_text_parts_are_read_in_their_charsets()
    {
        Charsets.Register();
        byte[] message =
        [
            .. "From: =?utf-8?Q?J=C3=B6rg?= <j@example.org>\r\nTo: x@example.org\r\n"u8,
            .. "Subject: =?utf-8?B?w7w=?= ok\r\nX-Odd: =?koi8-r?B?0NLJ18XU?=\r\n"u8,
            .. "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n"u8,
            .. Encoding.GetEncoding("koi8-r").GetBytes("привет мир"),
            .. "\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"u8,
            .. Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(Html))),
            .. "\r\n--b\r\nContent-Type: image/png; name*=utf-8''bild%C3%A9.png\r\n\r\nPNGDATA\r\n--b--\r\n"u8,
        ];
        var text = SearchText.Extract(message);
        Assert.Equal("J\u00F6rg <j@example.org>", text.From);
        Assert.Equal("\u00FC ok", text.Subject);
        Assert.Equal("привет мир K\u00E4se & Brot mit W\u00FCrze", text.Body);
        Assert.Contains("X-Odd: привет", text.Headers, StringComparison.Ordinal);
        Assert.Contains("bild\u00E9.png", text.Headers, StringComparison.Ordinal);
        Assert.False(text.IsCut);
        Assert.Equal(text, await SearchText.ExtractAsync(new MemoryStream(message), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_message_without_a_header_is_text()
    {
        var message = Structures.Bytes("just words\r\nand more\r\n");
        Assert.Equal("just words and more", SearchText.Extract(message).Body);
        Assert.Equal("just words and more", (await SearchText.ExtractAsync(new MemoryStream(message), TestContext.Current.CancellationToken)).Body);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab")]
    [InlineData("=?utf-8?B?w?= =?utf-8?B?7w=?=", "\u00FC")]
    [InlineData("=?utf-8?Q?=C3?=\r\n =?utf-8?Q?=BC?=", "\u00FC")]
    [InlineData("folded\r\n line", "folded line")]
    [InlineData("=?iso-8859-1?Q?=A9_x?= tail", "\u00A9 x tail")]
    [InlineData("=?x-unknown?Q?abc?=", "abc")]
    [InlineData("=?utf-8?Q?open", "=?utf-8?Q?open")]
    [InlineData("\u00FCml", "\u00FCml")]
    public void Header_text_is_decoded(string raw, string text) => Assert.Equal(text, HeaderText.Decode(Encoding.UTF8.GetBytes(raw)));

    [Theory]
    [InlineData("attachment; filename=\"a b.txt\"", "a b.txt")]
    [InlineData("attachment; filename*=utf-8'en'%c3%bc.txt", "\u00FC.txt")]
    [InlineData("attachment; filename*1=\"b.txt\"; filename*0=\"a\"", "ab.txt")]
    [InlineData("attachment; filename*0*=iso-8859-1''%fc; filename*1=\"%20.txt\"", "\u00FC%20.txt")]
    [InlineData("attachment; filename=\"=?utf-8?B?w7w=?=.txt\"", "\u00FC.txt")]
    [InlineData("attachment; filename=my file.txt; size=3", "my file.txt")]
    [InlineData("attachment; filename*2=x", null)]
    public void File_names_are_decoded(string disposition, string? name)
    {
        var summary = Structures.Read(Structures.Bytes("Content-Disposition: " + disposition + "\r\n\r\n"));
        Assert.Equal(name, PartContent.FileName(new StructureView(summary.Structure).Root));
    }

    [Theory]
    [InlineData("Re: hello", "hello")]
    [InlineData("RE[2]: FWD: [x] Re : hello (fwd) (FWD)", "hello")]
    [InlineData("[fwd: [list] re: hello]", "hello")]
    [InlineData("[only]", "[only]")]
    [InlineData("Re: [a] [b]", "[b]")]
    [InlineData("regard: x", "regard: x")]
    [InlineData("  a \t b ", "a b")]
    [InlineData("", "")]
    [InlineData("(fwd)", "")]
    [InlineData("Re:", "")]
    public void The_base_subject_has_no_marks(string subject, string expected) => Assert.Equal(expected, BaseSubject.Of(subject));

    [Theory]
    [InlineData("a &lt; b &amp;amp; &#x41;&#66; &nbsp;&unknown; &", "a < b &amp; AB &unknown; &")]
    [InlineData("x<!-- a > b --><!DOCTYPE html>y", "xy")]
    [InlineData("<a title='>'>link</a><td>cell", "link cell")]
    [InlineData("1 < 2 <b>b</b>", "1 < 2 b")]
    [InlineData("<script>document.write('</b>')</script>end", "end")]
    [InlineData("<p", "")]
    public void Html_is_read_as_text(string html, string expected)
    {
        var summary = Structures.Read(Encoding.UTF8.GetBytes("Content-Type: text/html\r\n\r\n" + html));
        Assert.Equal(expected, summary.Preview);
    }

    [Fact]
    public async Task A_part_is_decoded_as_a_stream()
    {
        var content = new byte[100_000];
        new Random(1).NextBytes(content);
        var encoded = Encoding.ASCII.GetBytes(Convert.ToBase64String(content, Base64FormattingOptions.InsertLineBreaks));
        await using var decoded = PartContent.Open(new MemoryStream(encoded), "BASE64");
        var output = new MemoryStream();
        await decoded.CopyToAsync(output, TestContext.Current.CancellationToken);
        Assert.Equal(content, output.ToArray());
        Assert.Equal(content, PartContent.Decode(encoded, "base64"u8));
        Assert.Equal("a=b\u00FC", PartContent.DecodeText("a=3Db=C3=\r\n=BC"u8, "quoted-printable"u8, "utf-8"));
    }
}
