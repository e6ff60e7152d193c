using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>RFC 9051 §9: date and date-time.</summary>
internal static class ImapDate
{
    private static ReadOnlySpan<byte> MonthNames => "JanFebMarAprMayJunJulAugSepOctNovDec"u8;

    /// <summary>date: <c>1-Feb-1994</c>, with or without quotes.</summary>
    public static bool ExpectDate(ref GrammarReader r, out DateOnly date)
    {
        date = default;
        var mark = r;
        var quoted = r.TryByte((byte)'"');
        if (TryDay(ref r, fixedWidth: false, out date) && (!quoted || r.TryByte((byte)'"'))) return true;
        r.Restore(mark);
        return r.Missing("date");
    }

    /// <summary>date-time: <c>" 1-Feb-1994 21:52:25 -0800"</c>.</summary>
    public static bool ExpectDateTime(ref GrammarReader r, out DateTimeOffset time)
    {
        time = default;
        var mark = r;
        if (r.TryByte((byte)'"') && TryDay(ref r, fixedWidth: true, out var date) && r.TrySpace()
            && TryDigits(ref r, 2, out var hour) && r.TryByte((byte)':')
            && TryDigits(ref r, 2, out var minute) && r.TryByte((byte)':')
            && TryDigits(ref r, 2, out var second) && r.TrySpace()
            && TryZone(ref r, out var zone) && r.TryByte((byte)'"')
            && hour < 24 && minute < 60 && second <= 60)
        {
            // A leap second is the last one of its minute here.
            var local = date.ToDateTime(new TimeOnly(hour, minute, Math.Min(second, 59)));
            if (local.Ticks > zone.Ticks && (DateTime.MaxValue - local) > -zone)
            {
                time = new DateTimeOffset(local, zone);
                return true;
            }
        }
        r.Restore(mark);
        return r.Missing("date-time");
    }

    /// <summary>As INTERNALDATE shows it, with its quotes, in UTC: 28 octets.</summary>
    public static void Write(ref WireWriter w, DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        Span<byte> text = stackalloc byte[28];
        "\"00-Jan-0000 00:00:00 +0000\""u8.CopyTo(text);
        Digits(text[1..], utc.Day);
        if (text[1] == '0') text[1] = (byte)' '; // date-day-fixed
        MonthNames.Slice((utc.Month - 1) * 3, 3).CopyTo(text[4..]);
        Digits(text[8..], utc.Year / 100);
        Digits(text[10..], utc.Year % 100);
        Digits(text[13..], utc.Hour);
        Digits(text[16..], utc.Minute);
        Digits(text[19..], utc.Second);
        w.Raw(text);
    }

    private static void Digits(Span<byte> at, int value)
    {
        at[0] = (byte)('0' + (value / 10));
        at[1] = (byte)('0' + (value % 10));
    }

    // date-day "-" date-month "-" date-year
    private static bool TryDay(ref GrammarReader r, bool fixedWidth, out DateOnly date)
    {
        date = default;
        int day;
        if (fixedWidth)
        {
            // date-day-fixed; a single digit without the space is what some clients send.
            if (r.TrySpace() ? !TryDigits(ref r, 1, out day) : !TryDigits(ref r, 2, out day) && !TryDigits(ref r, 1, out day)) return false;
        }
        else if (!TryDigits(ref r, 2, out day) && !TryDigits(ref r, 1, out day))
        {
            return false;
        }
        if (!(r.TryByte((byte)'-') && TryMonth(ref r, out var month) && r.TryByte((byte)'-') && TryDigits(ref r, 4, out var year))) return false;
        if (year < 1 || day < 1 || day > DateTime.DaysInMonth(year, month)) return false;
        date = new DateOnly(year, month, day);
        return true;
    }

    private static bool TryMonth(ref GrammarReader r, out int month)
    {
        Span<byte> upper = stackalloc byte[3];
        for (month = 1; month <= 12; month++)
        {
            var name = MonthNames.Slice((month - 1) * 3, 3);
            for (var i = 0; i < 3; i++) upper[i] = ByteClass.Upper(name[i]);
            if (r.TryKeyword(upper)) return true;
        }
        return false;
    }

    // zone: at most 14 hours either way, as DateTimeOffset has it.
    private static bool TryZone(ref GrammarReader r, out TimeSpan zone)
    {
        zone = default;
        var west = r.TryByte((byte)'-');
        if (!(west || r.TryByte((byte)'+'))) return false;
        if (!TryDigits(ref r, 2, out var hours) || !TryDigits(ref r, 2, out var minutes) || minutes > 59) return false;
        zone = new TimeSpan(hours, minutes, 0);
        if (west) zone = -zone;
        return zone.Duration() <= TimeSpan.FromHours(14);
    }

    private static bool TryDigits(ref GrammarReader r, int count, out int value)
    {
        value = 0;
        var mark = r;
        for (var i = 0; i < count; i++)
        {
            if (!r.TryPeek(out var b) || b is < (byte)'0' or > (byte)'9')
            {
                r.Restore(mark);
                return false;
            }
            value = (value * 10) + (b - '0');
            r.Advance(1);
        }
        return true;
    }
}
