using MimeKit.Utils;

namespace Posthorn.Mime;

// The Mime room owns the message format: what a message's octets mean, and how the few messages that this program writes itself look.
// It does no I/O: it reads the memory or the stream that a caller hands it, and writes to the stream that a caller hands it.
//
// A message is read once, at arrival, in one pass over MimeKit's event reader (StructureReader), which builds no tree of objects: a draft
// for each part (PartDraft), then two packed columns (EnvelopeDraft.Write, StructureWriter), a preview, the threading keys. Everybody else reads
// the columns through views (EnvelopeView, StructureView) that allocate nothing, and reads octets by the offsets that stand there.
//
// What holds here:
// - Every sequence of octets is a message. Nothing here throws because of what a message says; only the caller's own stream and
//   cancellation do. What cannot be understood is text, and what is past a limit (MimeLimits) is opaque.
// - Offsets are those of the octets as they arrived: nothing is rewritten, no line end is repaired. A part's octets and lines are what a
//   client gets when it fetches that part: BodyEnd - BodyStart, and the line feeds between them. The line end before a boundary belongs to
//   the boundary; the empty line after a header belongs to the header.
// - A child lies inside its parent, children stand in order, a multipart has at least one child, an enclosed message exactly one.
// - Time is linear in the length of the message; memory is bounded by MimeLimits.
// - The packed forms begin with their version and are read for ever; a new version is a new layout beside the old one.
// - A stored value has no CR, LF or NUL.
//
// There are no locks: everything is a value or belongs to one call. The room must never keep a message, know a mailbox or an account, or
// decode text for storage that a protocol wants raw.

/// <summary>Reads a message once into what is stored beside it. Never throws because of the message.</summary>
public static class MessageReader
{
    /// <param name="message">The whole message.</param>
    public static MessageSummary Read(ReadOnlyMemory<byte> message)
    {
        using var feed = new Feed(message);
        var reader = new StructureReader(feed);
        try
        {
            reader.ReadMessage();
        }
        catch (Exception fault) when (!feed.SourceFailed && fault is not OutOfMemoryException)
        {
            // The event reader refuses what is no message to it, an empty one for example; what it told until then stays.
        }
        return Summarise(reader.Finish(), reader, feed);
    }

    /// <param name="message">Read from where it stands to its end; not disposed.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async ValueTask<MessageSummary> ReadAsync(Stream message, CancellationToken cancellationToken = default)
    {
        using var feed = new Feed(message);
        var reader = new StructureReader(feed);
        try
        {
            await reader.ReadMessageAsync(cancellationToken);
        }
        catch (Exception fault) when (!feed.SourceFailed && fault is not (OutOfMemoryException or OperationCanceledException))
        {
            // As above.
        }
        var root = reader.Finish(); // first: what follows moves the window
        await feed.DrainAsync(cancellationToken);
        return Summarise(root, reader, feed);
    }

    private static MessageSummary Summarise(PartDraft root, StructureReader reader, Feed feed)
    {
        CloseOpenEnds(root, feed.Total, feed.NewlinesBefore(feed.Total));
        var header = root.Envelope ?? new EnvelopeDraft();
        var envelope = new PackedWriter();
        header.Write(envelope);
        var subject = header.Subject is null ? "" : HeaderText.Decode(header.Subject);
        return new MessageSummary
        {
            Envelope = envelope.ToArray(),
            Preview = Preview.Of(root),
            HasAttachment = Attachments.Any(root),
            Structure = StructureWriter.Write(root, reader.Index, reader.IndexComplete),
            MessageId = header.MessageId is null ? null : MessageIds.ParseOne(header.MessageId),
            References = MessageIds.Thread(header.References, header.InReplyTo),
            Ancestors = MessageIds.Ancestors(header.References, header.InReplyTo),
            BaseSubject = Posthorn.Mime.BaseSubject.Of(subject, out var isReplyOrForward),
            IsReplyOrForward = isReplyOrForward,
            SentAt = header.Date is not null && DateUtils.TryParse(header.Date, out var date) ? date : null,
            Length = feed.Total,
        };
    }

    // Where reading stopped, the parts that were open go on to the end.
    private static void CloseOpenEnds(PartDraft part, long total, long newlines)
    {
        if (!part.OpenEnd) return;
        part.BodyEnd = total;
        part.Lines = newlines - part.LinesBefore;
        foreach (var child in part.Children) CloseOpenEnds(child, total, newlines);
    }
}
