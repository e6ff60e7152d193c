using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>The message that carries a failure report (RFC 5965 §2, RFC 6591 §3).</summary>
public static class FailureMail
{
    /// <param name="submitter">The name of this server.</param>
    /// <param name="id">Unique, and nobody's to guess: it separates the parts.</param>
    public static byte[] Write(FailureNotice notice, EmailAddress from, EmailAddress to, Domain submitter, string id, DateTimeOffset now)
    {
        var boundary = $"=_{id}_failure";
        string[] lines =
        [
            $"Date: {InternetDate.Format(now)}",
            $"From: {from}",
            $"To: {to}",
            $"Message-ID: <failure.{id}@{submitter.Ascii}>",
            $"Subject: Failure report of DMARC for {notice.Domain.Ascii}",
            "Auto-Submitted: auto-generated", // RFC 3834 §5
            "MIME-Version: 1.0",
            $"Content-Type: multipart/report; report-type=feedback-report; boundary=\"{boundary}\"",
            "",
            "--" + boundary,
            "Content-Type: text/plain; charset=us-ascii",
            "",
            $"A message in the name of {notice.Domain.Ascii} came to {submitter.Ascii}, and DMARC has not proven all of it.",
            "The domain asks for such reports. What the header says of recipients is left out.",
            "--" + boundary,
            "Content-Type: message/feedback-report",
            "",
            notice.Fields,
            "--" + boundary,
            "Content-Type: text/rfc822-headers",
            "",
            notice.Header,
            $"--{boundary}--",
            "",
        ];
        // What is no ASCII in somebody's header would need an encoding that text/rfc822-headers must not have (RFC 6522 §4).
        return Encoding.ASCII.GetBytes(string.Join("\r\n", lines));
    }
}
