using System.Globalization;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>An Email object (RFC 8621 §4.1).</summary>
internal static class EmailWriter
{
    public static void Write(Utf8JsonWriter json, in EmailFacts email, EmailProperties wanted)
    {
        json.WriteStartObject();
        var envelope = new EnvelopeView(email.Envelope);
        foreach (var name in wanted.Names)
        {
            if (wanted.Headers.TryGetValue(name, out var header)) HeaderWriter.Write(json, header, email.Content!.Header);
            else if (!WriteMetadata(json, email, name) && !WriteEnvelope(json, envelope, name)) WriteBody(json, email, wanted, name);
        }
        json.WriteEndObject();
    }

    /// <summary>UTCDate (RFC 8620 §1.4).</summary>
    public static string UtcDate(DateTimeOffset at) => at.UtcDateTime.Millisecond == 0
        ? at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)
        : at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture);

    public static void WriteKeywords(Utf8JsonWriter json, EmailPlaces places)
    {
        json.WriteStartObject("keywords"u8);
        foreach (var (flag, keyword) in Keywords.System)
        {
            if (places.Flags.HasFlag(flag)) json.WriteBoolean(keyword, true);
        }
        foreach (var keyword in places.Keywords) json.WriteBoolean(keyword.ToLowerInvariant(), true);
        json.WriteEndObject();
    }

    public static void WriteMailboxes(Utf8JsonWriter json, AccountId account, EmailPlaces places)
    {
        json.WriteStartObject("mailboxIds"u8);
        foreach (var mailbox in places.Mailboxes) json.WriteBoolean(ObjectId.Of(account, mailbox), true);
        json.WriteEndObject();
    }

    private static bool WriteMetadata(Utf8JsonWriter json, in EmailFacts email, string name)
    {
        switch (name)
        {
            case "blobId": json.WriteString("blobId"u8, email.BlobId); return true;
            case "size": json.WriteNumber("size"u8, email.SizeBytes); return true;
            case "hasAttachment": json.WriteBoolean("hasAttachment"u8, email.HasAttachment); return true;
            case "preview": json.WriteString("preview"u8, email.PreviewUtf8); return true;
            case "id" or "threadId" or "mailboxIds" or "keywords" or "receivedAt" when email.Email is null: json.WriteNull(name); return true;
            case "id": json.WriteString("id"u8, ObjectId.Of(email.Account, email.Email!.Value)); return true;
            case "threadId": json.WriteString("threadId"u8, ObjectId.Of(email.Account, email.Thread)); return true;
            case "mailboxIds": WriteMailboxes(json, email.Account, email.Places!); return true;
            case "keywords": WriteKeywords(json, email.Places!); return true;
            case "receivedAt": json.WriteString("receivedAt"u8, UtcDate(email.ReceivedAt)); return true;
            default: return false;
        }
    }

    private static bool WriteEnvelope(Utf8JsonWriter json, in EnvelopeView envelope, string name)
    {
        switch (name)
        {
            case "subject":
                if (envelope.Subject.IsNil) json.WriteNull("subject"u8);
                else json.WriteString("subject"u8, HeaderWriter.Text(envelope.Subject.Octets));
                return true;
            case "from": WriteAddresses(json, name, envelope.From); return true;
            case "sender": WriteAddresses(json, name, envelope.WrittenSender); return true;
            case "replyTo": WriteAddresses(json, name, envelope.WrittenReplyTo); return true;
            case "to": WriteAddresses(json, name, envelope.To); return true;
            case "cc": WriteAddresses(json, name, envelope.Cc); return true;
            case "bcc": WriteAddresses(json, name, envelope.Bcc); return true;
            case "messageId": WriteIds(json, name, envelope.MessageId); return true;
            case "inReplyTo": WriteIds(json, name, envelope.InReplyTo); return true;
            case "sentAt":
                json.WritePropertyName("sentAt"u8);
                if (envelope.Date.IsNil) json.WriteNullValue();
                else HeaderWriter.WriteDate(json, envelope.Date.Octets);
                return true;
            default: return false;
        }
    }

    private static void WriteAddresses(Utf8JsonWriter json, string name, AddressList list)
    {
        json.WritePropertyName(name);
        if (list.IsEmpty) json.WriteNullValue();
        else HeaderWriter.WriteAddresses(json, HeaderScan.Groups(list));
    }

    private static void WriteIds(Utf8JsonWriter json, string name, PackedText value)
    {
        json.WritePropertyName(name);
        if (value.IsNil) json.WriteNullValue();
        else HeaderWriter.WriteIds(json, value.Octets);
    }

    private static void WriteBody(Utf8JsonWriter json, in EmailFacts email, EmailProperties wanted, string name)
    {
        var content = email.Content!;
        json.WritePropertyName(name);
        switch (name)
        {
            case "headers": HeaderWriter.WriteAll(json, content.Header); break;
            case "references": WriteReferences(json, content.Header); break;
            case "bodyStructure": WritePart(json, email, content.Root!, wanted, withChildren: true); break;
            case "textBody": WriteParts(json, email, content.Lists!.Text, wanted); break;
            case "htmlBody": WriteParts(json, email, content.Lists!.Html, wanted); break;
            case "attachments": WriteParts(json, email, content.Lists!.Attachments, wanted); break;
            case "bodyValues": WriteValues(json, content); break;
        }
    }

    private static void WriteReferences(Utf8JsonWriter json, ReadOnlySpan<byte> header)
    {
        var last = default(ReadOnlySpan<byte>);
        foreach (var field in HeaderFields.Of(header))
        {
            if (field.Is("references"u8)) last = field.Value;
        }
        HeaderWriter.WriteIds(json, last);
    }

    private static void WriteParts(Utf8JsonWriter json, in EmailFacts email, List<BodyPart> parts, EmailProperties wanted)
    {
        json.WriteStartArray();
        foreach (var part in parts) WritePart(json, email, part, wanted, withChildren: false);
        json.WriteEndArray();
    }

    private static void WritePart(Utf8JsonWriter json, in EmailFacts email, BodyPart part, EmailProperties wanted, bool withChildren)
    {
        json.WriteStartObject();
        foreach (var name in wanted.PartNames)
        {
            if (wanted.PartHeaders.TryGetValue(name, out var header))
            {
                HeaderWriter.Write(json, header, email.Content!.PartHeaders[part.HeaderStart]);
                continue;
            }
            if (name == "subParts")
            {
                if (part.Parts is null || !withChildren) continue;
                json.WriteStartArray("subParts"u8);
                foreach (var child in part.Parts) WritePart(json, email, child, wanted, withChildren);
                json.WriteEndArray();
                continue;
            }
            json.WritePropertyName(name);
            WriteProperty(json, email, part, name);
        }
        json.WriteEndObject();
    }

    private static void WriteProperty(Utf8JsonWriter json, in EmailFacts email, BodyPart part, string name)
    {
        switch (name)
        {
            case "partId": json.WriteStringValue(part.PartId); break;
            case "blobId": json.WriteStringValue(part.PartId is { } id ? BlobName.Part(email.BlobId, id) : null); break;
            case "size": json.WriteNumberValue(part.IsMultipart ? 0 : part.Size ?? part.Octets); break;
            case "headers": HeaderWriter.WriteAll(json, email.Content!.PartHeaders[part.HeaderStart]); break;
            case "name": json.WriteStringValue(part.Name); break;
            case "type": json.WriteStringValue(part.Type); break;
            case "charset": json.WriteStringValue(part.Charset); break;
            case "disposition": json.WriteStringValue(part.Disposition); break;
            case "cid": json.WriteStringValue(part.ContentId); break;
            case "location": json.WriteStringValue(part.Location); break;
            default:
                if (part.Languages is null)
                {
                    json.WriteNullValue();
                    break;
                }
                json.WriteStartArray();
                foreach (var tag in part.Languages) json.WriteStringValue(tag);
                json.WriteEndArray();
                break;
        }
    }

    private static void WriteValues(Utf8JsonWriter json, EmailContent content)
    {
        json.WriteStartObject();
        foreach (var (part, value) in content.Values)
        {
            json.WriteStartObject(part);
            json.WriteString("value"u8, value.Value);
            json.WriteBoolean("isEncodingProblem"u8, value.IsEncodingProblem);
            json.WriteBoolean("isTruncated"u8, value.IsTruncated);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }
}
