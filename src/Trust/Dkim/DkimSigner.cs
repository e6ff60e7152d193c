using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Trust;

/// <summary>Writes DKIM-Signature fields (RFC 6376 §5).</summary>
internal static class DkimSigner
{
    // RFC 6376 §5.4.1: what a reader sees, and what decides how it is shown.
    private static readonly string[] Fields =
    [
        "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "content-type",
        "content-transfer-encoding", "content-disposition", "content-id", "content-description", "resent-date", "resent-from", "resent-sender",
        "resent-to", "resent-cc", "resent-message-id", "list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe",
        "list-post", "list-owner", "list-archive", "auto-submitted", "feedback-id", "tls-required",
    ];

    // RFC 6376 §8.15: named once more than they stand there, so that nobody adds another.
    private static readonly HashSet<string> OverSigned = new(StringComparer.Ordinal)
    {
        "from", "reply-to", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding",
    };

    /// <summary>One field for each key.</summary>
    /// <param name="body">Relaxed, of the whole body, finished.</param>
    public static byte[] Sign(HeaderBlock header, BodyHash body, IReadOnlyList<SigningKey> keys, DateTimeOffset now)
    {
        var names = Names(header);
        var selected = new List<FieldPlace>(names.Count);
        header.Select(names, selected);
        var canonical = new ArrayBufferWriter<byte>(4096);
        foreach (var field in selected) header.Write(field, true, canonical);
        var output = new ArrayBufferWriter<byte>(1024);
        foreach (var key in keys)
        {
            var start = string.Create(CultureInfo.InvariantCulture,
                $"DKIM-Signature: v=1; a={key.AlgorithmName}; c=relaxed/relaxed; d={key.Domain};\r\n\t"
                + $"s={key.Selector}; t={now.ToUnixTimeSeconds()};\r\n\th=");
            Complete(start, names, body.Value, canonical.WrittenSpan, key, output);
        }
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Writes the list of fields and both hashes behind <paramref name="start"/>, signs, and ends the field.</summary>
    public static void Complete(
        string start, IReadOnlyList<string> names, ReadOnlySpan<byte> bodyHash, ReadOnlySpan<byte> canonical, SigningKey key,
            IBufferWriter<byte> output)
    {
        var text = new StringBuilder(start);
        Folded(text, names);
        text.Append(";\r\n\tbh=").Append(Convert.ToBase64String(bodyHash)).Append(";\r\n\tb=");
        Finish(text, canonical, key, output);
    }

    /// <summary>Signs what was canonicalized and the field itself, whose text ends in an empty b tag.</summary>
    public static void Finish(StringBuilder text, ReadOnlySpan<byte> canonical, SigningKey key, IBufferWriter<byte> output)
    {
        var own = new ArrayBufferWriter<byte>(text.Length);
        HeaderBlock.Write(Encoding.UTF8.GetBytes(text.ToString()), true, own, ends: false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(canonical);
        hash.AppendData(own.WrittenSpan);
        var signature = Convert.ToBase64String(key.Sign(hash.GetHashAndReset()));
        for (var at = 0; at < signature.Length; at += LineCharsMax)
        {
            if (at > 0) text.Append("\r\n\t ");
            text.Append(signature.AsSpan(at, Math.Min(LineCharsMax, signature.Length - at)));
        }
        output.Write(Encoding.UTF8.GetBytes(text.Append("\r\n").ToString()));
    }

    /// <summary>The names that stand in the header, each as often as it does, and once more where nothing may be added.</summary>
    public static List<string> Names(HeaderBlock header)
    {
        var names = new List<string>();
        Span<byte> octets = stackalloc byte[64];
        foreach (var name in Fields)
        {
            var length = Encoding.ASCII.GetBytes(name, octets);
            var count = OverSigned.Contains(name) ? 1 : 0;
            foreach (var field in header.Fields)
            {
                if (header.Is(field, octets[..length])) count++;
            }
            for (; count > 0 && names.Count < TrustLimits.SignedFieldsMax; count--) names.Add(name);
        }
        return names;
    }

    private const int LineCharsMax = 72;

    private static void Folded(StringBuilder text, IReadOnlyList<string> names)
    {
        var line = 3;
        for (var i = 0; i < names.Count; i++)
        {
            if (i > 0)
            {
                text.Append(':');
                line++;
            }
            if (line + names[i].Length > LineCharsMax)
            {
                text.Append("\r\n\t ");
                line = 1;
            }
            text.Append(names[i]);
            line += names[i].Length;
        }
    }
}
