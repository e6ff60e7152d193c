using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Posthorn.Core;

namespace Posthorn.Trust;

/// <summary>Where a domain wants its reports: an address of mail or of HTTPS (RFC 7489 §6.2, RFC 8460 §3).</summary>
/// <param name="OctetsMax">The largest report that it takes; null when it does not say.</param>
public sealed record ReportUri(EmailAddress? Mail, Uri? Https, long? OctetsMax)
{
    /// <summary>A list with commas.</summary>
    public static IReadOnlyList<ReportUri> ParseList(string list, int max)
    {
        var found = new List<ReportUri>();
        foreach (var part in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (found.Count == max) break;
            if (TryParse(part, out var uri)) found.Add(uri);
        }
        return found;
    }

    public static bool TryParse(string text, [NotNullWhen(true)] out ReportUri? uri)
    {
        uri = null;
        if (text.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
        {
            if (!Uri.TryCreate(text, UriKind.Absolute, out var https)) return false;
            if (https.HostNameType != UriHostNameType.Dns || https.UserInfo.Length > 0) return false;
            uri = new ReportUri(null, https, null);
            return true;
        }
        if (!text.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase)) return false;
        var address = text["mailto:".Length..];
        long? octets = null;
        // RFC 7489 §6.2: "!" and a number with a unit; one that belongs to the address is written %21.
        var mark = address.LastIndexOf('!');
        if (mark >= 0)
        {
            if (Size(address.AsSpan(mark + 1)) is not { } size) return false;
            (octets, address) = (size, address[..mark]);
        }
        var query = address.IndexOf('?', StringComparison.Ordinal);
        if (query >= 0) address = address[..query];
        if (!EmailAddress.TryParse(Uri.UnescapeDataString(address), out var mail)) return false;
        uri = new ReportUri(mail, null, octets);
        return true;
    }

    private static long? Size(ReadOnlySpan<char> text)
    {
        var shift = text.IsEmpty ? 0 : char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, 't' => 40, _ => 0 };
        if (shift > 0) text = text[..^1];
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (long)number << shift : null;
    }
}
