using System.Diagnostics.CodeAnalysis;
using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>An assertion record (draft-brand-indicators-for-message-identification §4.2).</summary>
/// <param name="Location">Where the image is; null when there is none.</param>
/// <param name="Authority">Where the certificate is; null when there is none.</param>
public sealed record BimiRecord(Uri? Location, Uri? Authority)
{
    private const string Version = "BIMI1";
    private const int SelectorCharsMax = 63;

    /// <summary>The domain wants no indicator (§4.2.1).</summary>
    public bool Declines => Location is null && Authority is null;

    /// <summary>The one record of a name; null without one, and when there are several (§7.2 step 2).</summary>
    public static BimiRecord? Of(IReadOnlyList<string> records)
    {
        BimiRecord? found = null;
        foreach (var text in records)
        {
            if (!TryParse(text, out var record)) continue;
            if (found is not null) return null;
            found = record;
        }
        return found;
    }

    public static bool TryParse(string text, [NotNullWhen(true)] out BimiRecord? record)
    {
        record = null;
        if (text.Length > TrustLimits.BimiRecordCharsMax || !TagList.TryParse(text, out var tags)) return false;
        if (tags.First != "v" || tags["v"] != Version || tags["l"] is not { } location) return false;
        // Without a= nobody vouches; an empty one is the same.
        if (!TryUri(location, out var image) || !TryUri(tags["a"] ?? "", out var authority)) return false;
        record = new BimiRecord(image, authority);
        return true;
    }

    /// <summary>Which of its domain's assertions a message asks for (§5.1); <c>default</c> when it does not say, or says it badly.</summary>
    /// <param name="header">A message, or its header.</param>
    public static string SelectorOf(ReadOnlySpan<byte> header)
    {
        string? found = null;
        foreach (var field in HeaderFields.Of(header))
        {
            if (!field.Is("bimi-selector"u8)) continue;
            if (found is not null || !TagList.TryParse(Encoding.UTF8.GetString(field.Value).Trim(), out var tags)) return Default;
            if (tags["v"] != Version || tags["s"] is not { Length: > 0 and <= SelectorCharsMax } name) return Default;
            if (!Domain.TryParse(name + ".test", out var label)) return Default;
            found = label.Ascii[..label.Ascii.IndexOf('.', StringComparison.Ordinal)];
            if (found.Length != name.Length) return Default;
        }
        return found ?? Default;
    }

    internal const string Default = "default";

    // §4.2: HTTPS only. No port and no login: they are of use only to whoever wants us to knock somewhere.
    private static bool TryUri(string text, out Uri? uri)
    {
        uri = null;
        text = text.Trim();
        if (text.Length == 0) return true;
        return Uri.TryCreate(text, UriKind.Absolute, out uri)
            && uri is { Scheme: "https", IsDefaultPort: true, UserInfo: "", HostNameType: UriHostNameType.Dns };
    }
}
