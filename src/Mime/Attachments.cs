namespace Posthorn.Mime;

/// <summary>RFC 8621 §4.1.4: which parts are the body and which are attachments.</summary>
internal static class Attachments
{
    /// <summary>Whether some attachment is not marked as inline: what a client shows a paper clip for.</summary>
    public static bool Any(PartDraft root)
    {
        var found = new List<PartDraft>();
        // The body lists matter only by being there: inside an alternative, one text kind ends the other's list.
        var hasText = true;
        var hasHtml = true;
        Walk([root], "mixed", false, ref hasText, ref hasHtml, found);
        return found.Exists(part => !Disposition(part).SequenceEqual("inline"u8));
    }

    private static void Walk(List<PartDraft> parts, string multipart, bool inAlternative, ref bool hasText, ref bool hasHtml, List<PartDraft> found)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            if (part.Kind == PartKind.Multipart)
            {
                Walk(part.Children, part.Subtype, inAlternative || part.Subtype == "alternative", ref hasText, ref hasHtml, found);
                continue;
            }
            var isMedia = part.Type is "image" or "audio" or "video";
            var isPlain = part.Is("text", "plain");
            var isHtml = part.Is("text", "html");
            var isInline = !Disposition(part).SequenceEqual("attachment"u8) && (isPlain || isHtml || isMedia)
                && (i == 0 || (multipart != "related" && (isMedia || !HasName(part))));
            if (!isInline)
            {
                found.Add(part);
            }
            else if (multipart == "alternative")
            {
                if (!isPlain && !isHtml) found.Add(part);
            }
            else
            {
                if (inAlternative && isPlain) hasHtml = false;
                if (inAlternative && isHtml) hasText = false;
                if ((!hasText || !hasHtml) && isMedia) found.Add(part);
            }
        }
    }

    private static ReadOnlySpan<byte> Disposition(PartDraft part) => part.Disposition is null ? default : HeaderValue.Token(part.Disposition, out _);

    private static bool HasName(PartDraft part) => Names(part.Disposition, "filename"u8) || Names(part.ContentType, "name"u8);

    private static bool Names(byte[]? value, ReadOnlySpan<byte> name)
    {
        if (value is null) return false;
        foreach (var (written, _) in HeaderValue.Parameters(value))
        {
            // RFC 2231: filename, filename*, filename*0, filename*0*
            if (written.AsSpan().StartsWith(name) && (written.Length == name.Length || written[name.Length] == '*')) return true;
        }
        return false;
    }
}
