using System.Globalization;

namespace Posthorn.Mime;

/// <summary>Dates as RFC 5322 §3.3 writes them.</summary>
public static class InternetDate
{
    public static string Format(DateTimeOffset at)
    {
        var zone = (int)at.Offset.TotalMinutes;
        return string.Create(CultureInfo.InvariantCulture,
            $"{at:ddd, d MMM yyyy HH:mm:ss} {(zone < 0 ? '-' : '+')}{Math.Abs(zone) / 60:00}{Math.Abs(zone) % 60:00}");
    }

    /// <summary>Reads the form above and the obsolete ones (RFC 5322 §4.3).</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out DateTimeOffset at) => MimeKit.Utils.DateUtils.TryParse(value.ToArray(), out at);
}
