using System.Buffers;
using System.Globalization;
using System.Text;

namespace Posthorn.Core;

/// <summary>The collation i;unicode-casemap (RFC 5051): what people compare and order without regard to case, in any script.</summary>
public static class UnicodeCaseMap
{
    private const int SyllableFirst = 0xAC00;
    private const int SyllableLast = 0xD7A3;

    private static readonly Lazy<Dictionary<int, string>> Data = new(Read);

    /// <summary>Whether the text holds the needle, which <see cref="Fold(string)"/> has prepared.</summary>
    public static bool Contains(string text, string folded)
    {
        // What is ASCII on both sides needs no copy.
        if (Ascii.IsValid(text)) return text.Contains(folded, StringComparison.OrdinalIgnoreCase);
        return Fold(text).Contains(folded, StringComparison.Ordinal);
    }

    /// <summary>The prepared text (RFC 5051 §2): equal, ordered or contained as it stands. Lone surrogates stay what they are.</summary>
    public static string Fold(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(Settled)) return text;
        if (Ascii.IsValid(text)) return text.ToUpperInvariant();
        var folded = new StringBuilder(text.Length + 8);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsAscii(c)) folded.Append(char.ToUpperInvariant(c));
            else if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                var point = char.ConvertToUtf32(c, text[++i]);
                if (TryMap(point, out var some)) folded.Append(some);
                else folded.Append(c).Append(text[i]);
            }
            else if (TryMap(c, out var more)) folded.Append(more);
            else folded.Append(c);
        }
        return folded.ToString();
    }

    /// <summary>Octets that order as the collation does: UTF-8 of the prepared text.</summary>
    public static byte[] SortKey(string text) => Encoding.UTF8.GetBytes(Fold(text));

    /// <summary>What a character beyond ASCII becomes; false when it stays.</summary>
    public static bool TryMap(int point, out string mapped)
    {
        if (point is < SyllableFirst or > SyllableLast) return Data.Value.TryGetValue(point, out mapped!);
        // Unicode Standard §3.12.
        var syllable = point - SyllableFirst;
        Span<char> jamo = [(char)(0x1100 + (syllable / 588)), (char)(0x1161 + (syllable / 28 % 21)), (char)(0x11A7 + (syllable % 28))];
        mapped = new string(syllable % 28 == 0 ? jamo[..2] : jamo);
        return true;
    }

    private static readonly SearchValues<char> Settled =
        SearchValues.Create([.. Enumerable.Range(0, 128).Select(c => (char)c).Where(c => !char.IsAsciiLetterLower(c))]);

    private static Dictionary<int, string> Read()
    {
        var map = new Dictionary<int, string>();
        using var reader = new StreamReader(typeof(UnicodeCaseMap).Assembly.GetManifestResourceStream("UnicodeCaseMap.txt")!);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            foreach (var item in line.Split(' ')) Add(map, item.Split('='));
        }
        return map;
    }

    private static void Add(Dictionary<int, string> map, string[] item)
    {
        var ends = item[0].Split('-');
        if (ends.Length == 1)
        {
            map[Hex(ends[0])] = string.Concat(item[1].Split('+').Select(part => char.ConvertFromUtf32(Hex(part))));
            return;
        }
        var (first, target) = (Hex(ends[0]), Hex(item[1]));
        for (var point = first; point <= Hex(ends[1]); point++) map[point] = char.ConvertFromUtf32(target + point - first);
    }

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
