using System.Text;
using Posthorn.Core;

namespace Posthorn.Mime;

/// <summary>Reads the machine's part of a delivery report (RFC 3464 §2, RFC 6533 §4.1).</summary>
internal static class DeliveryReportReader
{
    private const int RecipientsMax = 1_000;

    public static bool TryRead(ReadOnlyMemory<byte> message, out DeliveryStatusNotification? report)
    {
        report = null;
        var summary = MessageReader.Read(message);
        return TryPart(new StructureView(summary.Structure).Root, message.Span, ref report);
    }

    private static bool TryPart(PartView part, ReadOnlySpan<byte> message, ref DeliveryStatusNotification? report)
    {
        if (part.Type.SequenceEqual("message"u8)
            && (part.Subtype.SequenceEqual("delivery-status"u8) || part.Subtype.SequenceEqual("global-delivery-status"u8)))
        {
            report = Read(PartContent.Decode(message.Slice((int)part.BodyStart, (int)part.Octets), part.Encoding));
            return report is not null;
        }
        if (part.Kind != PartKind.Multipart) return false; // a report that is enclosed or forwarded is somebody else's
        foreach (var child in part)
        {
            if (TryPart(child, message, ref report)) return true;
        }
        return false;
    }

    private static DeliveryStatusNotification? Read(ReadOnlySpan<byte> content)
    {
        string host = "", envelope = "";
        DateTimeOffset? arrived = null;
        var first = HeaderFields.Of(content);
        foreach (var field in first)
        {
            if (field.Is("reporting-mta"u8)) host = AfterType(field);
            else if (field.Is("original-envelope-id"u8)) envelope = Text(field);
            else if (field.Is("arrival-date"u8)) arrived = Date(field);
        }
        var recipients = new List<RecipientStatus>();
        content = content[first.Length..];
        while (!content.IsEmpty && recipients.Count < RecipientsMax)
        {
            var group = HeaderFields.Of(content);
            if (Recipient(group) is { } recipient) recipients.Add(recipient);
            content = content[group.Length..];
        }
        if (recipients.Count == 0) return null;
        return new DeliveryStatusNotification
        {
            ReportingMta = host,
            EnvelopeId = envelope.Length == 0 ? null : envelope,
            Arrived = arrived,
            Recipients = recipients,
        };
    }

    private static RecipientStatus? Recipient(HeaderFields fields)
    {
        string final = "", original = "", action = "", status = "", host = "", said = "";
        DateTimeOffset? last = null, until = null;
        foreach (var field in fields)
        {
            if (field.Is("final-recipient"u8)) final = AfterType(field);
            else if (field.Is("original-recipient"u8)) original = Text(field);
            else if (field.Is("action"u8)) action = Text(field);
            else if (field.Is("status"u8)) status = Text(field);
            else if (field.Is("remote-mta"u8)) host = AfterType(field);
            else if (field.Is("diagnostic-code"u8)) said = AfterType(field);
            else if (field.Is("last-attempt-date"u8)) last = Date(field);
            else if (field.Is("will-retry-until"u8)) until = Date(field);
        }
        if (!EmailAddress.TryParse(final.Trim('<', '>'), out var address) || Action(action) is not { } known) return null;
        return new RecipientStatus
        {
            FinalRecipient = address,
            OriginalRecipient = original.Length == 0 ? null : original.Replace("; ", ";", StringComparison.Ordinal),
            Action = known,
            Status = status.Split(' ')[0],
            RemoteMta = host.Length == 0 ? null : host,
            Diagnostic = said.Length == 0 ? null : said,
            LastAttempt = last,
            WillRetryUntil = until,
        };
    }

    private static DeliveryAction? Action(string word) => word.ToLowerInvariant() switch
    {
        "failed" => DeliveryAction.Failed,
        "delayed" => DeliveryAction.Delayed,
        "delivered" => DeliveryAction.Delivered,
        "relayed" => DeliveryAction.Relayed,
        "expanded" => DeliveryAction.Expanded,
        _ => null,
    };

    private static string Text(HeaderField field) => Encoding.UTF8.GetString(HeaderValue.Unfold(field.Value, MimeLimits.StructureValueOctetsMax));

    // type ";" value
    private static string AfterType(HeaderField field)
    {
        var text = Text(field);
        var semicolon = text.IndexOf(';', StringComparison.Ordinal);
        return text[(semicolon + 1)..].Trim();
    }

    private static DateTimeOffset? Date(HeaderField field) => InternetDate.TryParse(HeaderValue.Trim(field.Value), out var at) ? at : null;
}
