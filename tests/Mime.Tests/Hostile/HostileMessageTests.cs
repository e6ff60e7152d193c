using System.Diagnostics;
using System.Text;
using Xunit;

namespace Posthorn.Mime.Tests.Hostile;

public sealed class HostileMessageTests
{
    public static TheoryData<string> Names => [.. HostileMessages.Small.Select(message => message.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_broken_message_is_still_a_message(string name)
    {
        var (_, message, outline) = HostileMessages.Small.First(small => small.Name == name);
        var octets = Structures.Bytes(message);
        var summary = Structures.Read(octets);
        if (outline.Length > 0) Assert.Equal(outline, Structures.Outline(summary));
        SearchText.Extract(octets);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_prefix_of_a_broken_message_is_a_message(string name)
    {
        var octets = Structures.Bytes(HostileMessages.Small.First(small => small.Name == name).Message);
        for (var length = 0; length < octets.Length; length++)
        {
            var prefix = octets[..length];
            Structures.Check(MessageReader.Read(prefix), prefix);
        }
    }

    // The event reader's buffer is 4096 octets: a message is shifted so that each of its octets meets the buffer's end.
    [Theory]
    [MemberData(nameof(Names))]
    public void Offsets_do_not_depend_on_where_a_buffer_ends(string name)
    {
        var message = HostileMessages.Small.First(small => small.Name == name).Message;
        if (!message.StartsWith("Content-Type", StringComparison.Ordinal)) return;
        var expected = Shape(MessageReader.Read(Structures.Bytes("X: \r\n" + message)));
        for (var shift = 4096 - message.Length - 16; shift < 4100; shift++)
        {
            var octets = Structures.Bytes("X: " + new string('x', shift) + "\r\n" + message);
            var summary = MessageReader.Read(octets);
            Structures.Check(summary, octets);
            Assert.Equal(expected, Shape(summary));
        }
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(20_000)]
    public void Deep_nests_end_in_an_opaque_part(int depth)
    {
        var multiparts = Structures.Outline(Timed(HostileMessages.NestedMultiparts(depth))).Split('\n');
        Assert.InRange(multiparts.Length, MimeLimits.DepthMax - 1, MimeLimits.DepthMax + 1);
        Assert.Contains("application/octet-stream", multiparts[^1], StringComparison.Ordinal);
        var messages = Structures.Outline(Timed(HostileMessages.NestedMessages(depth))).Split('\n');
        Assert.InRange(messages.Length, MimeLimits.DepthMax - 1, MimeLimits.DepthMax + 1);
        Assert.Contains("message/rfc822", messages[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_hundred_thousand_parts_are_kept_up_to_the_limit()
    {
        var octets = HostileMessages.ManyParts(100_000);
        var summary = Timed(octets);
        Assert.Equal(MimeLimits.PartsMax, Structures.Outline(summary).Split('\n').Length);
        Assert.True(summary.Structure.Length < MimeLimits.StructureOctetsMax);
        SearchText.Extract(octets);
    }

    [Fact]
    public void Huge_headers_cost_linear_time_and_bounded_memory()
    {
        foreach (var octets in (byte[][])[
            HostileMessages.LongField(10_000_000), HostileMessages.LongFoldedField(10_000_000), HostileMessages.ManyFields(3_000_000),
            HostileMessages.NearBoundaries(5_000_000)])
        {
            var summary = Timed(octets);
            Assert.True(summary.Structure.Length + summary.Envelope.Length < MimeLimits.StructureOctetsMax + MimeLimits.EnvelopeOctetsMax);
            SearchText.Extract(octets);
        }
    }

    [Theory]
    [InlineData("From", "<@")]
    [InlineData("From", "<@,")]
    [InlineData("From", "a@[,")]
    [InlineData("From", "\"")]
    [InlineData("From", "(")]
    [InlineData("From", "a.b . ")]
    [InlineData("From", "g:;")]
    [InlineData("Content-Type", "a;")]
    [InlineData("Content-Type", ";a=\"")]
    [InlineData("Content-Type", "(\\")]
    [InlineData("Content-Disposition", ";b*0*=x")]
    [InlineData("References", "<")]
    [InlineData("References", "<a@b>")]
    [InlineData("Subject", "=?utf-8?Q?a")]
    [InlineData("Subject", "[a")]
    [InlineData("Subject", "re:")]
    [InlineData("Date", "1 ")]
    public void A_value_of_openings_costs_no_square(string field, string piece) =>
        Timed(HostileMessages.Repeated(field, piece, MimeLimits.HeaderFieldOctetsMax - 5_000));

    [Theory]
    [InlineData("a@b", "(NIL NIL \"a\" \"b\")")]
    [InlineData("Ann <a@b>", "(\"Ann\" NIL \"a\" \"b\")")]
    [InlineData("\"Ann \\\"A\\\" B\" <a@b>", "(\"Ann \"A\" B\" NIL \"a\" \"b\")")]
    [InlineData("Ann Q. Public <a@b>, c@d", "(\"Ann Q. Public\" NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")")]
    [InlineData("a@b (Ann)", "(\"Ann\" NIL \"a\" \"b\")")]
    [InlineData("(c1) Ann (c2) <(c3) a (c4) @ (c5) b (c6)> (c7)", "(\"Ann\" NIL \"a\" \"b\")")]
    [InlineData("<@x,@y:a@b>", "(NIL \"@x,@y\" \"a\" \"b\")")]
    [InlineData("\"a b\"@c", "(NIL NIL \"a b\" \"c\")")]
    [InlineData("\"a\\\\b\"@c", "(NIL NIL \"a\\b\" \"c\")")]
    [InlineData("a@[127.0.0.1]", "(NIL NIL \"a\" \"[127.0.0.1]\")")]
    [InlineData("john . doe @ example . com", "(NIL NIL \"john.doe\" \"example.com\")")]
    [InlineData("friends: a@b, C <c@d>;", "(NIL NIL \"friends\" NIL)(NIL NIL \"a\" \"b\")(\"C\" NIL \"c\" \"d\")(NIL NIL NIL NIL)")]
    [InlineData("undisclosed-recipients:;", "(NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)")]
    [InlineData("g: a@b", "(NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)")]
    [InlineData("just words", "(NIL NIL \"just words\" \"\")")]
    [InlineData(", ,a@b,,", "(NIL NIL \"a\" \"b\")")]
    [InlineData("a@b <c@d>", "(\"a@b\" NIL \"c\" \"d\")")]
    [InlineData("<>", "(NIL NIL \"\" \"\")")]
    [InlineData("\"open <a@b>", "(\"\"open\" NIL \"a\" \"b\")")]
    [InlineData("Ann <a@b", "(\"Ann\" NIL \"a\" \"b\")")]
    [InlineData("=?utf-8?Q?J=C3=B6rg?= <j@x>", "(\"=?utf-8?Q?J=C3=B6rg?=\" NIL \"j\" \"x\")")]
    [InlineData("", "")]
    public void Addresses_come_apart(string from, string expected)
    {
        var summary = Structures.Read(Structures.Bytes("From: " + from + "\r\n\r\n"));
        Assert.Equal(expected, Structures.Addresses(new EnvelopeView(summary.Envelope).From));
    }

    [Fact]
    public void The_first_of_duplicate_fields_counts()
    {
        var summary = Structures.Read(Structures.Bytes("Subject: one\r\nSubject: two\r\nMessage-ID: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n"));
        Assert.Equal("one", new EnvelopeView(summary.Envelope).Subject.ToString());
        Assert.Equal("1@x", summary.MessageId);
    }

    [Fact]
    public async Task The_callers_own_stream_may_fail()
    {
        await Assert.ThrowsAsync<IOException>(async () => await MessageReader.ReadAsync(new BrokenStream(), TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<IOException>(async () => await SearchText.ExtractAsync(new BrokenStream(), TestContext.Current.CancellationToken));
    }

    // The bound is a square's, not a benchmark's: the slowest of these takes a tenth of it on a slow machine.
    private static MessageSummary Timed(byte[] octets)
    {
        var start = Stopwatch.GetTimestamp();
        var summary = MessageReader.Read(octets);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10), "time is linear");
        Structures.Check(summary, octets);
        return summary;
    }

    private static string Shape(MessageSummary summary)
    {
        var text = new StringBuilder();
        var root = new StructureView(summary.Structure).Root;
        Places(root, root.BodyStart, text);
        return text.ToString();
    }

    private static void Places(PartView part, long origin, StringBuilder text)
    {
        text.Append(' ').Append(Structures.Text(part.Type)).Append('@').Append(part.BodyStart - origin).Append('+').Append(part.Octets);
        foreach (var child in part) Places(child, origin, text);
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override int Read(Span<byte> buffer) => throw new IOException("the disk is gone");

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            throw new IOException("the disk is gone");
    }
}
