using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Posthorn.Core;

namespace Posthorn.Pop3;

/// <summary>The elements that POP3's commands share (RFC 1939 §3), in the two moods of <see cref="GrammarReader"/>.</summary>
internal static class Pop3Grammar
{
    // RFC 4647 §2.1 language-range.
    private static readonly SearchValues<byte> LanguageBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-*"u8);

    private const int LanguageOctetsMax = 64;

    /// <summary>The end of a command; spaces before it are tolerated.</summary>
    public static bool ExpectCommandEnd(this ref GrammarReader r)
    {
        while (r.TrySpace())
        {
        }
        return r.ExpectEnd();
    }

    /// <summary>True when an argument follows; the spaces before it are read.</summary>
    public static bool TryArgument(this ref GrammarReader r)
    {
        var spaces = false;
        while (r.TrySpace()) spaces = true;
        return spaces && !r.End;
    }

    /// <summary>msg, or the lines of TOP.</summary>
    public static bool ExpectNumber(this ref GrammarReader r, string name, out int number)
    {
        var found = r.ExpectNumber(int.MaxValue, name, out var value);
        number = (int)value;
        return found;
    }

    /// <summary>The rest of the line, spaces included: RFC 1939 §7 lets a password have them.</summary>
    public static bool ExpectRest(this ref GrammarReader r, string name, out byte[] octets)
    {
        octets = [];
        var rest = r.Unread;
        if (rest.IsEmpty || rest.Length > Pop3Limits.CredentialOctetsMax) return r.Missing(name);
        var copy = rest.ToArray();
        if (copy.AsSpan().Contains((byte)0) || !Utf8.IsValid(copy)) return r.Missing(name); // RFC 6856 §2.2
        octets = copy;
        r.Advance(rest.Length);
        return true;
    }

    public static bool ExpectLanguageRange(this ref GrammarReader r, out string range) =>
        r.ExpectText(LanguageBytes, LanguageOctetsMax, "language range", out range);
}
