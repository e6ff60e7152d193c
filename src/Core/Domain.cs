using System.Globalization;
using System.Text;

namespace Posthorn.Core;

/// <summary>A domain name that cannot be wrong: lower-case A-labels (RFC 5890), at most 253 octets, labels of 1 to 63.</summary>
/// <remarks>Equality is that of the A-label form, so <c>BÜCHER.example</c> and <c>xn--bcher-kva.example</c> are one domain.</remarks>
public sealed record Domain
{
    public const int OctetsMax = 253; // RFC 1035 §2.3.4: 255 on the wire, with length octets and root

    private const int LabelOctetsMax = 63;

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    private Domain(string ascii) => Ascii = ascii;

    /// <summary>The A-label form in lower case: what goes into DNS and into SMTP without SMTPUTF8.</summary>
    public string Ascii { get; }

    /// <summary>The U-label form for people; the same as <see cref="Ascii"/> for a name in ASCII, and for one that does not decode or
    /// decodes to the form of another name (RFC 5890 §2.3.2.1: a "fake A-label").</summary>
    public string Unicode
    {
        get
        {
            if (!Ascii.Contains("xn--", StringComparison.Ordinal)) return Ascii;
            try
            {
                var unicode = Idn.GetUnicode(Ascii);
                return TryParse(unicode, out var same) && same.Ascii == Ascii ? unicode : Ascii;
            }
            catch (ArgumentException)
            {
                return Ascii;
            }
        }
    }

    /// <summary>Reads a domain in A-label or U-label form, without a trailing dot. Underscore labels are not host names and are refused.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Domain? domain)
    {
        domain = null;
        if (text.IsEmpty || text.Length > OctetsMax || text[^1] == '.') return false;
        var ascii = text.ToString();
        if (!System.Text.Ascii.IsValid(text))
        {
            if (!IsInternational(text)) return false;
            try
            {
                // RFC 5895 §2: full-width dots are dots and letters are lower case before the ToASCII step.
                ascii = Idn.GetAscii(UnicodeForm.Compose(ascii).ToLowerInvariant());
            }
            catch (ArgumentException)
            {
                return false;
            }
        }
        ascii = ascii.ToLowerInvariant();
        if (ascii.Length > OctetsMax) return false;
        foreach (var range in ascii.AsSpan().Split('.'))
        {
            if (!IsLabel(ascii.AsSpan(range))) return false;
        }
        domain = new Domain(ascii);
        return true;
    }

    /// <summary>For names that the program itself writes down.</summary>
    /// <exception cref="FormatException">The text is not a domain name.</exception>
    public static Domain Parse(string text) =>
        TryParse(text, out var domain) ? domain : throw new FormatException($"'{text}' is not a domain name");

    public override string ToString() => Ascii;

    // Much of what RFC 5892 disallows: whatever a person cannot see, or that means nothing yet. Symbols exist in registered names.
    private static bool IsInternational(ReadOnlySpan<char> text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar) return false; // a lone surrogate, too
            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.Control or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned:
                case UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator:
                case UnicodeCategory.Format when rune.Value is not (0x200C or 0x200D): // the joiners, RFC 5892 appendix A
                    return false;
            }
        }
        return true;
    }

    // RFC 5321 §4.1.2 sub-domain: letters, digits, hyphen inside.
    private static bool IsLabel(ReadOnlySpan<char> label)
    {
        if (label.IsEmpty || label.Length > LabelOctetsMax || label[0] == '-' || label[^1] == '-') return false;
        foreach (var c in label)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-') return false;
        }
        return true;
    }
}
