namespace Posthorn.Imap;

/// <summary>The calendar date of a Date header, in the sender's own time zone, which is what SENTON and its kin compare (RFC 9051 §6.4.4).</summary>
internal static class HeaderDate
{
    private static readonly string[] Months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    /// <summary>RFC 5322 §3.3 and its obsolete forms: day, month, year after an optional day of the week; what follows is not read.</summary>
    public static bool TryRead(ReadOnlySpan<byte> header, out DateOnly date)
    {
        date = default;
        var comma = header.IndexOf((byte)',');
        if (comma >= 0) header = header[(comma + 1)..];
        if (!TryNumber(ref header, out var day, out _) || !TryMonth(ref header, out var month)
            || !TryNumber(ref header, out var year, out var digits)) return false;
        // RFC 5322 §4.3: two and three digits are years of the last century, or of this one.
        if (digits == 2) year += year < 50 ? 2000 : 1900;
        else if (digits == 3) year += 1900;
        if (year is < 1 or > 9999 || day < 1 || day > DateTime.DaysInMonth(year, month)) return false;
        date = new DateOnly(year, month, day);
        return true;
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> text, out int number, out int digits)
    {
        text = text.TrimStart(" \t-"u8);
        number = digits = 0;
        while (digits < text.Length && digits < 5 && text[digits] is >= (byte)'0' and <= (byte)'9') number = (number * 10) + (text[digits++] - '0');
        text = text[digits..];
        return digits is > 0 and < 5;
    }

    private static bool TryMonth(ref ReadOnlySpan<byte> text, out int month)
    {
        text = text.TrimStart(" \t-"u8);
        for (month = 1; month <= 12; month++)
        {
            if (text.Length < 3 || !System.Text.Ascii.EqualsIgnoreCase(text[..3], Months[month - 1])) continue;
            text = text[3..];
            while (!text.IsEmpty && char.IsAsciiLetter((char)text[0])) text = text[1..];
            return true;
        }
        return false;
    }
}
