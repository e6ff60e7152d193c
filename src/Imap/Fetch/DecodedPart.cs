using System.Buffers;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>BINARY and BINARY.SIZE of a part (RFC 3516 §4.3).</summary>
/// <remarks>The length goes ahead of the octets, so the part is decoded twice, a piece at a time: it is never in memory as a whole.</remarks>
internal sealed class DecodedPart(ImapSession session, StoredMessage message, BodySection section, SectionPlace place)
{
    /// <summary>Somebody knows how to take the part's encoding off.</summary>
    public bool IsKnown => place.Encoding is null || PartContent.IsKnown(place.Encoding);

    /// <returns>False when nobody reads it.</returns>
    public async ValueTask<bool> WriteAsync(bool first, CancellationToken ct)
    {
        Begin(first);
        if (!IsKnown || (place.IsMissing && section.Coding == SectionCoding.Decoded)) return Nil();
        var buffer = ArrayPool<byte>.Shared.Rent(ImapLimits.BodyChunkOctets);
        try
        {
            var (length, hasNul) = place.IsMissing ? (0, false) : await MeasureAsync(buffer, ct);
            if (section.Coding == SectionCoding.DecodedSize) return Size(length);
            var skip = Math.Min(section.Offset ?? 0, length);
            var count = Math.Min(section.Count, length - skip);
            Head(count, hasNul);
            return count == 0 || await CopyAsync(buffer, skip, count, ct);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private Stream Open()
    {
        var stored = new PartStream(message, place.Start, place.Length);
        return place.Encoding is null ? stored : PartContent.Open(stored, place.Encoding);
    }

    private async ValueTask<(long Length, bool HasNul)> MeasureAsync(byte[] buffer, CancellationToken ct)
    {
        await using var decoded = Open();
        var (length, hasNul) = (0L, false);
        while (await decoded.ReadAsync(buffer, ct) is var read and > 0)
        {
            length += read;
            hasNul = hasNul || buffer.AsSpan(0, read).Contains((byte)0);
        }
        return (length, hasNul);
    }

    private async ValueTask<bool> CopyAsync(byte[] buffer, long skip, long count, CancellationToken ct)
    {
        await using var decoded = Open();
        while (count > 0)
        {
            var read = await decoded.ReadAsync(buffer, ct);
            if (read == 0) throw new EndOfStreamException("the part is shorter than it was");
            var from = (int)Math.Min(skip, read);
            var some = (int)Math.Min(count, read - from);
            skip -= from;
            count -= some;
            session.Connection.Output.Write(buffer.AsSpan(from, some));
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        return true;
    }

    private void Begin(bool first)
    {
        var w = session.Connection.Write();
        if (!first) w.Space();
        w.Raw(section.Label);
        w.Space();
        w.Commit();
    }

    private bool Nil()
    {
        var w = session.Connection.Write();
        if (section.Coding == SectionCoding.DecodedSize) w.Number(0);
        else w.Nil();
        w.Commit();
        return true;
    }

    private bool Size(long length)
    {
        var w = session.Connection.Write();
        w.Number(length);
        w.Commit();
        return true;
    }

    private void Head(long count, bool hasNul)
    {
        var w = session.Connection.Write();
        if (count == 0)
        {
            w.Raw("\"\""u8);
        }
        else
        {
            if (hasNul) w.Byte((byte)'~'); // literal8
            w.LiteralHead(count);
        }
        w.Commit();
    }
}
