using System.Text;
using MimeKit;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Mime.Tests;

public sealed class DeliveryReportTests
{
    private const string Original = "From: ann@example.org\r\nSubject: hi\r\n\r\nsecret body\r\n";
    private static readonly DateTimeOffset At = new(2026, 11, 3, 10, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(DeliveryAction.Failed, "5.1.1", "bob@example.net", false)]
    [InlineData(DeliveryAction.Delayed, "4.4.1", "bob@example.net", false)]
    [InlineData(DeliveryAction.Delivered, "2.0.0", "bob@example.net", true)]
    [InlineData(DeliveryAction.Relayed, "2.0.0", "j\u00F6rg@example.net", false)]
    [InlineData(DeliveryAction.Failed, "5.6.7", "j\u00F6rg@example.net", true)]
    public async Task A_report_reads_back_as_it_was_written(DeliveryAction action, string status, string recipient, bool full)
    {
        var report = Report(action, status, recipient) with { ReturnFull = full };
        var written = await Write(report, Original);
        Assert.True(DeliveryStatusNotification.TryRead(written, out var read));
        Assert.Equal(report.Status.ReportingMta, read!.ReportingMta);
        Assert.Equal(report.Status.EnvelopeId, read.EnvelopeId);
        Assert.Equal(report.Status.Arrived, read.Arrived);
        Assert.Equal(report.Status.Recipients, read.Recipients);
        Assert.Equal(full, Encoding.UTF8.GetString(written).Contains("secret body", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_parser_sees_three_parts_and_the_fields()
    {
        var written = await Write(Report(DeliveryAction.Failed, "5.1.1", "bob@example.net"), Original);
        Assert.True(Ascii.IsValid(written));
        var message = await MimeMessage.LoadAsync(new MemoryStream(written), TestContext.Current.CancellationToken);
        var body = Assert.IsType<MultipartReport>(message.Body);
        Assert.Equal("delivery-status", body.ReportType);
        Assert.Equal(3, body.Count);
        var status = Assert.IsType<MessageDeliveryStatus>(body[1]);
        Assert.Equal("rfc822; bob@example.net", status.StatusGroups[1]["Final-Recipient"]);
        Assert.Equal("failed", status.StatusGroups[1]["Action"]);
        Assert.Contains("There is no such mailbox.", ((TextPart)body[0]).Text, StringComparison.Ordinal);
        Assert.Equal("auto-replied", message.Headers["Auto-Submitted"]);
        Assert.Equal("orig@example.org", message.InReplyTo);
    }

    [Fact]
    public async Task What_a_peer_said_cannot_forge_a_field_or_a_part()
    {
        var report = Report(DeliveryAction.Failed, "5.0.0", "bob@example.net");
        var said = "550 no\r\nAction: delivered\r\n\r\n--x\u00E9" + new string('y', 5000);
        var evil = report with
        {
            OriginalSubject = "a\r\nBcc: victim@example.com",
            OriginalMessageId = "x>\r\nBcc: y",
            Status = report.Status with { Recipients = [report.Status.Recipients[0] with { Diagnostic = said }] },
        };
        var written = await Write(evil, "Subject: \xFC\nbroken\r\nlines");
        Assert.Equal(0, HeaderScan.Count(written, "bcc"u8));
        Assert.True(DeliveryStatusNotification.TryRead(written, out var read));
        Assert.Equal(DeliveryAction.Failed, Assert.Single(read!.Recipients).Action);
        foreach (var line in Encoding.UTF8.GetString(written).Split('\n')) Assert.True(line.Length <= 999 && line.EndsWith('\r') || line.Length == 0);
    }

    [Fact]
    public void A_message_that_is_no_report_reads_as_none()
    {
        Assert.False(DeliveryStatusNotification.TryRead(Structures.Bytes(Original), out _));
        Assert.False(DeliveryStatusNotification.TryRead(
            Structures.Bytes("Content-Type: message/delivery-status\r\n\r\nReporting-MTA: x\r\n\r\n\r\n\r\n"), out _));
    }

    private static DeliveryReport Report(DeliveryAction action, string status, string recipient) => new()
    {
        From = EmailAddress.Parse("postmaster@example.org"),
        To = EmailAddress.Parse("ann@example.org"),
        Date = At,
        OriginalSubject = "Gr\u00FC\u00DFe",
        OriginalMessageId = "orig@example.org",
        Status = new DeliveryStatusNotification
        {
            ReportingMta = "mail.example.org",
            EnvelopeId = "env-1",
            Arrived = At.AddHours(-1),
            Recipients =
            [
                new RecipientStatus
                {
                    FinalRecipient = EmailAddress.Parse(recipient),
                    OriginalRecipient = "rfc822;orig@example.net",
                    Action = action,
                    Status = status,
                    RemoteMta = "mx.example.net",
                    Diagnostic = "550 5.1.1 no such user",
                    LastAttempt = At,
                    WillRetryUntil = action == DeliveryAction.Delayed ? At.AddDays(5) : null,
                },
            ],
        },
    };

    private static async Task<byte[]> Write(DeliveryReport report, string original)
    {
        var output = new MemoryStream();
        await report.WriteAsync(new MemoryStream(Structures.Bytes(original)), output, TestContext.Current.CancellationToken);
        return output.ToArray();
    }
}
