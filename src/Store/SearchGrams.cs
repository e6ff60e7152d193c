using System.Globalization;
using System.Text;
using Posthorn.Core;

namespace Posthorn.Store;

/// <summary>
/// The pieces of text that the index knows: of words the runs of three letters or digits, of scripts written without spaces each character
/// and each pair. IMAP's substring is then an AND of pieces. Characters are what the collation of searches makes of
/// them (<see cref="UnicodeCaseMap"/>).
/// A piece is a number, its characters in 21 bits each.
/// </summary>
internal static class SearchGrams
{
    /// <summary>Pieces of one needle that are asked for; more hardly narrow further.</summary>
    private const int AskedMax = 16;

    private const int RuneBits = 21;

    private const long RuneMask = (1L << RuneBits) - 1;

    private enum Script
    {
        None,
        Words,
        Dense,
    }

    /// <summary>Adds every piece of the text.</summary>
    public static void Collect(ReadOnlySpan<char> text, HashSet<long> grams)
    {
        var collector = new Collector(grams);
        while (!text.IsEmpty)
        {
            if (char.IsAscii(text[0]))
            {
                collector.Add(char.ToUpperInvariant(text[0]), char.IsAsciiLetterOrDigit(text[0]) ? Script.Words : Script.None);
                text = text[1..];
                continue;
            }
            _ = Rune.DecodeFromUtf16(text, out var rune, out var length);
            text = text[length..];
            if (!UnicodeCaseMap.TryMap(rune.Value, out var mapped)) collector.Add(rune);
            else foreach (var part in mapped.EnumerateRunes()) collector.Add(part);
        }
    }

    /// <summary>The pieces that a text must have to contain the needle; none when the needle is too short to tell.</summary>
    public static List<long> Of(string needle)
    {
        var grams = new HashSet<long>();
        Collect(needle, grams);
        var found = grams.ToList();
        var step = (found.Count + AskedMax - 1) / AskedMax;
        return step <= 1 ? found : [.. found.Where((_, i) => i % step == 0)];
    }

    public static StringBuilder Append(StringBuilder text, long gram)
    {
        for (var shift = 2 * RuneBits; shift >= 0; shift -= RuneBits)
        {
            if ((gram >> shift & RuneMask) is > 0 and var rune) text.Append(new Rune((int)rune).ToString());
        }

        return text;
    }

    /// <summary>A piece in 32 bits, for databases that index numbers: stored, so never to be changed.</summary>
    public static uint Hash(long gram) => (uint)((ulong)gram * 0x9E3779B97F4A7C15UL >> 32);

    private ref struct Collector(HashSet<long> grams)
    {
        private long _last;
        private int _run;
        private Script _script;

        public void Add(Rune rune) =>
            Add(rune.Value, IsDense(rune.Value) ? Script.Dense : Rune.IsLetterOrDigit(rune) || IsMark(rune) ? Script.Words : Script.None);

        public void Add(int point, Script script)
        {
            _run = script == Script.None ? 0 : script == _script ? _run + 1 : 1;
            _script = script;
            _last = (_last << RuneBits | (uint)point) & long.MaxValue;
            if (script == Script.Words && _run > 2) grams.Add(_last);
            if (script != Script.Dense) return;
            grams.Add(point);
            if (_run > 1) grams.Add(_last & ((1L << 2 * RuneBits) - 1));
        }
    }

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>Scripts without spaces between words, and everything beyond the basic plane.</summary>
    private static bool IsDense(int code) => code switch
    {
        < 0x0E00 => false,
        <= 0x0EFF => true, // Thai, Lao
        >= 0x1000 and <= 0x109F => true, // Myanmar
        >= 0x1100 and <= 0x11FF => true, // Hangul, as the collation takes its syllables apart
        >= 0x1780 and <= 0x17FF => true, // Khmer
        >= 0x2E80 and <= 0x9FFF => code is not (>= 0x3000 and <= 0x3004 or >= 0x3008 and <= 0x3020),
        >= 0xA000 and <= 0xA4CF => true, // Yi
        >= 0xAC00 and <= 0xD7AF => true, // Hangul
        >= 0xF900 and <= 0xFAFF => true,
        >= 0xFF66 and <= 0xFF9D => true, // half-width Katakana
        > 0xFFFF => true,
        _ => false,
    };
}
