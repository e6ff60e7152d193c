using System.Text;
using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Imap;

/// <summary>The words of one message, as HEADER, BODY and TEXT compare them: decoded, without regard to case.</summary>
internal sealed class MessageText
{
    private const int HeaderOctetsFirst = 16 * 1024;

    private readonly byte[] _header;
    private readonly SearchText? _text;

    private MessageText(byte[] header, SearchText? text) => (_header, _text) = (header, text);

    /// <param name="withBody">Read the parts too.</param>
    public static async ValueTask<MessageText> ReadAsync(StoredMessage message, bool withBody, CancellationToken ct)
    {
        var header = await ReadHeaderAsync(message, ct);
        if (!withBody) return new MessageText(header, null);
        await using var stream = message.AsStream();
        return new MessageText(header, await SearchText.ExtractAsync(stream, ct));
    }

    /// <summary>RFC 9051 §6.4.4: a field of this name that has the substring; an empty one asks only for the field.</summary>
    public bool HasHeader(string name, string folded)
    {
        var octets = Encoding.Latin1.GetBytes(name);
        foreach (var field in HeaderFields.Of(_header))
        {
            if (field.Is(octets) && (folded.Length == 0 || Contains(HeaderText.Decode(field.Value), folded))) return true;
        }
        return false;
    }

    public bool Has(string folded, bool withHeader) =>
        (_text is not null && Contains(_text.Body, folded)) || (withHeader && HeaderHas(folded));

    private bool HeaderHas(string folded)
    {
        foreach (var field in HeaderFields.Of(_header))
        {
            if (Contains(Encoding.UTF8.GetString(field.Name) + ": " + HeaderText.Decode(field.Value), folded)) return true;
        }
        // Fields of the parts: file names, descriptions.
        return _text is not null && Contains(_text.Headers, folded);
    }

    private static bool Contains(string text, string folded) => UnicodeCaseMap.Contains(text, folded); // RFC 5255 §4.1

    // Most headers are small: no more is read than it takes to see the end of this one.
    public static async ValueTask<byte[]> ReadHeaderAsync(StoredMessage message, CancellationToken ct)
    {
        for (var octets = HeaderOctetsFirst; ; octets *= 4)
        {
            var buffer = new byte[Math.Min(message.Length, Math.Min(octets, ImapLimits.HeaderOctetsMax))];
            var read = await message.ReadAsync(0, buffer, ct);
            var length = HeaderFields.Of(buffer.AsSpan(0, read)).Length;
            if (length < read || read == message.Length || read == ImapLimits.HeaderOctetsMax) return buffer[..length];
        }
    }
}
