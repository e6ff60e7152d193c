using System.Buffers;
using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class WireWriterTests
{
    [Fact]
    public void Everything_written_comes_out_in_order()
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = new WireWriter(output);
        writer.Raw("* "u8);
        writer.Number(long.MinValue);
        writer.Space();
        writer.Text("gültig");
        writer.Byte((byte)'!');
        writer.Base64([1, 2, 3, 4]);
        writer.CrLf();
        Assert.Equal(0, output.WrittenCount); // until it is committed
        writer.Commit();
        Assert.Equal("* -9223372036854775808 gültig!AQIDBA==\r\n", Encoding.UTF8.GetString(output.WrittenSpan));
        Assert.Equal(writer.Written, output.WrittenCount);
        writer.Text("more");
        writer.Commit();
        Assert.EndsWith("\r\nmore", Encoding.UTF8.GetString(output.WrittenSpan), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_and_octets_of_any_length_pass_small_buffers_whole()
    {
        var text = Gen.OneOf(Gen.Const("a"), Gen.Const("ü"), Gen.Const("\ud83d\ude00"), Gen.Const("字"))
            .Array[0, 3000].Select(parts => string.Concat(parts));
        Gen.Select(text, Gen.Byte.Array[0, 10_000]).Sample(
            (text, octets) =>
            {
                var output = new ArrayBufferWriter<byte>(16);
                var writer = new WireWriter(output);
                writer.Text(text);
                writer.Raw(octets);
                writer.Base64(octets);
                writer.Commit();
                byte[] expected = [.. Encoding.UTF8.GetBytes(text), .. octets, .. Encoding.ASCII.GetBytes(Convert.ToBase64String(octets))];
                return output.WrittenSpan.SequenceEqual(expected) && writer.Written == expected.Length;
            },
            iter: 200);
    }
}
