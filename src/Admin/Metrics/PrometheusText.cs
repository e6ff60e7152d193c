using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Posthorn.Admin;

/// <summary>Prometheus' text format, version 0.0.4.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static string Write(IEnumerable<MetricFamily> families)
    {
        var text = new StringBuilder();
        foreach (var family in families)
        {
            if (family.Help.Length > 0) text.Append("# HELP ").Append(family.Name).Append(' ').Append(EscapeHelp(family.Help)).Append('\n');
            text.Append("# TYPE ").Append(family.Name).Append(' ').Append(family.Kind).Append('\n');
            foreach (var (labels, value) in family.Series)
            {
                text.Append(family.Name).Append(labels).Append(' ').Append(Number(value)).Append('\n');
            }
        }
        return text.ToString();
    }

    /// <summary>OpenTelemetry's name in Prometheus' letters; bytes and seconds are named, and a counter ends with <c>_total</c>.</summary>
    public static string NameOf(Instrument instrument)
    {
        var name = new StringBuilder(instrument.Name.Length + 16);
        foreach (var c in instrument.Name) name.Append(char.IsAsciiLetterOrDigit(c) || c == ':' ? c : '_');
        if (char.IsAsciiDigit(name[0])) name.Insert(0, '_');
        if (UnitOf(instrument.Unit) is { } unit && !name.ToString().EndsWith(unit, StringComparison.Ordinal)) name.Append('_').Append(unit);
        if (instrument.GetType() is { IsGenericType: true } type
            && (type.GetGenericTypeDefinition() == typeof(Counter<>) || type.GetGenericTypeDefinition() == typeof(ObservableCounter<>)))
        {
            name.Append("_total");
        }
        return name.ToString();
    }

    /// <summary>The tags in order of their names, so that the same set is always the same series.</summary>
    public static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty) return "";
        var sorted = tags.ToArray();
        Array.Sort(sorted, (left, right) => string.CompareOrdinal(left.Key, right.Key));
        var text = new StringBuilder("{");
        foreach (var (key, value) in sorted)
        {
            if (text.Length > 1) text.Append(',');
            foreach (var c in key) text.Append(char.IsAsciiLetterOrDigit(c) ? c : '_');
            text.Append("=\"").Append(EscapeLabel(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")).Append('"');
        }
        return text.Append('}').ToString();
    }

    private static string? UnitOf(string? unit) => unit switch
    {
        "By" => "bytes",
        "s" => "seconds",
        _ => null, // {connection} and the like only say what is counted
    };

    private static string EscapeHelp(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string EscapeLabel(string text) => EscapeHelp(text).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Number(double value) => double.IsFinite(value)
        ? value.ToString("R", CultureInfo.InvariantCulture)
        : double.IsNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
