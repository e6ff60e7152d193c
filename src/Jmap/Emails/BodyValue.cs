using System.Text;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>EmailBodyValue (RFC 8621 §4.1.4): the text of a part.</summary>
internal sealed record BodyValue(string Value, bool IsEncodingProblem, bool IsTruncated)
{
    /// <param name="octetsMax">Of the value in UTF-8; 0 for no limit but the server's.</param>
    public static async ValueTask<BodyValue> ReadAsync(StoredMessage message, int prefix, BodyPart part, long octetsMax, CancellationToken ct)
    {
        var limit = octetsMax > 0 ? Math.Min(octetsMax, JmapLimits.BodyValueOctetsMax) : JmapLimits.BodyValueOctetsMax;
        var octets = new MemoryStream();
        await using var range = new OctetRange(message, prefix + part.BodyStart, part.Octets);
        await using var decoded = PartContent.Open(range, part.Encoding);
        // A character takes up to four octets in either form; line ends shrink.
        var isWhole = await CopyAsync(decoded, octets, Math.Min(JmapLimits.BodyValueOctetsMax, (limit * 4) + 64), ct);
        return Of(octets.GetBuffer().AsSpan(0, (int)octets.Length), part, limit, isWhole);
    }

    internal static BodyValue Of(ReadOnlySpan<byte> octets, BodyPart part, long octetsMax, bool isWhole)
    {
        var problem = !PartContent.IsKnown(part.Encoding);
        var declared = Charsets.Find(part.Charset ?? "");
        string text;
        if (Ascii.IsValid(octets) && declared is null or UTF8Encoding)
        {
            text = Encoding.ASCII.GetString(octets);
            problem |= declared is null && part.Charset is { } charset && !charset.Equals("us-ascii", StringComparison.OrdinalIgnoreCase)
                && !charset.Equals("ascii", StringComparison.OrdinalIgnoreCase);
        }
        else
        {
            text = (declared ?? Charsets.Guess(octets)).GetString(octets);
            if (!isWhole) text = text.TrimEnd('\uFFFD'); // the end may be inside a character
            problem |= declared is null || text.Contains('\uFFFD', StringComparison.Ordinal);
        }
        if (text.StartsWith('\uFEFF')) text = text[1..];
        text = text.Replace("\r\n", "\n", StringComparison.Ordinal);
        var cut = Cut(text, octetsMax, part.Type == "text/html");
        return new BodyValue(cut, problem, !isWhole || cut.Length < text.Length);
    }

    /// <summary>The longest beginning that takes no more octets, ends between characters, and in HTML not inside a tag.</summary>
    internal static string Cut(string text, long octetsMax, bool isHtml)
    {
        if (text.Length * 3L <= octetsMax || Encoding.UTF8.GetByteCount(text) <= octetsMax) return text;
        var octets = 0L;
        var end = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            octets += rune.Utf8SequenceLength;
            if (octets > octetsMax) break;
            end += rune.Utf16SequenceLength;
        }
        if (isHtml && end > 0 && text.LastIndexOf('<', end - 1, end) is var open && open > text.LastIndexOf('>', end - 1, end)) end = Math.Max(open,
            0);
        return text[..end];
    }

    private static async ValueTask<bool> CopyAsync(Stream from, MemoryStream to, long octetsMax, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var read = await from.ReadAsync(buffer, ct);
            if (read == 0) return true;
            var room = (int)Math.Min(read, octetsMax - to.Length);
            await to.WriteAsync(buffer.AsMemory(0, room), ct);
            if (room < read) return false;
        }
    }
}
