using System.Text;
using Posthorn.Mime;

namespace Posthorn.Jmap;

/// <summary>A part of a message as RFC 8621 §4.1.4 shows it, read from the stored structure.</summary>
internal sealed class BodyPart
{
    /// <summary>As IMAP counts the sections: null for a multipart.</summary>
    public required string? PartId { get; init; }

    /// <summary>In lower case: <c>text/plain</c>.</summary>
    public required string Type { get; init; }

    public required string? Charset { get; init; }

    public required string? Name { get; init; }

    public required string? Disposition { get; init; }

    public required string? ContentId { get; init; }

    public required IReadOnlyList<string>? Languages { get; init; }

    public required string? Location { get; init; }

    public required string Encoding { get; init; }

    /// <summary>From the first octet behind the trace headers.</summary>
    public required long HeaderStart { get; init; }

    public required long HeaderLength { get; init; }

    /// <summary>Octets as they stand in the message.</summary>
    public required long Octets { get; init; }

    /// <summary>Null for what is no multipart.</summary>
    public required IReadOnlyList<BodyPart>? Parts { get; init; }

    /// <summary>Octets without the transfer encoding, once somebody has counted.</summary>
    public long? Size { get; set; }

    public long BodyStart => HeaderStart + HeaderLength;

    public bool IsMultipart => Parts is not null;

    public bool IsText => Type.StartsWith("text/", StringComparison.Ordinal);

    public bool IsEncoded => Encoding is not ("7bit" or "8bit" or "binary") && PartContent.IsKnown(Encoding);

    /// <summary>It, and all below.</summary>
    public IEnumerable<BodyPart> All => Parts is null ? [this] : Parts.SelectMany(static p => p.All).Prepend(this);

    public static BodyPart Read(ReadOnlySpan<byte> structure) => Read(new StructureView(structure).Root, "");

    private static BodyPart Read(PartView part, string path)
    {
        List<BodyPart>? parts = null;
        if (part.Kind == PartKind.Multipart)
        {
            parts = [];
            foreach (var child in part) parts.Add(Read(child, path.Length == 0 ? $"{parts.Count + 1}" : $"{path}.{parts.Count + 1}"));
        }
        var type = Ascii(part.Type) + "/" + Ascii(part.Subtype);
        var charset = PartContent.Charset(part);
        return new BodyPart
        {
            PartId = parts is not null ? null : path.Length == 0 ? "1" : path,
            Type = type,
            Charset = charset.Length > 0 ? charset : part.Type.SequenceEqual("text"u8) ? "us-ascii" : null,
            Name = PartContent.FileName(part),
            Disposition = part.Disposition.IsNil ? null : part.Disposition.ToString(),
            ContentId = Bare(part.Id),
            Languages = LanguagesOf(part),
            Location = part.Location.IsNil ? null : HeaderText.Decode(part.Location.Octets).Trim(),
            Encoding = Ascii(part.Encoding),
            HeaderStart = part.HeaderStart,
            HeaderLength = part.HeaderLength,
            Octets = part.Octets,
            Parts = parts,
        };
    }

    private static string? Bare(PackedText id)
    {
        if (id.IsNil) return null;
        if (MessageIds.ParseOne(id.Octets) is { } parsed) return parsed;
        var text = id.ToString().Trim();
        return text.StartsWith('<') && text.EndsWith('>') ? text[1..^1] : text;
    }

    private static List<string>? LanguagesOf(PartView part)
    {
        List<string>? languages = null;
        foreach (var tag in part.Languages) (languages ??= []).Add(tag.ToString());
        return languages;
    }

    private static string Ascii(ReadOnlySpan<byte> octets) => System.Text.Encoding.Latin1.GetString(octets);
}

/// <summary>Which parts are the body and which are attachments, by the algorithm of RFC 8621 §4.1.4.</summary>
internal sealed class BodyLists
{
    public List<BodyPart> Text { get; } = [];

    public List<BodyPart> Html { get; } = [];

    public List<BodyPart> Attachments { get; } = [];

    public static BodyLists Of(BodyPart root)
    {
        var lists = new BodyLists();
        lists.Walk([root], "mixed", false, lists.Html, lists.Text);
        return lists;
    }

    // The lists are null, as in the RFC, where the other kind of an alternative is being read.
    private void Walk(IReadOnlyList<BodyPart> parts, string multipart, bool inAlternative, List<BodyPart>? html, List<BodyPart>? text)
    {
        var (textLength, htmlLength) = (text?.Count ?? -1, html?.Count ?? -1);
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            var isInline = IsInline(part, i, multipart);
            if (part.IsMultipart)
            {
                var subtype = part.Type["multipart/".Length..];
                Walk(part.Parts!, subtype, inAlternative || subtype == "alternative", html, text);
            }
            else if (isInline)
            {
                if (multipart == "alternative")
                {
                    if (part.Type == "text/plain") text?.Add(part);
                    else if (part.Type == "text/html") html?.Add(part);
                    else Attachments.Add(part);
                    continue;
                }
                if (inAlternative)
                {
                    if (part.Type == "text/plain") html = null;
                    if (part.Type == "text/html") text = null;
                }
                text?.Add(part);
                html?.Add(part);
                if ((text is null || html is null) && IsMedia(part)) Attachments.Add(part);
            }
            else
            {
                Attachments.Add(part);
            }
        }
        if (multipart != "alternative" || text is null || html is null) return;
        // Found HTML part only, or text part only.
        if (textLength == text.Count && htmlLength != html.Count) text.AddRange(html[htmlLength..]);
        else if (htmlLength == html.Count && textLength != text.Count) html.AddRange(text[textLength..]);
    }

    private static bool IsInline(BodyPart part, int index, string multipart) =>
        part.Disposition != "attachment" && (part.Type is "text/plain" or "text/html" || IsMedia(part))
        && (index == 0 || (multipart != "related" && (IsMedia(part) || part.Name is null)));

    private static bool IsMedia(BodyPart part) =>
        part.Type.StartsWith("image/", StringComparison.Ordinal) || part.Type.StartsWith("audio/", StringComparison.Ordinal)
        || part.Type.StartsWith("video/", StringComparison.Ordinal);
}
