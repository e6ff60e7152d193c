using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>What of a message had to be read from its octets or its structure, before it is written.</summary>
internal sealed class EmailContent
{
    public byte[] Header { get; private set; } = [];

    public BodyPart? Root { get; private set; }

    public BodyLists? Lists { get; private set; }

    public Dictionary<string, BodyValue> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>By the place where they begin.</summary>
    public Dictionary<long, byte[]> PartHeaders { get; } = [];

    /// <param name="open">Opens the message; asked only when its octets are needed.</param>
    /// <returns>Null when the message is not there any more.</returns>
    public static async ValueTask<EmailContent?> ReadAsync(
        EmailRecord record, EmailProperties wanted, Func<ValueTask<StoredMessage?>> open, CancellationToken ct)
    {
        var content = new EmailContent();
        if (wanted.NeedsStructure)
        {
            content.Root = BodyPart.Read(record.Structure);
            content.Lists = BodyLists.Of(content.Root);
        }
        var values = content.PartsWithValues(wanted);
        var sized = content.PartsWithUnknownSize(wanted);
        if (!wanted.NeedsHeader && values.Count == 0 && sized.Count == 0 && !(wanted.NeedsStructure && wanted.NeedsPartHeaders)) return content;
        using var message = await open();
        if (message is null) return null;
        if (wanted.NeedsHeader) content.Header = await ReadAsync(message, 0, record.PrefixLength + HeaderLength(record.Structure), ct);
        foreach (var part in sized) part.Size = await CountAsync(message, record.PrefixLength, part, ct);
        foreach (var part in values)
        {
            content.Values[part.PartId!] = await BodyValue.ReadAsync(message, record.PrefixLength, part, wanted.ValueOctetsMax, ct);
        }
        if (wanted.NeedsStructure && wanted.NeedsPartHeaders) await content.ReadPartHeadersAsync(message, record, ct);
        return content;
    }

    private static long HeaderLength(ReadOnlySpan<byte> structure) => new StructureView(structure).Root is var root
        ? root.HeaderStart + root.HeaderLength : 0;

    private List<BodyPart> PartsWithValues(EmailProperties wanted)
    {
        if (!wanted.NeedsValues) return [];
        IEnumerable<BodyPart> parts = wanted.AllValues ? Root!.All : [];
        if (wanted.TextValues) parts = parts.Concat(Lists!.Text);
        if (wanted.HtmlValues) parts = parts.Concat(Lists!.Html);
        return [.. parts.Where(static p => p.IsText && !p.IsMultipart).DistinctBy(static p => p.PartId)];
    }

    // Of what stands unencoded in the message the structure knows the size.
    private List<BodyPart> PartsWithUnknownSize(EmailProperties wanted) =>
        wanted.NeedsStructure && wanted.PartNames.Contains("size") ? [.. Root!.All.Where(static p => !p.IsMultipart && p.IsEncoded)] : [];

    private async ValueTask ReadPartHeadersAsync(StoredMessage message, EmailRecord record, CancellationToken ct)
    {
        foreach (var part in Root!.All)
        {
            var isRoot = ReferenceEquals(part, Root);
            var (start, length) = isRoot ? (0L, record.PrefixLength + part.HeaderLength)
                : (record.PrefixLength + part.HeaderStart, part.HeaderLength);
            PartHeaders[part.HeaderStart] = await ReadAsync(message, start, length, ct);
        }
    }

    private static async ValueTask<byte[]> ReadAsync(StoredMessage message, long start, long length, CancellationToken ct)
    {
        var buffer = new byte[Math.Min(length, JmapLimits.HeaderOctetsMax)];
        var read = await message.ReadAsync(start, buffer, ct);
        return read == buffer.Length ? buffer : buffer[..read];
    }

    private static async ValueTask<long> CountAsync(StoredMessage message, int prefix, BodyPart part, CancellationToken ct)
    {
        await using var range = new OctetRange(message, prefix + part.BodyStart, part.Octets);
        await using var decoded = PartContent.Open(range, part.Encoding);
        var buffer = new byte[16 * 1024];
        var count = 0L;
        while (await decoded.ReadAsync(buffer, ct) is > 0 and var read) count += read;
        return count;
    }
}
