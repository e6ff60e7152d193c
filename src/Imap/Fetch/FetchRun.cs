using System.Buffers;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>A response was begun and cannot be completed: the client could not tell where the next one begins.</summary>
public sealed class BrokenResponseException(Exception inner) : Exception("a response could not be completed", inner);

/// <summary>Writes the responses of one FETCH, in batches, flushing as they go.</summary>
internal sealed class FetchRun(ImapSession session, FetchRequest request)
{
    private readonly SelectedMailbox _mailbox = session.Mailbox;
    private readonly bool _uidOnly = session.Has(Extensions.UidOnly);
    private readonly EmailId[] _emails = request.NeedsDetails ? new EmailId[BatchRows(request)] : [];
    private readonly int[] _indexes = request.NeedsDetails ? new int[BatchRows(request)] : [];
    private readonly ArrayBufferWriter<byte>? _draft = request.Sections.Count > 0 ? new ArrayBufferWriter<byte>() : null;
    private readonly List<Draft> _drafts = [];
    private ArrayBufferWriter<byte>? _fields;
    private int _missing;
    private bool _hasUnknownCoding;

    /// <returns>Null when every message was there.</returns>
    public async ValueTask<Reply?> WriteAsync(RowSet rows, CancellationToken ct)
    {
        foreach (var range in rows.Ranges)
        {
            for (var first = range.First; first <= range.Last;)
            {
                var count = Math.Min(request.NeedsDetails ? _emails.Length : ImapLimits.BatchRows, range.Last - first + 1);
                if (!request.NeedsDetails) WriteRows(first, count);
                else if (!await WriteDetailsAsync(first, count, ct)) return Replies.Gone;
                if (!await session.Connection.FlushWhenFullAsync(ct)) return Replies.Gone;
                first += count;
            }
        }
        if (_hasUnknownCoding) return Replies.UnknownCoding;
        return _missing > 0 ? Replies.ExpungeIssued : null;
    }

    // A batch with sections is small: what of it waits for its bodies stays in memory.
    private static int BatchRows(FetchRequest request) => request.Sections.Count > 0 ? 64 : ImapLimits.BatchRows;

    private void WriteRows(int first, int count)
    {
        var present = _mailbox.View.Current;
        var keywords = _mailbox.View.Keywords;
        var w = session.Connection.Write();
        for (var index = first; index < first + count; index++)
        {
            if (!TryRow(present, index, out var row))
            {
                _missing++;
                continue;
            }
            FetchWriter.Begin(ref w, index + 1, row, _uidOnly);
            FetchWriter.FromIndex(ref w, request.Items, row, _mailbox, keywords);
            w.Raw(")\r\n"u8);
        }
        w.Commit();
    }

    // Of an expunged message the index still has what never changes; its flags may be older than what the client was told last.
    private bool TryRow(MailboxSnapshot present, int index, out EmailRow row)
    {
        if ((request.Items & FetchItems.Flags) != 0) return _mailbox.TryTell(present, index, (request.Items & FetchItems.ModSeq) != 0, out row);
        return _mailbox.TryFresh(present, index, out row) || (request.Items & FetchItems.ModSeq) == 0;
    }

    private async ValueTask<bool> WriteDetailsAsync(int first, int count, CancellationToken ct)
    {
        for (var i = 0; i < count; i++)
        {
            _indexes[i] = first + i;
            _emails[i] = _mailbox.Known[first + i].Email;
        }
        _drafts.Clear();
        _draft?.ResetWrittenCount();
        var seen = 0;
        await session.Server.Store.Emails.ReadDetailsAsync(
            session.Account, _emails.AsMemory(0, count), PartsOf(request),
            (int at, in EmailDetail detail) =>
            {
                if (!TryRow(_mailbox.View.Current, _indexes[at], out var row)) return;
                seen++;
                if (_draft is null) WriteWhole(_indexes[at], row, detail);
                else Sketch(_indexes[at], row, detail);
            }, ct);
        _missing += count - seen;
        foreach (var draft in _drafts)
        {
            if (!await WriteWithBodiesAsync(draft, ct)) return false;
        }
        return true;
    }

    private static DetailParts PartsOf(FetchRequest request)
    {
        var parts = DetailParts.None;
        if ((request.Items & FetchItems.Envelope) != 0) parts |= DetailParts.Envelope;
        if ((request.Items & (FetchItems.Body | FetchItems.BodyStructure)) != 0) parts |= DetailParts.Structure;
        if ((request.Items & FetchItems.Preview) != 0) parts |= DetailParts.Preview;
        if (request.Sections.Count > 0) parts |= DetailParts.Structure | DetailParts.TracePrefix;
        return parts;
    }

    private void WriteWhole(int index, in EmailRow row, in EmailDetail detail)
    {
        var w = session.Connection.Write();
        Items(ref w, index, row, detail);
        w.Raw(")\r\n"u8);
        w.Commit();
    }

