using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Posthorn.Store;

/// <summary>
/// The pieces of text that the index knows: of words the runs of three letters or digits, of scripts written without spaces each character and each pair.
/// IMAP's substring is then an AND of pieces. Characters are folded as an ordinal comparison without regard to case folds them.
/// </summary>
internal static class SearchGrams
{
    /// <summary>Pieces of one needle that are asked for; more hardly narrow further.</summary>
    private const int AskedMax = 16;

    private enum Script
    {
        None,
        Words,
        Dense,
    }

    /// <summary>Adds every piece of the text.</summary>
    public static void Collect(ReadOnlySpan<char> text, HashSet<string> grams)
    {
        Span<char> gram = stackalloc char[6];
        var lookup = grams.GetAlternateLookup<ReadOnlySpan<char>>();
        Rune before = default, twoBefore = default;
        var (run, script) = (0, Script.None);
        foreach (var raw in text.EnumerateRunes())
        {
            var rune = Fold(raw, out var kind);
            run = kind == Script.None ? 0 : kind == script ? run + 1 : 1;
            script = kind;
            if (kind == Script.Dense) lookup.Add(Join(gram, rune));
            if (kind == Script.Dense && run > 1) lookup.Add(Join(gram, before, rune));
            if (kind == Script.Words && run > 2) lookup.Add(Join(gram, twoBefore, before, rune));
            (twoBefore, before) = (before, rune);
        }
    }

    /// <summary>The pieces that a text must have to contain the needle; none when the needle is too short to tell.</summary>
    public static List<string> Of(string needle)
    {
        var grams = new HashSet<string>(StringComparer.Ordinal);
        Collect(needle, grams);
        var found = grams.ToList();
        var step = (found.Count + AskedMax - 1) / AskedMax;
        return step <= 1 ? found : [.. found.Where((_, i) => i % step == 0)];
    }

    /// <summary>A piece as a number, for databases that index numbers: equal pieces have equal numbers.</summary>
    public static uint Hash(string gram)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(gram), hash);
        return BinaryPrimitives.ReadUInt32LittleEndian(hash);
    }

    private static ReadOnlySpan<char> Join(Span<char> gram, params ReadOnlySpan<Rune> runes)
    {
        var length = 0;
        foreach (var rune in runes) length += rune.EncodeToUtf16(gram[length..]);
        return gram[..length];
    }

    private static Rune Fold(Rune rune, out Script script)
    {
        if (rune.IsAscii)
        {
            var c = (char)rune.Value;
            script = char.IsAsciiLetterOrDigit(c) ? Script.Words : Script.None;
            return new Rune(char.ToUpperInvariant(c));
        }

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
