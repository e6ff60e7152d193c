using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Posthorn.Trust;

/// <summary>Text between macros, or one macro (RFC 7208 §7.1).</summary>
/// <param name="Literal">The text; empty for a macro.</param>
/// <param name="Letter">In lower case; NUL for text.</param>
/// <param name="Labels">How many parts are kept from the right; 0 for all.</param>
/// <param name="Delimiters">Where the value is cut.</param>
/// <param name="Escaped">The letter was upper-case: the value goes into a URL.</param>
internal readonly record struct SpfMacroPiece(string Literal, char Letter, int Labels, bool Reversed, string Delimiters, bool Escaped);

/// <summary>A macro-string (RFC 7208 §7.1), cut into pieces.</summary>
internal sealed class SpfMacroString
{
    private const string Letters = "slodiphv";
    private const string ExplanationLetters = "slodiphvcrt";
    private static readonly SearchValues<char> Delimiters = SearchValues.Create(".-+,/_=");

    private const int LabelsMax = 127; // more than a name can have

    private SpfMacroString(List<SpfMacroPiece> pieces) => Pieces = pieces;

    public IReadOnlyList<SpfMacroPiece> Pieces { get; }

    /// <summary>RFC 7208 §6.2: explain-string, which has spaces and three more letters.</summary>
    public static bool TryParseExplanation(string text, [NotNullWhen(true)] out SpfMacroString? macros) => TryParse(text, true, out macros);

    /// <summary>RFC 7208 §7.1: macro-string.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out SpfMacroString? macros) => TryParse(text, false, out macros);

    /// <summary>RFC 7208 §7.1: domain-spec, a macro-string that ends in a macro or in a label that can be a top-level one.</summary>
    public static bool TryParseDomain(ReadOnlySpan<char> text, [NotNullWhen(true)] out SpfMacroString? macros) =>
        TryParse(text, false, out macros) && macros.EndsAsDomain();

    private static bool TryParse(ReadOnlySpan<char> text, bool explanation, [NotNullWhen(true)] out SpfMacroString? macros)
    {
        macros = null;
        var pieces = new List<SpfMacroPiece>();
        var letters = explanation ? ExplanationLetters : Letters;
        var literal = 0;
        for (var at = 0; at < text.Length;)
        {
            if (text[at] != '%')
            {
                if (text[at] is < '!' or > '~' && !(explanation && text[at] == ' ')) return false;
                at++;
                continue;
            }
            if (at > literal) pieces.Add(Text(text[literal..at].ToString()));
            if (!TryReadMacro(text, letters, ref at, out var piece)) return false;
            pieces.Add(piece);
            literal = at;
        }
        if (literal < text.Length) pieces.Add(Text(text[literal..].ToString()));
        macros = new SpfMacroString(pieces);
        return true;
    }

    private static bool TryReadMacro(ReadOnlySpan<char> text, string letters, ref int at, out SpfMacroPiece piece)
    {
        piece = default;
        if (++at == text.Length) return false;
        var kind = text[at++];
        if (kind != '{')
        {
            // As macros of their own, so that a name may end in one.
            if (kind is not ('%' or '_' or '-')) return false;
            piece = new SpfMacroPiece(kind switch { '%' => "%", '_' => " ", _ => "%20" }, kind, 0, false, "", false);
            return true;
        }
        var end = text[at..].IndexOf('}');
        if (end < 1) return false;
        var inside = text.Slice(at, end);
        at += end + 1;
        var letter = char.ToLowerInvariant(inside[0]);
        if (!letters.Contains(letter, StringComparison.Ordinal)) return false;
        var (next, labels) = (1, 0);
        for (; next < inside.Length && char.IsAsciiDigit(inside[next]); next++) labels = Math.Min(labels * 10 + (inside[next] - '0'), LabelsMax);
        if (next > 1 && labels == 0) return false;
        var reversed = next < inside.Length && inside[next] is 'r' or 'R';
        if (reversed) next++;
        var delimiters = inside[next..];
        if (delimiters.ContainsAnyExcept(Delimiters)) return false;
        piece = new SpfMacroPiece("", letter, labels, reversed, delimiters.IsEmpty ? "." : delimiters.ToString(), char.IsAsciiLetterUpper(inside[0]));
        return true;
    }

    private static SpfMacroPiece Text(string literal) => new(literal, '\0', 0, false, "", false);

    private bool EndsAsDomain()
    {
        if (Pieces.Count == 0) return false;
        if (Pieces[^1].Letter != '\0') return true;
        var text = Pieces[^1].Literal.AsSpan();
        if (text[^1] == '.') text = text[..^1];
        var dot = text.LastIndexOf('.');
        return dot >= 0 && IsTopLabel(text[(dot + 1)..]);
    }

    // Letters, digits and inner hyphens; not only digits.
    private static bool IsTopLabel(ReadOnlySpan<char> label)
    {
        if (label.IsEmpty || label[0] == '-' || label[^1] == '-') return false;
        var onlyDigits = true;
        foreach (var c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-') return false;
            onlyDigits &= char.IsAsciiDigit(c);
        }
        return !onlyDigits;
    }
}
