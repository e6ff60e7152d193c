using System.Buffers;
using System.Text;
using CsCheck;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class DotStuffingTests
{
    [Theory]
    [InlineData("", ".\r\n")]
    [InlineData("a", "a\r\n.\r\n")]
    [InlineData("a\r\n", "a\r\n.\r\n")]
    [InlineData(".\r\n", "..\r\n.\r\n")]
    [InlineData("a\r\n.b\r\n", "a\r\n..b\r\n.\r\n")]
    [InlineData("a.b", "a.b\r\n.\r\n")]
    [InlineData("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n")] // what others might take for the end of the message
    [InlineData("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n")]
    [InlineData("a\n\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n")]
    [InlineData("a\r", "a\r\n.\r\n")]
    public void Dots_are_doubled_at_every_cut(string text, string expected)
    {
        for (var cut = 0; cut <= text.Length; cut++) Assert.Equal(expected, Stuff(text[..cut], text[cut..]));
    }

    [Fact]
    public void What_a_receiver_takes_away_gives_the_message_back()
    {
        Gen.OneOf(Gen.Const(".\r\n"), Gen.Const("\r\n"), Gen.Const("."), Gen.Const("ab"), Gen.Const("\r\n.")).Array[0, 12].Sample(pieces =>
        {
            var text = string.Concat(pieces);
            var wire = Stuff([.. pieces]);
            if (!wire.EndsWith(".\r\n", StringComparison.Ordinal)) return false;
            var lines = wire[..^3].Split("\r\n")[..^1];
            var received = string.Concat(lines.Select(l => (l.StartsWith('.') ? l[1..] : l) + "\r\n"));
            var ended = text.Length == 0 || text.EndsWith("\r\n", StringComparison.Ordinal) ? text : text + "\r\n";
            return !lines.Contains(".") && received == ended;
        });
    }

    private static string Stuff(params string[] pieces)
    {
        var output = new ArrayBufferWriter<byte>();
        var stuffing = default(DotStuffing);
        foreach (var piece in pieces)
        {
            var writer = new WireWriter(output);
            stuffing.Write(ref writer, Encoding.ASCII.GetBytes(piece));
            writer.Commit();
        }
        var end = new WireWriter(output);
        stuffing.End(ref end);
        end.Commit();
        return Encoding.ASCII.GetString(output.WrittenSpan);
    }
}
