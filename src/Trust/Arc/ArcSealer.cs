using System.Buffers;
using System.Globalization;
using System.Text;

namespace Posthorn.Trust;

/// <summary>Adds a set to a chain (RFC 8617 §5.1).</summary>
internal static class ArcSealer
{
    /// <summary>The three fields, seal first; empty when nobody may go on with the chain.</summary>
    /// <param name="body">Relaxed, of the whole body, finished.</param>
    /// <param name="payload">As <see cref="AuthenticationResults.Payload"/> writes it.</param>
    public static byte[] Seal(
        HeaderBlock header, BodyHash body, ArcValidation chain, ArcVerdict verdict, string servId, string payload, SigningKey key, DateTimeOffset now)
    {
        var number = chain.Highest + 1;
        if (verdict.IsClosed || number > TrustLimits.ArcSetsMax) return [];
        var results =
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"ARC-Authentication-Results: i={number}; {servId}{payload}\r\n"));
        var message = Message(header, body, key, number, now);

        // RFC 8617 §5.1.1; of a chain that is broken only what is added here (§5.1.2).
        var canonical = new ArrayBufferWriter<byte>(4096);
        if (verdict.Result == AuthResult.Pass)
        {
            foreach (var field in chain.Fields) header.Write(field, true, canonical);
        }
        HeaderBlock.Write(results, true, canonical);
        HeaderBlock.Write(message, true, canonical);
        var output = new ArrayBufferWriter<byte>(2048);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"ARC-Seal: i={number}; a={key.AlgorithmName}; d={key.Domain};\r\n\t"
                + $"s={key.Selector}; t={now.ToUnixTimeSeconds()}; cv={verdict.Result.Keyword()};\r\n\tb=");
        DkimSigner.Finish(text, canonical.WrittenSpan, key, output);
        output.Write(message);
        output.Write(results);
        return output.WrittenSpan.ToArray();
    }

    // RFC 8617 §4.1.2: what DKIM signs, the signatures of others, and nothing that a later hop takes away.
    private static byte[] Message(HeaderBlock header, BodyHash body, SigningKey key, int number, DateTimeOffset now)
    {
        var names = DkimSigner.Names(header);
        foreach (var _ in header.All("dkim-signature"u8)) names.Add("dkim-signature");
        var selected = new List<FieldPlace>(names.Count);
        header.Select(names, selected);
        var canonical = new ArrayBufferWriter<byte>(4096);
        foreach (var field in selected) header.Write(field, true, canonical);
        var start = string.Create(CultureInfo.InvariantCulture,
            $"ARC-Message-Signature: i={number}; a={key.AlgorithmName}; c=relaxed/relaxed; d={key.Domain};\r\n\t"
                + $"s={key.Selector}; t={now.ToUnixTimeSeconds()};\r\n\th=");
        var output = new ArrayBufferWriter<byte>(1024);
        DkimSigner.Complete(start, names, body.Value, canonical.WrittenSpan, key, output);
        return output.WrittenSpan.ToArray();
    }
}
