using System.Globalization;
using System.Text;

namespace Posthorn.Core;

/// <summary>Unicode normalization form C, without the ICU libraries that a self-contained executable does not carry.</summary>
public static class UnicodeForm
{
    // Hangul syllables are composed by rule (Unicode Standard §3.12).
    private const int SyllableFirst = 0xAC00;
    private const int LeadFirst = 0x1100;
    private const int VowelFirst = 0x1161;
    private const int TrailBefore = 0x11A7;
    private const int Leads = 19;
    private const int Vowels = 21;
    private const int Trails = 28;
    private const int Syllables = Leads * Vowels * Trails;

    private static readonly Lazy<Tables> Data = new(Tables.Read);

    /// <summary>The text in form C (Unicode Standard Annex #15). Lone surrogates stay what they are.</summary>
    public static string Compose(string text)
    {
        // Below the first combining mark everything is composed already.
        if (text.AsSpan().IndexOfAnyInRange('\u0300', '\uFFFF') < 0) return text;
        var tables = Data.Value;
        var points = new List<int>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var pair = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            Decompose(tables, pair ? char.ConvertToUtf32(text[i], text[++i]) : text[i], points);
        }
        Order(tables, points);
        return Text(Compose(tables, points));
    }

    private static void Decompose(Tables tables, int point, List<int> points)
    {
        if (tables.Decompositions.TryGetValue(point, out var parts))
        {
            Decompose(tables, parts.First, points);
            if (parts.Second != 0) points.Add(parts.Second); // only the first part of a pair decomposes further
        }
        else if (point - SyllableFirst is >= 0 and < Syllables and var syllable)
        {
            points.Add(LeadFirst + (syllable / (Vowels * Trails)));
            points.Add(VowelFirst + (syllable / Trails % Vowels));
            if (syllable % Trails > 0) points.Add(TrailBefore + (syllable % Trails));
        }
        else
        {
            points.Add(point);
        }
    }

    // Marks in a row are sorted by class; equal classes keep their order.
    private static void Order(Tables tables, List<int> points)
    {
        for (var start = 0; start < points.Count; start++)
        {
            var end = start;
            while (end < points.Count && tables.ClassOf(points[end]) > 0) end++;
            if (end - start < 2) continue;
            var sorted = points.GetRange(start, end - start).OrderBy(tables.ClassOf).ToList();
            for (var i = 0; i < sorted.Count; i++) points[start + i] = sorted[i];
            start = end;
        }
    }

    private static List<int> Compose(Tables tables, List<int> points)
    {
        var composed = new List<int>(points.Count);
        var starter = -1;
        var classBefore = 0;
        foreach (var point in points)
        {
            var own = tables.ClassOf(point);
            // A mark reaches the starter unless one of its class or higher stands between; a starter only when it follows at once.
            var reaches = starter >= 0 && (composed.Count - 1 == starter || (classBefore != 0 && classBefore < own));
            if (reaches && TryPair(tables, composed[starter], point, out var whole))
            {
                composed[starter] = whole;
                continue;
            }
            composed.Add(point);
            classBefore = own;
            if (own == 0) starter = composed.Count - 1;
        }
        return composed;
    }

    private static bool TryPair(Tables tables, int first, int second, out int whole)
    {
        if (first - LeadFirst is >= 0 and < Leads and var lead && second - VowelFirst is >= 0 and < Vowels and var vowel)
        {
            whole = SyllableFirst + (((lead * Vowels) + vowel) * Trails);
            return true;
        }
        if (first - SyllableFirst is >= 0 and < Syllables and var syllable && syllable % Trails == 0
            && second - TrailBefore is > 0 and < Trails and var trail)
        {
            whole = first + trail;
            return true;
        }
        return tables.Compositions.TryGetValue((first, second), out whole);
    }

    private static string Text(List<int> points)
    {
        var text = new StringBuilder(points.Count);
        foreach (var point in points)
        {
            if (point > char.MaxValue) text.Append(char.ConvertFromUtf32(point));
            else text.Append((char)point);
        }
        return text.ToString();
    }

    // What UnicodeForm.txt says; the file explains itself.
    private sealed class Tables
    {
        private readonly Dictionary<int, byte> _classes = [];

        public Dictionary<int, (int First, int Second)> Decompositions { get; } = [];

        public Dictionary<(int First, int Second), int> Compositions { get; } = [];

        public static Tables Read()
        {
            var tables = new Tables();
            using var reader = new StreamReader(typeof(UnicodeForm).Assembly.GetManifestResourceStream("UnicodeForm.txt")!);
            while (reader.ReadLine() is { } line)
            {
                if (line.StartsWith('#')) continue;
                foreach (var item in line.Split(' ')) tables.Add(item);
            }
            return tables;
        }

        public int ClassOf(int point) => _classes.GetValueOrDefault(point);

        private static int Hex(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

        private void Add(string item)
        {
            var parts = item.TrimEnd('!').Split('=', '+', '-', ':');
            if (item.Contains(':', StringComparison.Ordinal))
            {
                for (var point = Hex(parts[0]); point <= Hex(parts[1]); point++) _classes[point] = byte.Parse(parts[2], CultureInfo.InvariantCulture);
                return;
            }
            var (whole, first, second) = (Hex(parts[0]), Hex(parts[1]), parts.Length > 2 ? Hex(parts[2]) : 0);
            Decompositions.Add(whole, (first, second));
            if (second != 0 && item[^1] != '!') Compositions.Add((first, second), whole);
        }
    }
}
