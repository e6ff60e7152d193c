using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class EmailAddressTests
{
    [Theory]
    [InlineData("ann@example.test", "ann", "ann@example.test")]
    [InlineData("Ann+Tag@EXAMPLE.test", "Ann+Tag", "Ann+Tag@example.test")]
    [InlineData("a.b.c@d.test", "a.b.c", "a.b.c@d.test")]
    [InlineData("!#$%&'*+-/=?^_`{|}~@d.test", "!#$%&'*+-/=?^_`{|}~", "!#$%&'*+-/=?^_`{|}~@d.test")]
    [InlineData("\"a b\"@d.test", "a b", "\"a b\"@d.test")]
    [InlineData("\"a@b\"@d.test", "a@b", "\"a@b\"@d.test")]
    [InlineData("\"a\\\"b\\\\c\"@d.test", "a\"b\\c", "\"a\\\"b\\\\c\"@d.test")]
    [InlineData("\"ann\"@d.test", "ann", "ann@d.test")] // RFC 5321 §4.1.2: quotes that are not needed mean nothing
    [InlineData("\".a\"@d.test", ".a", "\".a\"@d.test")]
    [InlineData("\"a..b\"@d.test", "a..b", "\"a..b\"@d.test")]
    [InlineData("jürgen@bücher.example", "jürgen", "jürgen@xn--bcher-kva.example")]
    [InlineData("ju\u0308rgen@d.test", "jürgen", "jürgen@d.test")]
    public void An_address_is_kept_unquoted_and_written_as_the_wire_needs_it(string text, string local, string written)
    {
        Assert.True(EmailAddress.TryParse(text, out var address));
        Assert.Equal(local, address.LocalPart);
        Assert.Equal(written, address.ToString());
        Assert.Equal(address, EmailAddress.Parse(written));
        Assert.Equal(Ascii.IsValid(local), address.IsAscii);
    }

    [Theory]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("ann")]
    [InlineData("ann@")]
    [InlineData("@d.test")]
    [InlineData(".ann@d.test")]
    [InlineData("ann.@d.test")]
    [InlineData("a..b@d.test")]
    [InlineData("a b@d.test")]
    [InlineData("a@b@d.test")]
    [InlineData("<a@d.test>")]
    [InlineData("a@d.test\r\nRCPT TO:<b@d.test>")]
    [InlineData("a\r\nb@d.test")]
    [InlineData("\"a\r\nb\"@d.test")]
    [InlineData("\"a\0\"@d.test")]
    [InlineData("\"a\\\r\"@d.test")]
    [InlineData("\"\"@d.test")]
    [InlineData("\"@d.test")]
    [InlineData("\"a@d.test")]
    [InlineData("\"a\"b\"@d.test")]
    [InlineData("\"a\\\"@d.test")]
    [InlineData("a\"b@d.test")]
    [InlineData("\uFFFD@d.test")]
    [InlineData("a\u0085b@d.test")]
    [InlineData("a@[192.0.2.1]")]
    public void What_is_no_address_is_refused(string text) => Assert.False(EmailAddress.TryParse(text, out _));

    [Fact]
    public void Local_parts_and_addresses_have_their_lengths()
    {
        Assert.True(EmailAddress.TryParse(new string('a', 64) + "@d.test", out _));
        Assert.False(EmailAddress.TryParse(new string('a', 65) + "@d.test", out _));
        Assert.False(EmailAddress.TryParse(new string('ü', 33) + "@d.test", out _)); // counted in octets
        var domain = string.Join('.', Enumerable.Repeat(new string('d', 63), 3));
        Assert.True(EmailAddress.TryParse(new string('a', 254 - 1 - domain.Length) + "@" + domain, out _));
        Assert.False(EmailAddress.TryParse(new string('a', 255 - 1 - domain.Length) + "@" + domain, out _));
    }

    [Fact]
    public void The_final_domain_compares_without_case_and_others_exactly()
    {
        var (one, two) = (EmailAddress.Parse("Ann@D.test"), EmailAddress.Parse("aNN@d.test"));
        Assert.NotEqual(one, two);
        Assert.Equal(one.Key, two.Key);
        Assert.Equal("ann@d.test", one.Key);
    }

    [Fact]
    public void What_is_made_of_any_local_part_is_read_back_alike()
    {
        var domain = Domain.Parse("d.test");
        Gen.OneOf(Gen.String, Gen.Char["ab.\"\\@ <>,ü\u0308\r\n\t\0"].Array[0, 12].Select(c => new string(c))).Sample(local =>
        {
            if (!EmailAddress.TryCreate(local, domain, out var address)) return;
            var written = address.ToString();
            Assert.DoesNotContain(written, char.IsControl);
            Assert.Equal(address, EmailAddress.Parse(written));
        });
    }

    [Fact]
    public void The_null_path_is_empty()
    {
        Assert.True(ReversePath.Null.IsNull);
        Assert.Equal("", ReversePath.Null.ToString());
        Assert.Equal("a@d.test", new ReversePath(EmailAddress.Parse("a@d.test")).ToString());
    }
}
