namespace Posthorn.Mime;

/// <summary>Writes the packed structure; see <see cref="StructureView"/> and <see cref="PartView"/>.</summary>
internal static class StructureWriter
{
    public static byte[] Write(PartDraft root, ReadOnlySpan<byte> headerIndex, bool indexComplete)
    {
        var output = new PackedWriter();
        output.Byte(StructureView.Version);
        output.Byte(indexComplete ? (byte)1 : (byte)0);
        var block = output.BeginBlock();
        output.Raw(headerIndex);
        output.EndBlock(block);
        Part(output, root);
        return output.ToArray();
    }

    private static void Part(PackedWriter output, PartDraft part)
    {
        output.Byte((byte)part.Kind);
        var block = output.BeginBlock();
        output.Number(part.HeaderStart);
        output.Number(part.BodyStart - part.HeaderStart);
        output.Number(part.BodyEnd - part.BodyStart);
        output.Number(part.Lines);
        Fields(output, part);
        if (part.Kind == PartKind.Message)
        {
            var envelope = output.BeginBlock();
            (part.Children.Count > 0 ? part.Children[0].Envelope ?? new EnvelopeDraft() : new EnvelopeDraft()).Write(output);
            output.EndBlock(envelope);
            // A boundary where the enclosed message should be: it is a message of nothing.
            if (part.Children.Count == 0)
            {
                part.Children.Add(new PartDraft { HeaderStart = part.BodyStart, BodyStart = part.BodyStart, BodyEnd = part.BodyEnd });
            }
        }
        foreach (var child in part.Children) Part(output, child);
        output.EndBlock(block);
    }

    private static void Fields(PackedWriter output, PartDraft part)
    {
        output.Text(System.Text.Encoding.UTF8.GetBytes(part.Type));
        output.Text(System.Text.Encoding.UTF8.GetBytes(part.Subtype));
        var parameters = part.ContentType is null ? [] : HeaderValue.Parameters(part.ContentType);
        var languages = part.Language is null ? [] : HeaderValue.Tags(part.Language);
        var fields = (parameters.Count > 0 ? PartFields.Parameters : 0)
            | (part.Id is not null ? PartFields.Id : 0)
            | (part.Description is not null ? PartFields.Description : 0)
            | (part.Encoding is { Length: > 0 } ? PartFields.Encoding : 0)
            | (part.Md5 is not null ? PartFields.Md5 : 0)
            | (part.Disposition is { Length: > 0 } ? PartFields.Disposition : 0)
            | (languages.Count > 0 ? PartFields.Language : 0)
            | (part.Location is not null ? PartFields.Location : 0);
        output.Byte((byte)fields);
        if (fields.HasFlag(PartFields.Parameters)) Parameters(output, parameters);
        if (fields.HasFlag(PartFields.Id)) output.Text(part.Id);
        if (fields.HasFlag(PartFields.Description)) output.Text(part.Description);
        if (fields.HasFlag(PartFields.Encoding)) output.Text(part.Encoding);
        if (fields.HasFlag(PartFields.Md5)) output.Text(part.Md5);
        if (fields.HasFlag(PartFields.Disposition))
        {
            output.Text(HeaderValue.Token(part.Disposition, out _));
            Parameters(output, HeaderValue.Parameters(part.Disposition));
        }
        if (fields.HasFlag(PartFields.Language))
        {
            var list = output.BeginBlock();
            foreach (var tag in languages) output.Text(tag);
            output.EndBlock(list);
        }
        if (fields.HasFlag(PartFields.Location)) output.Text(part.Location);
    }

    private static void Parameters(PackedWriter output, List<KeyValuePair<byte[], byte[]>> parameters)
    {
        var list = output.BeginBlock();
        foreach (var (name, value) in parameters)
        {
            output.Text(name);
            output.Text(value);
        }
        output.EndBlock(list);
    }
}
