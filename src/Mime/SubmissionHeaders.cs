using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Mime;

/// <summary>A run of octets of a message.</summary>
public readonly record struct OctetRange(int Offset, int Length);

/// <summary>What a submission server completes in a header (RFC 6409 §8), on raw octets: everything else stays as it was written.</summary>
public sealed record SubmissionHeaders
{
    private SubmissionHeaders()
    {
    }

    /// <summary>Octets of the header with its empty line; all of the octets when there is none.</summary>
    public int Length { get; private init; }

    public bool HasDate { get; private init; }

    public bool HasMessageId { get; private init; }

    public bool HasFrom { get; private init; }

    /// <summary>The mailboxes of From: what must belong to the account.</summary>
    public IReadOnlyList<EmailAddress> From { get; private init; } = [];

    /// <summary>The mailboxes of Sender.</summary>
    public IReadOnlyList<EmailAddress> Sender { get; private init; } = [];

    /// <summary>Fields that must not go out, in order: Bcc (RFC 5322 §3.6.3), Resent-Bcc, and Return-Path (RFC 5321 §4.4).</summary>
    public IReadOnlyList<OctetRange> Dropped { get; private init; } = [];

    /// <summary>Nothing to add and nothing to take away.</summary>
    public bool IsComplete => HasDate && HasMessageId && Dropped.Count == 0;

    /// <param name="header">A message, or the start of one that holds its header.</param>
    public static SubmissionHeaders Read(ReadOnlySpan<byte> header)
    {
        var dropped = new List<OctetRange>();
        bool date = false, messageId = false, from = false;
        foreach (var field in HeaderFields.Of(header))
        {
            if (field.Is("date"u8)) date = true;
            else if (field.Is("message-id"u8) && !HeaderValue.Trim(field.Value).IsEmpty) messageId = true;
            else if (field.Is("from"u8)) from = true;
            else if (MustGo(field)) dropped.Add(new(field.Offset, field.Octets.Length));
        }
        return new SubmissionHeaders
        {
            Length = HeaderFields.Of(header).Length,
            HasDate = date,
            HasMessageId = messageId,
            HasFrom = from,
            From = HeaderScan.Mailboxes(header, "from"u8),
            Sender = HeaderScan.Mailboxes(header, "sender"u8),
            Dropped = dropped,
        };
    }

    /// <summary>The lines to put before the header: the missing ones of Date and Message-ID; empty when none is.</summary>
    /// <param name="now">The Date.</param>
    /// <param name="host">The right side of the Message-ID.</param>
    public byte[] Missing(DateTimeOffset now, Domain host)
    {
        var lines = new StringBuilder();
        if (!HasDate) lines.Append("Date: ").Append(InternetDate.Format(now)).Append("\r\n"); // RFC 6409 §8.2
        if (!HasMessageId) lines.Append("Message-ID: <").Append(NewMessageId(host)).Append(">\r\n"); // RFC 6409 §8.3
        return Encoding.ASCII.GetBytes(lines.ToString());
    }

    /// <summary>Writes the missing lines, then the octets without the dropped fields.</summary>
    /// <param name="header">The octets that <see cref="Read"/> saw; what follows the header in them is copied as it is.</param>
    /// <param name="now">The Date.</param>
    /// <param name="host">The right side of the Message-ID.</param>
    /// <param name="output">Gets the result.</param>
    public void Rewrite(ReadOnlySpan<byte> header, DateTimeOffset now, Domain host, IBufferWriter<byte> output)
    {
        output.Write(Missing(now, host));
        var at = 0;
        foreach (var range in Dropped)
        {
            output.Write(header[at..range.Offset]);
            at = range.Offset + range.Length;
        }
        output.Write(header[at..]);
    }

    /// <summary>A message id that nobody else makes, without angle brackets.</summary>
    public static string NewMessageId(Domain host) => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) + "@" + host.Ascii;

    // An empty Message-ID would stand beside the one that is added.
    private static bool MustGo(HeaderField field) =>
        field.Is("bcc"u8) || field.Is("resent-bcc"u8) || field.Is("return-path"u8) || field.Is("message-id"u8);
}
