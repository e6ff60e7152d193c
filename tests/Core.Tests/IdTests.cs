using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class IdTests
{
    [Fact]
    public void A_blob_id_is_written_and_read_alike()
    {
        Gen.Byte.Array[BlobId.Length].Sample(hash =>
        {
            var id = new BlobId(hash);
            var text = id.ToString();
            return text.Length == 43 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
                && BlobId.TryParse(text, out var read) && read == id && read.GetHashCode() == id.GetHashCode()
                && id.ToArray().AsSpan().SequenceEqual(hash);
        });
        Assert.NotEqual(new BlobId(new byte[32]), new BlobId([.. new byte[31], 1]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")] // bits to spare that are set
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA A")]
    public void What_is_no_blob_id_is_refused(string text) => Assert.False(BlobId.TryParse(text, out _));

    [Fact]
    public void Random_text_is_a_blob_id_only_when_it_is_written_so()
    {
        Gen.Char["ABab01-_=/+ ü"].Array[43].Select(c => new string(c))
            .Sample(text => !BlobId.TryParse(text, out var id) || id.ToString() == text);
        Assert.Throws<ArgumentOutOfRangeException>(() => new BlobId(new byte[31]));
    }

    [Fact]
    public void Change_numbers_are_compared_by_value()
    {
        var (one, two) = (new ModSeq(1), new ModSeq(2));
        Assert.True(two > one && one < two && one <= new ModSeq(1) && two >= new ModSeq(2));
        Assert.False(one > two || two < one || two <= one || one >= two);
        Assert.Equal(1, new Uid(2).CompareTo(new Uid(1)));
    }
}
