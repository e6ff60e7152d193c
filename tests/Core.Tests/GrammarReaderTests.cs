using System.Buffers;
using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Core.Tests;

public sealed class GrammarReaderTests
{
    [Fact]
    public void A_grammar_reads_alike_at_every_cut()
    {
        var line = "MAIL from:42 Abc\r"u8.ToArray();
        for (var cut = 0; cut <= line.Length; cut++)
        {
            var reader = new GrammarReader(Segments(line, cut));
            Assert.True(reader.ExpectKeyword("MAIL"u8) && reader.ExpectSpace() && reader.TryKeyword("FROM:"u8));
            Assert.True(reader.TryNumber(100, out var number));
            Assert.Equal(42u, number);
            Assert.True(reader.TrySpace() && reader.TryText(ByteClass.LetDigHyphen, 10, out var text));
            Assert.Equal("Abc", Text(ref reader, line));
            Assert.False(reader.ExpectEnd());
            Assert.Equal(new SyntaxFault("end of line", line.Length - 1), reader.Fault);
            reader.Advance(1);
            Assert.True(reader.End);
        }

        static string Text(ref GrammarReader reader, byte[] line) => Encoding.ASCII.GetString(line.AsSpan((int)reader.Consumed - 3, 3));
    }

    [Fact]
    public void What_is_not_there_leaves_the_reader_where_it_was()
    {
        var reader = new GrammarReader("AUTHORS"u8.ToArray());
        Assert.False(reader.TryKeyword("AUTHX"u8));
        Assert.False(reader.TryKeyword("AUTHORSHIP"u8));
        Assert.False(reader.TryByte((byte)'B'));
        Assert.False(reader.TryRun(ByteClass.Digit, 10, out _));
        Assert.False(reader.TryRun(ByteClass.LetDigHyphen, 6, out _)); // longer than it may be
        Assert.False(reader.TryNumber(10, out _));
        Assert.Equal(0, reader.Consumed);
        Assert.Null(reader.Fault);
        Assert.True(reader.TryRun(ByteClass.LetDigHyphen, 7, out var run));
        Assert.Equal(7, run.Length);
    }

    [Fact]
    public void The_first_fault_is_the_one_that_is_told()
    {
        var reader = new GrammarReader("ab"u8.ToArray());
        Assert.True(reader.TryByte((byte)'a'));
        Assert.False(reader.ExpectSpace() && reader.ExpectKeyword("X"u8));
        Assert.False(reader.ExpectByte((byte)'c', "c"));
        Assert.Equal("expected SP at octet 1", reader.Fault.ToString());
    }

    [Theory]
    [InlineData("0", 10, 0, true)]
    [InlineData("007", 10, 7, true)]
    [InlineData("10", 10, 10, true)]
    [InlineData("11", 10, 0, false)]
    [InlineData("4294967295", 4294967295, 4294967295, true)]
    [InlineData("4294967296", 4294967295, 0, false)]
    [InlineData("18446744073709551615", ulong.MaxValue, ulong.MaxValue, true)]
    [InlineData("18446744073709551616", ulong.MaxValue, 0, false)]
    [InlineData("99999999999999999999999", ulong.MaxValue, 0, false)]
    [InlineData("-1", 10, 0, false)]
    [InlineData("", 10, 0, false)]
    public void A_number_never_runs_over(string text, ulong max, ulong expected, bool there)
    {
        var reader = new GrammarReader(Encoding.ASCII.GetBytes(text));
        Assert.Equal(there, reader.TryNumber(max, out var number));
        Assert.Equal(expected, number);
        Assert.Equal(there ? text.Length : 0, reader.Consumed);
    }

    [Fact]
    public void Every_number_that_is_written_is_read()
    {
        Gen.ULong.Sample(number =>
        {
            var reader = new GrammarReader(Encoding.ASCII.GetBytes($"{number}x"));
            return reader.TryNumber(ulong.MaxValue, out var read) && read == number && !reader.End;
        });
    }

    [Fact]
    public void Random_octets_never_throw_and_never_run_past_the_end()
    {
        Gen.Select(Gen.Byte.Array[0, 40], Gen.Int[0, 40]).Sample((octets, cut) =>
        {
            var reader = new GrammarReader(Segments(octets, Math.Min(cut, octets.Length)));
            while (!reader.End)
            {
                var before = reader.Consumed;
                _ = reader.TryKeyword("AB"u8) || reader.TryNumber(255, out _) || reader.TryText(ByteClass.Base64, 5, out _) || reader.TrySpace();
                if (reader.Consumed == before) reader.Advance(1);
            }
            Assert.Equal(octets.Length, reader.Consumed);
            Assert.False(reader.TryByte(0));
            Assert.True(reader.ExpectEnd());
        });
    }

    [Fact]
    public void A_reader_goes_back_to_its_mark()
    {
        var reader = new GrammarReader("a b"u8.ToArray());
        var mark = reader;
        Assert.True(reader.TryByte((byte)'a') && reader.TrySpace());
        reader.Restore(mark);
        Assert.Equal(0, reader.Consumed);
        Assert.Equal("a b", Encoding.ASCII.GetString(reader.Unread));
    }

    private static ReadOnlySequence<byte> Segments(byte[] octets, int cut)
    {
        var first = new Piece(octets.AsMemory(0, cut), null);
        var last = new Piece(octets.AsMemory(cut), first);
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is null) return;
            RunningIndex = before.Memory.Length;
            before.Next = this;
        }
    }
}
