using System.Buffers;
using System.Net;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Mime.Tests;

public sealed class SubmissionHeadersTests
{
    private static readonly Domain Host = Domain.Parse("mail.example.org");
    private static readonly DateTimeOffset Now = new(2026, 11, 3, 10, 5, 6, TimeSpan.FromMinutes(-210));

    [Fact]
    public void Missing_date_and_message_id_are_put_in_front_and_nothing_else_changes()
    {
        var message = Structures.Bytes("From: ann@example.org\r\nSubject: \xE9\r\n\r\nBcc: body\r\n");
        var rewritten = Rewrite(message);
        Assert.EndsWith("From: ann@example.org\r\nSubject: \xE9\r\n\r\nBcc: body\r\n", rewritten, StringComparison.Ordinal);
        Assert.Matches("^Date: Tue, 3 Nov 2026 10:05:06 -0330\r\nMessage-ID: <[0-9a-f]{32}@mail.example.org>\r\nFrom:", rewritten);
    }

    [Fact]
    public void Blind_copies_and_return_path_are_dropped_with_their_folded_lines()
    {
        var message = Structures.Bytes(
            "Return-Path: <x@y>\r\nbcc: a@b,\r\n c@d\r\nDate: x\r\nBCC :e@f\nMessage-Id: <1@2>\r\nResent-Bcc: z@z\r\n\r\nbody");
        Assert.Equal("Date: x\r\nMessage-Id: <1@2>\r\n\r\nbody", Rewrite(message));
    }

    [Fact]
    public void A_complete_header_is_left_alone()
    {
        var message = Structures.Bytes("Date: x\r\nMessage-ID: <1@2>\r\nFrom: \"A\" <a@b.example>, g: c@d.example;\r\n\r\n");
        var headers = SubmissionHeaders.Read(message);
        Assert.True(headers.IsComplete);
        Assert.Equal(["a@b.example", "c@d.example"], headers.From.Select(address => address.ToString()));
        Assert.Equal(message.Length, headers.Length);
    }

    [Fact]
    public void A_received_field_cannot_be_broken_by_a_greeting()
    {
        var field = System.Text.Encoding.UTF8.GetString(TraceHeader.Received(new ReceivedTrace
        {
            Helo = "evil\r\nBcc: x (",
            ClientAddress = IPAddress.Parse("2001:db8::1"),
            ClientName = "host.example.net",
            By = "mail.example.org",
            With = "ESMTPS",
            Tls = "TLS1.3 AES",
            Id = "q1",
            For = EmailAddress.Parse("ann@example.org"),
            At = Now,
        }));
        Assert.Equal(
            "Received: from evil??Bcc:?x?? (host.example.net [IPv6:2001:db8::1])\r\n\tby mail.example.org with ESMTPS\r\n"
            + "\t(TLS1.3 AES)\r\n\tid q1\r\n"
            + "\tfor <ann@example.org>;\r\n\tTue, 3 Nov 2026 10:05:06 -0330\r\n", field);
        Assert.Equal(1, HeaderScan.CountReceivedBy(System.Text.Encoding.UTF8.GetBytes(field), "MAIL.example.org"));
        Assert.Equal(0, HeaderScan.CountReceivedBy(System.Text.Encoding.UTF8.GetBytes(field), "other.example.org"));
        Assert.Equal(1, HeaderScan.CountReceived(System.Text.Encoding.UTF8.GetBytes(field)));
    }

    [Fact]
    public void A_delivered_to_field_shows_a_loop()
    {
        var address = EmailAddress.Parse("ann@example.org");
        byte[] message =
            [.. TraceHeader.ReturnPath(ReversePath.Null), .. TraceHeader.DeliveredTo(address), .. "\r\nDelivered-To: bob@example.org\r\n"u8];
        Assert.True(HeaderScan.WasDeliveredTo(message, EmailAddress.Parse("Ann@Example.org")));
        Assert.False(HeaderScan.WasDeliveredTo(message, EmailAddress.Parse("bob@example.org")));
        Assert.StartsWith("Return-Path: <>\r\n", Structures.Text(message), StringComparison.Ordinal);
    }

    private static string Rewrite(byte[] message)
    {
        var output = new ArrayBufferWriter<byte>();
        SubmissionHeaders.Read(message).Rewrite(message, Now, Host, output);
        return System.Text.Encoding.Latin1.GetString(output.WrittenSpan);
    }
}