    private void Items(ref WireWriter w, int index, in EmailRow row, in EmailDetail detail)
    {
        FetchWriter.Begin(ref w, index + 1, row, _uidOnly);
        var any = FetchWriter.FromIndex(ref w, request.Items, row, _mailbox, _mailbox.View.Keywords);
        FetchWriter.FromDetails(ref w, request.Items, detail, any);
    }

    // The stored columns are only lent: what they say is written down, and where the sections stand, before a body is read.
    private void Sketch(int index, in EmailRow row, in EmailDetail detail)
    {
        var start = _draft!.WrittenCount;
        var w = new WireWriter(_draft);
        Items(ref w, index, row, detail);
        w.Commit();
        var structure = new StructureView(detail.Structure);
        var places = new SectionPlace[request.Sections.Count];
        var length = detail.SizeBytes;
        for (var i = 0; i < places.Length; i++) places[i] = SectionPlace.Of(request.Sections[i], structure, detail.TracePrefixLength, length);
        var prefix = detail.TracePrefix.ToArray();
        _drafts.Add(new Draft(detail.Email, detail.Blob, prefix, start, _draft.WrittenCount - start, places));
    }

    private async ValueTask<bool> WriteWithBodiesAsync(Draft draft, CancellationToken ct)
    {
        using var message = await session.Server.Store.Emails.OpenMessageAsync(draft.Email, draft.Blob, draft.TracePrefix, ct);
        if (message is null)
        {
            _missing++;
            return true;
        }
        var head = _draft!.WrittenSpan.Slice(draft.Start, draft.Length);
        var w = session.Connection.Write();
        w.Raw(head);
        w.Commit();
        var first = head[^1] == (byte)'(';
        try
        {
            for (var i = 0; i < draft.Places.Length; i++)
            {
                if (!await WriteSectionAsync(message, request.Sections[i], draft.Places[i], first, ct)) return false;
                first = false;
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new BrokenResponseException(e);
        }
        End();
        return await session.Connection.FlushWhenFullAsync(ct);
    }

    private void End()
    {
        var w = session.Connection.Write();
        w.Raw(")\r\n"u8);
        w.Commit();
    }

    private async ValueTask<bool> WriteSectionAsync(StoredMessage message, BodySection section, SectionPlace place, bool first, CancellationToken ct)
    {
        if (section.Coding != SectionCoding.AsStored)
        {
            var part = new DecodedPart(session, message, section, place);
            _hasUnknownCoding |= !part.IsKnown;
            return await part.WriteAsync(first, ct);
        }
        if (place.Filter) return await WriteFieldsAsync(message, section, place, first, ct);
        // RFC 9051 §6.4.5: a range beyond the end is cut, and one that begins there is an empty string.
        var skip = Math.Min(section.Offset ?? 0, place.Length);
        var length = Math.Min(section.Count, place.Length - skip);
        Head(section, place, length, first);
        return length == 0 || place.IsMissing || await CopyAsync(message, place.Start + skip, length, ct);
    }

    private void Head(BodySection section, SectionPlace place, long length, bool first)
    {
        var w = session.Connection.Write();
        if (!first) w.Space();
        w.Raw(section.Label);
        w.Space();
        if (place.IsMissing) w.Nil();
        else if (length == 0) w.Raw("\"\""u8);
        else w.LiteralHead(length);
        w.Commit();
    }

    private async ValueTask<bool> CopyAsync(StoredMessage message, long offset, long length, CancellationToken ct)
    {
        var output = session.Connection.Output;
        while (length > 0)
        {
            var some = (int)Math.Min(length, ImapLimits.BodyChunkOctets);
            var memory = output.GetMemory(some)[..some];
            var read = await message.ReadAsync(offset, memory, ct);
            if (read == 0) throw new EndOfStreamException("the message is shorter than its size says");
            output.Advance(read);
            offset += read;
            length -= read;
            if (!await session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        return true;
    }

    private async ValueTask<bool> WriteFieldsAsync(StoredMessage message, BodySection section, SectionPlace place, bool first, CancellationToken ct)
    {
        var length = (int)Math.Min(place.Length, ImapLimits.HeaderOctetsMax);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(1, length));
        _fields ??= new ArrayBufferWriter<byte>(512);
        _fields.ResetWrittenCount();
        try
        {
            var read = 0;
            while (read < length)
            {
                var some = await message.ReadAsync(place.Start + read, buffer.AsMemory(read, length - read), ct);
                if (some == 0) break;
                read += some;
            }
            HeaderFilter.Apply(buffer.AsSpan(0, read), section.Fields, section.Text == SectionText.HeaderFieldsNot, _fields);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        var skip = (int)Math.Min(section.Offset ?? 0, _fields.WrittenCount);
        var count = (int)Math.Min(section.Count, _fields.WrittenCount - skip);
        Head(section, place, count, first);
        var w = session.Connection.Write();
        w.Raw(_fields.WrittenSpan.Slice(skip, count));
        w.Commit();
        return await session.Connection.FlushWhenFullAsync(ct);
    }

    private sealed record Draft(EmailId Email, BlobId Blob, byte[] TracePrefix, int Start, int Length, SectionPlace[] Places);
}
