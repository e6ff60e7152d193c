using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;

namespace Posthorn.Server;

/// <summary>How values look on a terminal, and how they are typed.</summary>
internal static class Text
{
    private const string SizeSuffixes = "KMGT";

    /// <summary>Whoever wrote it (another server's reply, a name), it moves no cursor and changes no colour.</summary>
    public static string Printable(string text) =>
        text.Any(c => char.IsControl(c)) ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)) : text;

    public static string Of(DateTimeOffset? time) =>
        time?.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) ?? "-";

    public static string Of(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>In steps of 1024: <c>1.4G</c>.</summary>
    public static string OfSize(long? bytes)
    {
        if (bytes is not { } value) return "-";
        if (value < 1024) return Of(value);
        var scaled = value / 1024d;
        var step = 0;
        for (; scaled >= 1024 && step < SizeSuffixes.Length - 1; step++) scaled /= 1024;
        return scaled.ToString(scaled < 10 ? "0.#" : "0", CultureInfo.InvariantCulture) + SizeSuffixes[step];
    }

    /// <summary><c>5G</c>, <c>500M</c>, <c>1.5T</c>, octets without a letter; <c>none</c> for no limit, which is negative.</summary>
    public static long? ParseSize(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value.ToUpperInvariant();
        if (text == "NONE") return -1;
        var number = text.AsSpan();
        if (number.EndsWith("IB")) number = number[..^2];
        else if (number.EndsWith("B")) number = number[..^1];
        var step = number.IsEmpty ? -1 : SizeSuffixes.IndexOf(number[^1], StringComparison.Ordinal);
        if (step >= 0) number = number[..^1];
        if (decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
        {
            var bytes = value * (1L << (10 * (step + 1)));
            if (bytes <= long.MaxValue) return (long)bytes;
        }
        result.AddError($"'{text}' is not a size such as 5G or 500M, nor none");
        return null;
    }

    /// <summary><c>90d</c>, <c>12h</c>, <c>30m</c>, <c>4w</c>, <c>1y</c>; in seconds.</summary>
    public static long? ParseDuration(ArgumentResult result)
    {
        var text = result.Tokens.Single().Value;
        var unit = text.Length < 2 ? 0 : text[^1] switch { 'm' => 60, 'h' => 3600, 'd' => 86_400, 'w' => 7 * 86_400, 'y' => 365 * 86_400, _ => 0 };
        if (unit > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0)
        {
            return (long)count * unit;
        }
        result.AddError($"'{text}' is not a time such as 90d, 12h or 1y");
        return null;
    }

    /// <summary>Columns that stand one below the other; a column of numbers stands to the right.</summary>
    public static void WriteTable(TextWriter output, string[] head, IEnumerable<string[]> rows, params int[] right)
    {
        var all = rows.Select(row => Array.ConvertAll(row, Printable)).Prepend(head).ToList();
        var widths = new int[head.Length];
        foreach (var row in all)
        {
            for (var i = 0; i < row.Length; i++) widths[i] = Math.Max(widths[i], Width(row[i]));
        }
        foreach (var row in all)
        {
            var line = new StringBuilder();
            for (var i = 0; i < row.Length; i++)
            {
                var padding = new string(' ', widths[i] - Width(row[i]));
                if (i > 0) line.Append("  ");
                line.Append(right.Contains(i) ? padding + row[i] : row[i] + padding);
            }
            output.WriteLine(line.ToString().TrimEnd());
        }
    }

    /// <summary>One thing: its values beside their names.</summary>
    public static void WriteList(TextWriter output, params (string Name, string? Value)[] lines)
    {
        var told = lines.Where(line => line.Value is not null).ToList();
        var width = told.Max(line => line.Name.Length);
        foreach (var (name, value) in told) output.WriteLine($"{name.PadRight(width)}  {Printable(value!)}");
    }

    private static int Width(string text) => new StringInfo(text).LengthInTextElements;
}
