using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MimeKit;
using MimeKit.Utils;

namespace Posthorn.Mime;

/// <summary>Lays a report out as multipart/report (RFC 6522) with its three parts: for people, for programs, and what was sent.</summary>
internal sealed class DeliveryReportWriter(DeliveryReport report)
{
    private const int HeaderOctetsMax = 256 * 1024;
    private const int LineCharsMax = 900; // RFC 5322 §2.1.1 allows 998 octets; a peer's reply may be longer

    private readonly DeliveryStatusNotification _status = report.Status;
    private readonly bool _utf8 = report.Status.NeedsUtf8;
    private readonly string _boundary = "=_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    public async Task WriteAsync(Stream original, Stream output, CancellationToken cancellationToken)
    {
        var head = new byte[HeaderOctetsMax];
        var read = await original.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        var header = ReturnedHeader(head.AsSpan(0, read));
        var is8Bit = report.ReturnFull || !Ascii.IsValid(header);
        await output.WriteAsync(Encoding.UTF8.GetBytes(Opening(is8Bit)), cancellationToken);
        if (report.ReturnFull)
        {
            await output.WriteAsync(head.AsMemory(0, read), cancellationToken);
            await original.CopyToAsync(output, cancellationToken);
        }
        else
        {
            await output.WriteAsync(header, cancellationToken);
        }
        await output.WriteAsync(Encoding.ASCII.GetBytes("\r\n--" + _boundary + "--\r\n"), cancellationToken);
    }

    private static byte[] ReturnedHeader(ReadOnlySpan<byte> head)
    {
        var header = head[..HeaderFields.Of(head).Length];
        // What stands there is returned, except that it must be lines (RFC 5321 §2.3.8).
        var lines = new MemoryStream(header.Length + 64);
        while (!header.IsEmpty)
        {
            var end = header.IndexOf((byte)'\n');
            var line = end < 0 ? header : header[..end];
            lines.Write(line.TrimEnd((byte)'\r'));
            lines.Write("\r\n"u8);
            header = end < 0 ? default : header[(end + 1)..];
        }
        return lines.ToArray();
    }

    private string Opening(bool is8Bit)
    {
        var text = new StringBuilder();
        Header(text, is8Bit);
        text.Append("This is a delivery report in MIME format (RFC 3464).\r\n\r\n");
        Boundary(text, "text/plain; charset=utf-8", _utf8 || is8Bit ? "8bit" : "quoted-printable");
        var human = Human();
        text.Append(_utf8 || is8Bit ? human : QuotedPrintable(human)).Append("\r\n");
        Boundary(text, _utf8 ? "message/global-delivery-status" : "message/delivery-status", _utf8 ? "8bit" : "7bit");
        Fields(text);
        Boundary(text, ReturnedType(), is8Bit ? "8bit" : "7bit");
        return text.ToString();
    }

    // RFC 6533 §4: the global types only where they are needed.
    private string ReturnedType() => report.ReturnFull
        ? _utf8 ? "message/global" : "message/rfc822"
        : _utf8 ? "message/global-headers" : "text/rfc822-headers; charset=utf-8";

    private void Header(StringBuilder text, bool is8Bit)
    {
        text.Append("From: \"Mail Delivery System\" <").Append(report.From).Append(">\r\n");
        text.Append("To: <").Append(report.To).Append(">\r\n");
        text.Append("Subject: ").Append(Subject()).Append("\r\n");
        text.Append("Date: ").Append(InternetDate.Format(report.Date)).Append("\r\n");
        text.Append("Message-ID: <").Append(SubmissionHeaders.NewMessageId(report.From.Domain)).Append(">\r\n");
        if (report.OriginalMessageId is { Length: > 0 } id && IsToken(id))
        {
            text.Append("In-Reply-To: <").Append(id).Append(">\r\nReferences: <").Append(id).Append(">\r\n");
        }
        text.Append("Auto-Submitted: auto-replied\r\n"); // RFC 3834 §5
        text.Append("MIME-Version: 1.0\r\n");
        if (_utf8 || is8Bit) text.Append("Content-Transfer-Encoding: 8bit\r\n");
        text.Append("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"").Append(_boundary).Append("\"\r\n\r\n");
    }

