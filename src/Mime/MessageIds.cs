using System.Text;

namespace Posthorn.Mime;

/// <summary>Message ids (RFC 5322 §3.6.4), without their angle brackets.</summary>
public static class MessageIds
{
    /// <summary>The ids of a header value, in its order.</summary>
    public static List<string> Parse(ReadOnlySpan<byte> value)
    {
        var found = new List<string>();
        while (true)
        {
            var open = value.IndexOf((byte)'<');
            if (open < 0) return found;
            value = value[(open + 1)..];
            var close = value.IndexOfAny((byte)'>', (byte)'<');
            if (close < 0) return found;
            if (value[close] == '<') continue;
            if (Clean(value[..close]) is { } id) found.Add(id);
            value = value[(close + 1)..];
        }
    }

    /// <summary>The one id of a Message-ID header: the first in brackets, or the bare value of a sender that forgot them.</summary>
    public static string? ParseOne(ReadOnlySpan<byte> value)
    {
        var ids = Parse(value[..Math.Min(value.Length, 4 * MimeLimits.MessageIdOctetsMax)]);
        return ids.Count > 0 ? ids[0] : Clean(value);
    }

    /// <summary>References, then In-Reply-To (RFC 5256 §2.2, RFC 8621 §3), each id once, up to <see cref="MimeLimits.ReferencesMax"/>.</summary>
    internal static List<string> Thread(byte[]? references, byte[]? inReplyTo)
    {
        var ids = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var value in (ReadOnlySpan<byte[]?>)[references, inReplyTo])
        {
            if (value is null) continue;
            foreach (var id in Parse(value))
            {
                if (seen.Add(id)) ids.Add(id);
            }
        }
        // The first id names the thread, the last ones its latest messages.
        if (ids.Count > MimeLimits.ReferencesMax) ids.RemoveRange(1, ids.Count - MimeLimits.ReferencesMax);
        return ids;
    }

    /// <summary>RFC 5256 §3: what References says, or else the first id of In-Reply-To; up to <see cref="MimeLimits.ReferencesMax"/>.</summary>
    public static List<string> Ancestors(ReadOnlySpan<byte> references, ReadOnlySpan<byte> inReplyTo)
    {
        var ids = Parse(references);
        if (ids.Count == 0) return [.. Parse(inReplyTo).Take(1)];
        // The first id names the thread, the last ones its latest messages.
        if (ids.Count > MimeLimits.ReferencesMax) ids.RemoveRange(1, ids.Count - MimeLimits.ReferencesMax);
        return ids;
    }

    // Folding and obsolete white space inside an id say nothing (RFC 5322 §4.5.4).
    private static string? Clean(ReadOnlySpan<byte> id)
    {
        if (id.Length > 4 * MimeLimits.MessageIdOctetsMax) return null;
        var octets = id.ToArray().AsSpan();
        var length = 0;
        foreach (var b in id)
        {
            if (b > ' ' && b != 0x7F) octets[length++] = b;
        }
        return length is 0 or > MimeLimits.MessageIdOctetsMax ? null : Charsets.Decode(octets[..length], "utf-8");
    }
}
