using System.Text;
using CsCheck;

namespace Posthorn.Smtp.Tests;

/// <summary>The decoder against one that looks at the whole message at once, octet by octet.</summary>
public sealed class DataDecoderTests
{
    // Made of what matters, so that everything meets everything.
    private static readonly Gen<byte[]> Body = Gen.OneOf(
        Gen.OneOf("\r\n", "\r\n.\r\n", ".", "..", "\r", "\n", "\0", "a", "\r\n.", "a line of text that is longer than one vector of octets\r\n")
            .Array[0, 30].Select(pieces => Encoding.ASCII.GetBytes(string.Concat(pieces))),
        Gen.OneOf("\r\n", ".", "text", new string('x', 200), "\r\n.x", "\r\n..\r\n").Array[0, 60]
            .Select(pieces => Encoding.ASCII.GetBytes(string.Concat(pieces) + "\r\n.\r\nNOOP\r\n")),
        Gen.Byte.Array[0, 300]);

    [Fact]
    public void The_message_is_what_a_slow_reader_makes_of_it()
    {
        Gen.Select(Body, Gen.Int[1, 70].Array[1, 8], Gen.Int[1, 100]).Sample(
            (octets, cuts, room) => AssertSame(Reference(octets), Decode(octets, cuts, room)), iter: 30_000);
    }

    [Theory]
    [InlineData(".\r\nQUIT\r\n", "", "QUIT\r\n", 0)]
    [InlineData("a\r\n.\r\n", "a\r\n", "", 0)]
    [InlineData("..a\r\n...\r\n..\r\n.\r\n.\r\n", ".a\r\n..\r\n.\r\n", ".\r\n", 0)]
    [InlineData(".a\r\n.\r\n", "a\r\n", "", 0)]
    [InlineData("a.\r\n.\r\n", "a.\r\n", "", 0)]
    [InlineData("a\n.\nb\r\n.\r\n", null, "", 2)]
    [InlineData("a\n.\r\nb\r\n.\r\n", null, "", 2)]
    [InlineData("a\r\n.\nb\r\n.\r\n", null, "", 2)]
    [InlineData("a\r.\rb\r\n.\r\n", null, "", 1)]
    [InlineData("a\r\n.\rb\r\n.\r\n", null, "", 1)]
    [InlineData("a\r\r\n.\r\nb", null, "b", 1)]
    [InlineData("a\r\n.\r\r\n.\r\n", null, "", 1)]
    [InlineData("a\0b\r\n.\r\n", null, "", 3)]
    [InlineData("\n\r\n.\r\n", null, "", 2)]
    public void Only_crlf_dot_crlf_ends_data(string octets, string? message, string rest, int fault)
    {
        for (var cut = 1; cut <= octets.Length; cut++)
        {
            var decoded = Decode(Encoding.ASCII.GetBytes(octets), [cut, 1000], 1000);
            Assert.True(decoded.Ended);
            Assert.Equal((DataFault)fault, decoded.Fault);
            Assert.Equal(rest, octets[decoded.Consumed..]);
            if (message is not null) Assert.Equal(message, Encoding.ASCII.GetString(decoded.Message));
        }
    }

    private static void AssertSame(Decoded expected, Decoded actual)
    {
        Assert.Equal(expected.Ended, actual.Ended);
        Assert.Equal(expected.Consumed, actual.Consumed);
        Assert.Equal(expected.Fault, actual.Fault);
        if (expected.Fault == DataFault.None) Assert.Equal(expected.Message, actual.Message);
    }

    // In pieces of the given sizes, over and over, into a buffer with so much room.
    private static Decoded Decode(byte[] octets, int[] cuts, int room)
    {
        var decoder = new DataDecoder();
        var message = new List<byte>();
        var buffer = new byte[room];
        var (at, turn) = (0, 0);
        while (at < octets.Length && !decoder.Ended)
        {
            var piece = octets.AsSpan(at, Math.Min(cuts[turn++ % cuts.Length], octets.Length - at));
            decoder.Decode(piece, buffer, out var consumed, out var written);
            Assert.InRange(consumed, 1, piece.Length);
            message.AddRange(buffer.AsSpan(0, written));
            at += consumed;
        }
        return new Decoded([.. message], at, decoder.Ended, decoder.Fault);
    }

    private static Decoded Reference(byte[] octets)
    {
        byte At(int i) => i < 0 ? (i == -1 ? (byte)'\n' : (byte)'\r') : i < octets.Length ? octets[i] : (byte)'?';
        bool LineStart(int i) => At(i - 1) == '\n' && At(i - 2) == '\r';
        var (fault, message) = (DataFault.None, new List<byte>());
        void Blame(DataFault some)
        {
            if (fault == DataFault.None) fault = some;
        }
        for (var i = 0; i < octets.Length; i++)
        {
            if (At(i) == '\n' && At(i - 1) == '\r' && At(i - 2) == '.' && LineStart(i - 2)) return new Decoded([.. message], i + 1, true, fault);
            if (i > 0 && At(i - 1) == '\r' && At(i) != '\n') Blame(DataFault.BareCr);
            if (At(i) == '\n' && (i == 0 || At(i - 1) != '\r')) Blame(DataFault.BareLf);
            if (At(i) == 0) Blame(DataFault.Nul);
            var dot = At(i) == '.' && LineStart(i);
            var cr = At(i) == '\r' && At(i - 1) == '.' && LineStart(i - 1); // of an end that may come
            if (!dot && !cr) message.Add(octets[i]);
        }
        return new Decoded([.. message], octets.Length, false, fault);
    }

    private sealed record Decoded(byte[] Message, int Consumed, bool Ended, DataFault Fault);
}
