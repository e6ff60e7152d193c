using System.Text;
using MimeKit;

namespace Posthorn.Mime;

/// <summary>A part of a message that is to be written: a multipart, a text, or the octets of a file.</summary>
public sealed class OutgoingPart
{
    /// <summary>As <c>text/plain</c>.</summary>
    public required string Type { get; init; }

    public IReadOnlyList<OutgoingPart> Parts { get; init; } = [];

    /// <summary>For a text; line ends of any kind.</summary>
    public string? Text { get; init; }

    /// <summary>For a file; can seek. It is read while the message is written.</summary>
    public Stream? Content { get; init; }

    public string? Charset { get; init; }

    public string? Name { get; init; }

    public string? Disposition { get; init; }

    /// <summary>Without angle brackets.</summary>
    public string? ContentId { get; init; }

    public IReadOnlyList<string> Languages { get; init; } = [];

    public string? Location { get; init; }

    public IReadOnlyList<OutgoingField> Fields { get; init; } = [];
}

/// <summary>A header field that is to be written.</summary>
public sealed class OutgoingField
{
    private OutgoingField(Header header) => Header = header;

    public string Name => Header.Field;

    internal Header Header { get; }

    /// <summary>As it stands: the value from behind the colon, folded or not.</summary>
    public static OutgoingField Raw(string name, string value)
    {
        var header = new Header(Encoding.UTF8, name, "");
        header.SetRawValue(Encoding.UTF8.GetBytes((value.StartsWith(' ') || value.StartsWith('\t') ? value : " " + value) + "\r\n"));
        return new OutgoingField(header);
    }

    /// <summary>Text, with encoded words where it is not ASCII (RFC 2047).</summary>
    public static OutgoingField Text(string name, string value) => new(new Header(Encoding.UTF8, name, value));

    /// <summary>Addresses in groups; those without a name are no group.</summary>
    public static OutgoingField Addresses(string name, IEnumerable<WrittenGroup> groups)
    {
        var list = new InternetAddressList();
        foreach (var group in groups)
        {
            var members = group.Addresses.Select(InternetAddress (address) =>
                new MailboxAddress(Encoding.UTF8, address.Name, address.Host.Length > 0 ? $"{address.Mailbox}@{address.Host}" : address.Mailbox));
            if (group.Name is null) list.AddRange(members);
            else list.Add(new GroupAddress(Encoding.UTF8, group.Name, members));
        }
        // The list is encoded as a To is, whatever the field is called.
        var message = new MimeMessage();
        message.To.AddRange(list);
        var header = new Header(Encoding.UTF8, name, "");
        var raw = message.Headers[HeaderId.To] is null ? " \r\n"u8.ToArray()
            : message.Headers.First(static h => h.Id == HeaderId.To).RawValue;
        header.SetRawValue(Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(raw).Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal)));
        return new OutgoingField(header);
    }
}

/// <summary>Writes the messages that clients describe (RFC 5322, RFC 2045): CRLF lines, seven bits where the content allows it.</summary>
public static class OutgoingMessage
{
    private const int LineMax = 78;

    /// <param name="fields">Of the message, in order; none that begins with Content-.</param>
    public static async Task WriteAsync(IReadOnlyList<OutgoingField> fields, OutgoingPart body, Stream output, CancellationToken ct = default)
    {
        var entity = Entity(body);
        entity.Prepare(EncodingConstraint.SevenBit, LineMax);
        var options = FormatOptions.Default.Clone();
        options.NewLineFormat = NewLineFormat.Dos;
        var message = new MimeMessage();
        message.Headers.Clear();
        foreach (var field in fields) message.Headers.Add(field.Header);
        if (!message.Headers.Contains(HeaderId.MimeVersion)) message.Headers.Add(HeaderId.MimeVersion, "1.0");
        message.Body = entity;
        await message.WriteToAsync(options, output, ct);
    }

    private static MimeEntity Entity(OutgoingPart part)
    {
        if (!ContentType.TryParse(part.Type, out var type)) type = new ContentType("application", "octet-stream");
        MimeEntity entity = type.IsMimeType("multipart", "*") ? Multipart(part, type) : Leaf(part, type);
        foreach (var field in part.Fields) entity.Headers.Add(field.Header);
        if (part.ContentId is not null) entity.ContentId = part.ContentId;
        if (part.Languages.Count > 0) entity.Headers.Add(HeaderId.ContentLanguage, string.Join(", ", part.Languages));
        if (part.Location is not null) entity.Headers.Add(HeaderId.ContentLocation, part.Location);
        if (part.Disposition is not null) entity.ContentDisposition = new ContentDisposition(part.Disposition);
        if (part.Name is null) return entity;
        entity.ContentType.Name = part.Name;
        entity.ContentDisposition ??= new ContentDisposition(ContentDisposition.Attachment);
        entity.ContentDisposition.FileName = part.Name;
        return entity;
    }

    private static Multipart Multipart(OutgoingPart part, ContentType type)
    {
        var multipart = new Multipart(type.MediaSubtype);
        foreach (var child in part.Parts) multipart.Add(Entity(child));
        return multipart;
    }

    private static MimePart Leaf(OutgoingPart part, ContentType type)
    {
        var leaf = new MimePart(type);
        if (part.Text is not null)
        {
            var text = part.Text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Replace("\n", "\r\n", StringComparison.Ordinal);
            leaf.ContentType.Charset = "utf-8";
            leaf.Content = new MimeContent(new MemoryStream(Encoding.UTF8.GetBytes(text)));
            return leaf;
        }
        if (part.Charset is not null) leaf.ContentType.Charset = part.Charset;
        leaf.Content = new MimeContent(part.Content ?? Stream.Null);
        // RFC 2046 §5.2.1: an enclosed message is not encoded; everything else that is no text is.
        if (type.IsMimeType("message", "*")) leaf.ContentTransferEncoding = ContentEncoding.EightBit;
        else if (!type.IsMimeType("text", "*")) leaf.ContentTransferEncoding = ContentEncoding.Base64;
        return leaf;
    }
}