    private DeliveryAction Worst => _status.Recipients.Any(r => r.Action == DeliveryAction.Failed) ? DeliveryAction.Failed
        : _status.Recipients.Any(r => r.Action == DeliveryAction.Delayed) ? DeliveryAction.Delayed : DeliveryAction.Delivered;

    private string Subject()
    {
        var subject = Worst switch
        {
            DeliveryAction.Failed => "Undelivered mail",
            DeliveryAction.Delayed => "Delayed mail",
            _ => "Mail delivered",
        };
        if (report.OriginalSubject is { Length: > 0 } original) subject += ": " + Line(original, 200);
        if (Ascii.IsValid(subject)) return subject;
        var words = Rfc2047.EncodeText(FormatOptions.Default, Encoding.UTF8, subject);
        return Encoding.ASCII.GetString(words).TrimEnd('\r', '\n').ReplaceLineEndings("\r\n");
    }

    private string Human()
    {
        var text = new StringBuilder("Hello,\r\n\r\n");
        text.Append(Worst switch
        {
            DeliveryAction.Failed => "your message could not be delivered to everybody. It will not be tried again.",
            DeliveryAction.Delayed => "your message is still waiting. You need not send it again: it is tried until it arrives or time runs out.",
            _ => "your message was delivered, as you asked to be told.",
        });
        text.Append("\r\n\r\n");
        if (report.OriginalSubject is { Length: > 0 } subject) text.Append("Subject: ").Append(Line(subject, 200)).Append("\r\n");
        if (_status.Arrived is { } arrived) text.Append("Accepted: ").Append(InternetDate.Format(arrived)).Append("\r\n");
        foreach (var recipient in _status.Recipients)
        {
            text.Append("\r\n  ").Append(recipient.FinalRecipient).Append("\r\n    ").Append(Sentence(recipient)).Append("\r\n");
            if (recipient.Diagnostic is not { Length: > 0 } said) continue;
            text.Append("    ").Append(recipient.RemoteMta is { Length: > 0 } host ? Line(host, 255) : "The other server").Append(" said: ")
                .Append(Line(said, LineCharsMax)).Append("\r\n");
        }
        if (Worst == DeliveryAction.Failed) text.Append("\r\nPlease check the address, or write to the recipient in another way.\r\n");
        text.Append("\r\n-- \r\nThe mail server at ").Append(Line(_status.ReportingMta, 255)).Append("\r\n");
        return text.ToString();
    }

    private static string Sentence(RecipientStatus recipient) => recipient.Action switch
    {
        DeliveryAction.Failed => Reason(recipient.Status),
        DeliveryAction.Delayed when recipient.WillRetryUntil is { } until =>
            "Not delivered yet. It will be tried until " + InternetDate.Format(until) + ".",
        DeliveryAction.Delayed => "Not delivered yet.",
        DeliveryAction.Delivered => "Delivered to the mailbox.",
        DeliveryAction.Relayed => "Handed on to a server that does not report deliveries.",
        _ => "Sent on to the members of a list.",
    };

    // RFC 3463 §3, in the words of a person; the subject decides where there is no word for the detail.
    private static string Reason(string status) => status switch
    {
        "5.1.1" => "There is no such mailbox.",
        "5.1.2" => "The domain of this address does not exist or takes no mail.",
        "5.1.3" => "This is not a valid address.",
        "5.1.6" => "The mailbox has moved.",
        "5.1.10" => "The domain says that it takes no mail.",
        "5.2.1" => "The mailbox is disabled.",
        "5.2.2" or "4.2.2" => "The mailbox is full.",
        "5.2.3" or "5.3.4" => "The message is too large.",
        "5.4.1" or "4.4.1" => "The other server did not answer.",
        "5.4.4" => "No server could be found for this domain.",
        "5.4.6" => "The message went round in circles.",
        "5.4.7" or "4.4.7" => "The other server could not be reached for too long.",
        "5.6.7" => "The other server does not take addresses in this script.",
        "5.7.1" => "The other server refused the message.",
        _ when status.StartsWith("5.1.", StringComparison.Ordinal) => "The address was not accepted.",
        _ when status.StartsWith("5.2.", StringComparison.Ordinal) => "The mailbox could not take the message.",
        _ when status.StartsWith("5.4.", StringComparison.Ordinal) => "The other server could not be reached.",
        _ when status.StartsWith("5.7.", StringComparison.Ordinal) => "The other server refused the message for its policy or safety.",
        _ => "The message could not be delivered.",
    };

