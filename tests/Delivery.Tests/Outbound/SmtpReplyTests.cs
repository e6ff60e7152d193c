using System.Buffers;
using System.Text;
using CsCheck;
using Xunit;

namespace Posthorn.Delivery.Tests;

public sealed class SmtpReplyTests
{
    [Theory]
    [InlineData("250 2.1.5 good", 250, "2.1.5", "good")]
    [InlineData("250 good", 250, "2.0.0", "good")]
    [InlineData("250", 250, "2.0.0", "")]
    [InlineData("250 ", 250, "2.0.0", "")]
    [InlineData("550 5.1.1", 550, "5.1.1", "")]
    [InlineData("550-5.1.1 The account\n550 5.1.1 does not exist", 550, "5.1.1", "The account does not exist")]
    [InlineData("550-no code\n550 5.7.1 here", 550, "5.7.1", "no code here")]
    [InlineData("550 4.1.1 wrong class", 550, "5.0.0", "4.1.1 wrong class")] // RFC 2034 §4
    [InlineData("550 5.1 half", 550, "5.0.0", "5.1 half")]
    [InlineData("550 5.1.1234 long", 550, "5.0.0", "5.1.1234 long")]
    [InlineData("452 full", 452, "4.3.1", "full")]
    [InlineData("556 no mail", 556, "5.1.10", "no mail")] // RFC 7504
    [InlineData("250 a\tb\u0001c", 250, "2.0.0", "a b c")]
    public void A_reply_is_code_status_and_words(string text, int code, string status, string words)
    {
        var (reply, fault) = Parse(text);
        Assert.Null(fault);
        Assert.Equal((code, status, words), (reply!.Code, reply.Status, reply.Text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("25 x")]
    [InlineData("2500 x")]
    [InlineData("150 x")]
    [InlineData("650 x")]
    [InlineData("250x")]
    [InlineData(" 250 x")]
    [InlineData("abc")]
    [InlineData("250-a\n251 b")]
    public void What_is_no_reply_is_a_fault(string text) => Assert.NotNull(Parse(text).Fault);

    [Fact]
    public void A_reply_ends_after_its_limit_of_lines_and_characters()
    {
        var endless = string.Join('\n', Enumerable.Repeat("250-" + new string('x', 100), OutboundLimits.ReplyLinesMax));
        Assert.NotNull(Parse(endless).Fault);
        var (reply, _) = Parse(endless[..^103].TrimEnd('\n', '-', '0', '5', '2') + "\n250 end");
        Assert.Equal(OutboundLimits.ReplyTextMax, reply!.Text.Length);
    }

    [Fact]
    public void Every_cut_reads_alike_and_random_octets_never_throw()
    {
        var line = "550 5.7.1 gehört nicht hierher"u8.ToArray();
        for (var cut = 0; cut <= line.Length; cut++)
        {
            var parser = new SmtpReplyParser();
            Assert.Equal("550 5.7.1 gehört nicht hierher", parser.Take(Segments(line, cut))?.ToString());
            _ = new SmtpReplyParser().Take(new ReadOnlySequence<byte>(line, 0, cut));
        }
        Gen.Byte.Array[0, 60].Sample(octets => _ = new SmtpReplyParser().Take(new ReadOnlySequence<byte>(octets)));
        Gen.Char["0123456789-. \u0000é"].Array[0, 20].Sample(text => _ = Parse(new string(text)));
    }

    private static (SmtpReply? Reply, string? Fault) Parse(string lines)
    {
        var parser = new SmtpReplyParser();
        SmtpReply? reply = null;
        foreach (var line in lines.Split('\n'))
        {
            reply = parser.Take(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(line)));
            if (parser.Fault is not null) return (null, parser.Fault);
        }
        return (reply, reply is null ? "unfinished" : null);
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
