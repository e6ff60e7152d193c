using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Unicode;

namespace Posthorn.Trust;

/// <summary>Values of reports as they are kept.</summary>
internal static class ReportText
{
    private static readonly DateTimeOffset Latest = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Without control characters and without white space around it, cut at the limit.</summary>
    public static string OneLine(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\0', '\x1F') >= 0 || text.AsSpan().IndexOfAnyInRange('\x7F', '\x9F') >= 0)
        {
            text = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        }
        text = text.Trim();
        if (text.Length <= ReportLimits.ValueCharsMax) return text;
        var length = ReportLimits.ValueCharsMax;
        if (char.IsHighSurrogate(text[length - 1])) length--;
        return text[..length].TrimEnd();
    }

    public static string? OrNull(string text) => text.Length == 0 ? null : text;

    /// <summary>A domain as it is compared and stored: lower case, no trailing dot; whatever the reporter wrote when it is none.</summary>
    public static string Domain(string text)
    {
        var name = text.TrimEnd('.', ' ');
        return Core.Domain.TryParse(name, out var domain) ? domain.Ascii : name.ToLowerInvariant();
    }

    /// <summary>Counts octets that are no UTF-8.</summary>
    /// <exception cref="ReportFaultException">There are more than <paramref name="max"/>.</exception>
    public static void RequireUtf8(ReadOnlySpan<byte> text, int max)
    {
        if (Utf8.IsValid(text)) return;
        for (var bad = 0; !text.IsEmpty;)
        {
            if (Rune.DecodeFromUtf8(text, out _, out var length) != System.Buffers.OperationStatus.Done && ++bad > max)
            {
                throw new ReportFaultException(ReportFaultKind.BadUtf8, "the report is not written in UTF-8");
            }
            text = text[length..];
        }
    }

    public static long Count(string text, string field) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= int.MaxValue
            ? count
            : throw Wrong(field, text);

    public static DateTimeOffset UnixTime(string text, string field) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= Latest.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw new ReportFaultException(ReportFaultKind.WrongDates, $"{field} is no time");

    /// <summary>An address in its one form.</summary>
    public static string Address(string text, string field) =>
        IPAddress.TryParse(text, out var address) ? address.ToString() : throw Wrong(field, text);

    public static ReportFaultException Missing(string field) => new(ReportFaultKind.MissingField, $"the report has no {field}");

    /// <summary>Begins before it ends, and spans no more than a report may.</summary>
    public static void RequireSpan(DateTimeOffset begins, DateTimeOffset ends)
    {
        if (ends < begins) throw new ReportFaultException(ReportFaultKind.WrongDates, "the report ends before it begins");
        if (ends - begins > ReportLimits.SpanMax)
        {
            throw new ReportFaultException(ReportFaultKind.WrongDates, $"the report spans more than {ReportLimits.SpanMax.Days} days");
        }
    }

    private static ReportFaultException Wrong(string field, string text) =>
        new(ReportFaultKind.WrongValue, text.Length == 0 ? $"{field} is empty" : $"{field} cannot be '{(text.Length > 60 ? text[..60] : text)}'");
}
