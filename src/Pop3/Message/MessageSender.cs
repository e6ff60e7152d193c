using System.Buffers;
using System.Text;
using Posthorn.Store;

namespace Posthorn.Pop3;

/// <summary>A reply was begun and cannot be completed: the client could not tell where it ends.</summary>
public sealed class BrokenResponseException(Exception inner) : Exception("a response could not be completed", inner);

/// <summary>Streams a message, or the top of it, behind the first line of a reply; ends with the line of a dot (RFC 1939 §3).</summary>
internal sealed class MessageSender
{
    private readonly Pop3Session _session;
    private readonly bool _isTop;
    private DotStuffer _stuffer;
    private TopCut _cut;

    private MessageSender(Pop3Session session, int? lines)
    {
        _session = session;
        _isTop = lines is not null;
        _cut = new TopCut(lines ?? 0);
    }

    /// <param name="lines">Of the body; null for the whole message.</param>
    /// <returns>False when nobody reads it.</returns>
    public static async ValueTask<bool> SendAsync(Pop3Session session, StoredMessage message, int? lines, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Pop3Limits.BodyChunkOctets);
        try
        {
            return await new MessageSender(session, lines).SendAsync(message, buffer.AsMemory(0, Pop3Limits.BodyChunkOctets), ct);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new BrokenResponseException(e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask<bool> SendAsync(StoredMessage message, Memory<byte> buffer, CancellationToken ct)
    {
        for (var offset = 0L; offset < message.Length && !_cut.Ended;)
        {
            var read = await message.ReadAsync(offset, buffer, ct);
            if (read == 0) throw new EndOfStreamException("the message is shorter than its size says");
            if (offset == 0 && !_session.Utf8) First(buffer.Span[..read]);
            else Put(buffer.Span[..read]);
            offset += read;
            if (!await _session.Connection.FlushWhenFullAsync(ct)) return false;
        }
        var w = _session.Connection.Write();
        if (_stuffer.InLine) w.CrLf();
        w.Raw(".\r\n"u8);
        w.Commit();
        return true;
    }

    // RFC 6856 §2.1: a client that has not said UTF8 is given a surrogate of a message with such a header.
    private void First(ReadOnlySpan<byte> octets)
    {
        var header = octets[..SurrogateHeader.LengthOf(octets)];
        if (Ascii.IsValid(header))
        {
            Put(octets);
            return;
        }
        var surrogate = new ArrayBufferWriter<byte>(header.Length);
        SurrogateHeader.Write(header, surrogate);
        Put(surrogate.WrittenSpan);
        Put(octets[header.Length..]);
    }

    private void Put(ReadOnlySpan<byte> octets)
    {
        if (_isTop) octets = octets[.._cut.Take(octets)];
        var output = _session.Connection.Output;
        while (!octets.IsEmpty)
        {
            _stuffer.Encode(octets, output.GetSpan(2), out var consumed, out var written);
            output.Advance(written);
            octets = octets[consumed..];
        }
    }
}