    // RFC 3464 §2.2, §2.3
    private void Fields(StringBuilder text)
    {
        if (_status.EnvelopeId is { Length: > 0 } id) Field(text, "Original-Envelope-Id", id);
        Field(text, "Reporting-MTA", "dns; " + _status.ReportingMta);
        if (_status.Arrived is { } arrived) Field(text, "Arrival-Date", InternetDate.Format(arrived));
        foreach (var recipient in _status.Recipients)
        {
            text.Append("\r\n");
            if (recipient.OriginalRecipient is { Length: > 0 } original)
            {
                Field(text, "Original-Recipient", original.Replace(";", "; ", StringComparison.Ordinal));
            }
            Field(text, "Final-Recipient", (recipient.FinalRecipient.IsAscii ? "rfc822; " : "utf-8; ") + recipient.FinalRecipient);
            Field(text, "Action", recipient.Action.ToString().ToLowerInvariant());
            Field(text, "Status", recipient.Status);
            if (recipient.RemoteMta is { Length: > 0 } host) Field(text, "Remote-MTA", "dns; " + host);
            if (recipient.Diagnostic is { Length: > 0 } said) Field(text, "Diagnostic-Code", "smtp; " + (_utf8 ? said : Printable(said)));
            if (recipient.LastAttempt is { } last) Field(text, "Last-Attempt-Date", InternetDate.Format(last));
            if (recipient.WillRetryUntil is { } until) Field(text, "Will-Retry-Until", InternetDate.Format(until));
        }
        text.Append("\r\n");
    }

    private static void Field(StringBuilder text, string name, string value) =>
        text.Append(name).Append(": ").Append(Line(value, LineCharsMax)).Append("\r\n");

    private void Boundary(StringBuilder text, string type, string encoding) =>
        text.Append("--").Append(_boundary).Append("\r\nContent-Type: ").Append(type)
            .Append("\r\nContent-Transfer-Encoding: ").Append(encoding).Append("\r\n\r\n");

    // One line of printable text: whatever a peer said cannot begin a field or a part.
    private static string Line(string text, int charsMax)
    {
        var line = new TextCollector(charsMax);
        line.Add(text);
        return line.ToString();
    }

    private static string Printable(string text) => string.Create(text.Length, text, static (span, from) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsAscii(from[i]) ? from[i] : '?';
    });

    private static bool IsToken(string id)
    {
        foreach (var c in id)
        {
            if (c is <= ' ' or > '~' or '<' or '>') return false;
        }
        return true;
    }

    // RFC 2045 §6.7, for text whose lines end in CRLF.
    private static string QuotedPrintable(string text)
    {
        const int lineMax = 75;
        var encoded = new StringBuilder(text.Length + 64);
        foreach (var line in text.Split("\r\n"))
        {
            var column = 0;
            var octets = Encoding.UTF8.GetBytes(line);
            for (var i = 0; i < octets.Length; i++)
            {
                var b = octets[i];
                var isPlain = b is >= (byte)'!' and <= (byte)'~' and not (byte)'=' || (b == ' ' && i < octets.Length - 1);
                if (column + (isPlain ? 1 : 3) > lineMax)
                {
                    encoded.Append("=\r\n");
                    column = 0;
                }
                if (isPlain) encoded.Append((char)b);
                else encoded.Append('=').Append(b.ToString("X2", CultureInfo.InvariantCulture));
                column += isPlain ? 1 : 3;
            }
            encoded.Append("\r\n");
        }
        return encoded.ToString();
    }
}
