using System.Text;
using Xunit;

namespace Posthorn.Mime.Tests;

public sealed class MessageReaderTests
{
    private const string Alternative = """
        From: "Ann Example" <ann@example.org>
        To: Bob <bob@example.net>, carol@example.net
        Subject: Re: [list] Fwd: dinner
        Date: Tue, 3 Nov 2026 10:00:00 +0200
        Message-ID: <one@example.org>
        References: <a@x> <b@x>
        In-Reply-To: <b@x>
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary="outer"

        preamble
        --outer
        Content-Type: multipart/alternative; boundary=inner

        --inner
        Content-Type: text/plain; charset=utf-8

        Hello   there,
        Bob.

        --inner
        Content-Type: text/html

        <p>Hello</p>
        --inner--

        --outer
        Content-Type: message/rfc822

        Subject: inside
        Content-Type: text/plain

        inner text
        --outer
        Content-Type: application/pdf; name="a b.pdf"
        Content-Disposition: attachment; filename="a b.pdf"
        Content-Transfer-Encoding: base64

        AAAA
        --outer--
        epilogue

        """;

    [Theory]
    [InlineData("References: <a@x> <b@x>\r\nIn-Reply-To: <c@x>", "a@x b@x")]
    [InlineData("References: nothing\r\nIn-Reply-To: <c@x> <d@x>", "c@x")]
    [InlineData("In-Reply-To: your letter of today", "")]
    [InlineData("X: y", "")]
    public void The_ancestors_are_those_that_threads_are_made_of(string header, string expected)
    {
        var summary = MessageReader.Read(Encoding.ASCII.GetBytes(header + "\r\nSubject: Re: x\r\n\r\n"));
        Assert.Equal(expected, string.Join(' ', summary.Ancestors));
        Assert.True(summary.IsReplyOrForward);
    }

    [Fact]
    public void A_multipart_message_is_outlined_with_octets_and_lines()
    {
        var summary = Structures.Read(Structures.CrLf(Alternative));
        Assert.Equal(
            """
            - multipart/mixed 484 31
            1 multipart/alternative 137 11
            1.1 text/plain 22 2
            1.2 text/html 12 0
            2 message/rfc822 55 3
            2.1 text/plain 10 0
            3 application/pdf 4 0
            """.ReplaceLineEndings("\n"), Structures.Outline(summary));
        Assert.Equal("Hello there, Bob.", summary.Preview);
        Assert.Equal("one@example.org", summary.MessageId);
        Assert.Equal(["a@x", "b@x"], summary.References);
        Assert.Equal("dinner", summary.BaseSubject);
        Assert.Equal(new DateTimeOffset(2026, 11, 3, 10, 0, 0, TimeSpan.FromHours(2)), summary.SentAt);
        Assert.True(summary.HasAttachment);
    }

    [Theory]
    [InlineData("1", "multipart", "alternative")]
    [InlineData("1.2", "text", "html")]
    [InlineData("2", "message", "rfc822")]
    [InlineData("2.1", "text", "plain")]
    [InlineData("3", "application", "pdf")]
    public void A_section_path_finds_its_part(string section, string type, string subtype)
    {
        var view = new StructureView(Structures.Read(Structures.CrLf(Alternative)).Structure);
        Assert.True(view.TryFind(Structures.Bytes(section), out var part));
        Assert.Equal(type, Structures.Text(part.Type));
        Assert.Equal(subtype, Structures.Text(part.Subtype));
    }

    [Theory]
    [InlineData("4")]
    [InlineData("1.3")]
    [InlineData("1.1.1")]
    [InlineData("2.2")]
    [InlineData("0")]
    [InlineData("1.")]
    [InlineData("x")]
    [InlineData("99999999999999999999")]
    public void A_section_path_to_nowhere_finds_nothing(string section) =>
        Assert.False(new StructureView(Structures.Read(Structures.CrLf(Alternative)).Structure).TryFind(Structures.Bytes(section), out _));

    [Fact]
    public void Part_1_of_a_simple_message_is_its_body()
    {
        var message = Structures.CrLf("Subject: x\n\nbody\n");
        var view = new StructureView(Structures.Read(message).Structure);
        Assert.True(view.TryFind("1"u8, out var part));
        Assert.Equal("body\r\n", Structures.Text(message.AsSpan((int)part.BodyStart, (int)part.Octets)));
        Assert.False(view.TryFind("2"u8, out _));
        Assert.False(view.TryFind("1.1"u8, out _));
    }

    [Fact]
    public void The_envelope_has_raw_values_and_parsed_addresses()
    {
        var envelope = new EnvelopeView(Structures.Read(Structures.CrLf(Alternative)).Envelope);
        Assert.Equal("Re: [list] Fwd: dinner", envelope.Subject.ToString());
        Assert.Equal("""("Ann Example" NIL "ann" "example.org")""", Structures.Addresses(envelope.From));
        Assert.Equal("""("Ann Example" NIL "ann" "example.org")""", Structures.Addresses(envelope.ReplyTo));
        Assert.True(envelope.WrittenReplyTo.IsEmpty);
        Assert.Equal("""("Bob" NIL "bob" "example.net")(NIL NIL "carol" "example.net")""", Structures.Addresses(envelope.To));
        Assert.True(envelope.Bcc.IsEmpty);
    }

    [Fact]
    public void The_header_index_names_each_field_and_its_place()
    {
        var message = Structures.CrLf(Alternative);
        var headers = new StructureView(Structures.Read(message).Structure).Headers;
        Assert.True(headers.IsComplete);
        Assert.True(headers.TryFind("message-id"u8, out var found));
        Assert.Equal("Message-ID: <one@example.org>\r\n", Structures.Text(message.AsSpan((int)found.Offset, found.Length)));
    }
}
