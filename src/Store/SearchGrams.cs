using System.Globalization;
using System.Text;

namespace Posthorn.Store;

/// <summary>
/// The pieces of text that the index knows: of words the runs of three letters or digits, of scripts written without spaces each character
/// and each pair. IMAP's substring is then an AND of pieces. Characters are folded as an ordinal comparison without regard to case folds them.
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
        long last = 0;
        var (run, script) = (0, Script.None);
        while (!text.IsEmpty)
        {
            Rune rune;
            Script kind;
            if (char.IsAscii(text[0]))
            {
                (rune, kind) = (new Rune(char.ToUpperInvariant(text[0])), char.IsAsciiLetterOrDigit(text[0]) ? Script.Words : Script.None);
                text = text[1..];
            }
            else
            {
                _ = Rune.DecodeFromUtf16(text, out var raw, out var length);
                rune = Fold(raw, out kind);
                text = text[length..];
            }

            run = kind == Script.None ? 0 : kind == script ? run + 1 : 1;
            script = kind;
            last = (last << RuneBits | (uint)rune.Value) & long.MaxValue;
            if (kind == Script.Words && run > 2) grams.Add(last);
            if (kind != Script.Dense) continue;
            grams.Add(rune.Value);
            if (run > 1) grams.Add(last & ((1L << 2 * RuneBits) - 1));
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

    private static Rune Fold(Rune rune, out Script script)
    {
        script = IsDense(rune.Value) ? Script.Dense : Rune.IsLetterOrDigit(rune) || IsMark(rune) ? Script.Words : Script.None;
        return Rune.ToUpperInvariant(rune);
    }

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>Scripts without spaces between words, and everything beyond the basic plane.</summary>
    private static bool IsDense(int code) => code switch
    {
        < 0x0E00 => false,
        <= 0x0EFF => true, // Thai, Lao
        >= 0x1000 and <= 0x109F => true, // Myanmar
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
