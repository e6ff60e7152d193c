using System.Text;
using UtfUnknown;

namespace Posthorn.Mime;

/// <summary>Octets to text: declared charsets by name, undeclared ones by looking.</summary>
public static class Charsets
{
    private const int GuessOctetsMax = 4096;

    private static readonly Encoding Western = MakeWestern();

    /// <summary>Makes koi8-r, iso-8859-2, shift_jis and their like known to this process; MimeKit decodes them wrongly otherwise.</summary>
    public static void Register() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <summary>The encoding of a charset name, or null when nobody knows it.</summary>
    public static Encoding? Find(ReadOnlySpan<char> name)
    {
        name = name.Trim(" \t\"'");
        if (name.IsEmpty || name.Length > 40) return null;
        if (name.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || name.Equals("utf8", StringComparison.OrdinalIgnoreCase)) return Encoding.UTF8;
        // The WHATWG encoding standard: these two are written for windows-1252, of which they are a part.
        if (name.Equals("us-ascii", StringComparison.OrdinalIgnoreCase) || name.Equals("ascii", StringComparison.OrdinalIgnoreCase)) return null;
        if (name.Equals("iso-8859-1", StringComparison.OrdinalIgnoreCase)
            || name.Equals("latin1", StringComparison.OrdinalIgnoreCase))
        {
            return Western;
        }
        try
        {
            return Encoding.GetEncoding(Alias(name));
        }
        catch (Exception refused) when (refused is ArgumentException or NotSupportedException)
        {
            return null; // unknown, or UTF-7, which .NET refuses
        }
    }

    /// <summary>The text of octets; never fails.</summary>
    /// <param name="octets">In any charset.</param>
    /// <param name="charset">As declared; empty or unknown lets the octets speak.</param>
    public static string Decode(ReadOnlySpan<byte> octets, ReadOnlySpan<char> charset)
    {
        if (Ascii.IsValid(octets) && !charset.StartsWith("iso-2022", StringComparison.OrdinalIgnoreCase)
            && !charset.StartsWith("utf-16", StringComparison.OrdinalIgnoreCase) && !charset.StartsWith("hz", StringComparison.OrdinalIgnoreCase))
        {
            return Encoding.ASCII.GetString(octets);
        }
        return (Find(charset) ?? Guess(octets)).GetString(octets);
    }

    /// <summary>The likely encoding of undeclared octets: UTF-8 when they are, else what their frequencies say, else windows-1252.</summary>
    public static Encoding Guess(ReadOnlySpan<byte> octets)
    {
        if (IsUtf8(octets)) return Encoding.UTF8;
        Register();
        var sample = octets[..Math.Min(octets.Length, GuessOctetsMax)].ToArray();
        try
        {
            var best = CharsetDetector.DetectFromBytes(sample).Detected;
            if (best is { Confidence: > 0.5f, Encoding: { } encoding }) return encoding;
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException or IndexOutOfRangeException or NotSupportedException)
        {
            return Western; // a guess that fails is no guess
        }
        return Western;
    }

    internal static bool IsUtf8(ReadOnlySpan<byte> octets)
    {
        if (System.Text.Unicode.Utf8.IsValid(octets)) return true;
        // A prefix may end inside a character.
        for (var cut = 1; cut <= 3 && cut < octets.Length; cut++)
        {
            if ((octets[^cut] & 0xC0) == 0xC0) return !Ascii.IsValid(octets[..^cut]) && System.Text.Unicode.Utf8.IsValid(octets[..^cut]);
        }
        return false;
    }

    private static string Alias(ReadOnlySpan<char> name) => name switch
    {
        _ when name.StartsWith("cp-", StringComparison.OrdinalIgnoreCase) => string.Concat("windows-", name[3..]),
        _ when name.StartsWith("cp125", StringComparison.OrdinalIgnoreCase) => string.Concat("windows-", name[2..]),
        _ when name.Equals("gb2312", StringComparison.OrdinalIgnoreCase) => "gb18030",
        _ when name.Equals("gbk", StringComparison.OrdinalIgnoreCase) => "gb18030",
        _ when name.Equals("x-sjis", StringComparison.OrdinalIgnoreCase) => "shift_jis",
        _ when name.Equals("ks_c_5601-1987", StringComparison.OrdinalIgnoreCase) => "euc-kr",
        _ => name.ToString(),
    };

    private static Encoding MakeWestern()
    {
        Register();
        return Encoding.GetEncoding(1252);
    }
}

/// <summary>The guesses of one message. A guess costs about a millisecond, so a message gets a few; then the last one stands.</summary>
internal sealed class CharsetGuesses
{
    private const int GuessesMax = 8;

    private int _made;
    private Encoding _last = Encoding.UTF8;

    public Encoding For(ReadOnlySpan<byte> octets)
    {
        if (Charsets.IsUtf8(octets)) return Encoding.UTF8;
        if (_made < GuessesMax)
        {
            _made++;
            _last = Charsets.Guess(octets);
        }
        return _last;
    }
}
