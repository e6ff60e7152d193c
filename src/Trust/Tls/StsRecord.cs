using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Posthorn.Trust;

/// <summary>The TXT record that says that a domain has a policy, and which one (RFC 8461 §3.1).</summary>
internal static class StsRecord
{
    private const string Version = "v=STSv1";
    private const int IdCharsMax = 32;
    private const int NameCharsMax = 32;

    private static readonly SearchValues<char> NameChars =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

    /// <summary>The policy's id, when exactly one of the records is one.</summary>
    public static string? IdOf(IReadOnlyList<string> records)
    {
        string? found = null;
        foreach (var record in records)
        {
            if (!record.StartsWith(Version + ";", StringComparison.Ordinal) && !record.StartsWith(Version + " ", StringComparison.Ordinal)) continue;
            if (found is not null) return null; // §3.1: several are as good as none
            if (!TryParse(record, out var id)) return null;
            found = id;
        }
        return found;
    }

    public static bool TryParse(ReadOnlySpan<char> record, [NotNullWhen(true)] out string? id)
    {
        id = null;
        if (!record.StartsWith(Version, StringComparison.Ordinal)) return false;
        var fields = record[Version.Length..];
        while (TryDelimiter(ref fields))
        {
            if (fields.IsEmpty) break; // one may stand at the end
            if (!TryField(ref fields, out var name, out var value)) return false;
            if (!name.SequenceEqual("id")) continue;
            if (id is not null || value.Length > IdCharsMax) return false;
            foreach (var c in value)
            {
                if (!char.IsAsciiLetterOrDigit(c)) return false;
            }
            id = value.ToString();
        }
        if (fields.IsEmpty && id is not null) return true;
        id = null;
        return false;
    }

    // *WSP ";" *WSP
    private static bool TryDelimiter(ref ReadOnlySpan<char> text)
    {
        var rest = text.TrimStart(" \t");
        if (rest.IsEmpty || rest[0] != ';') return false;
        text = rest[1..].TrimStart(" \t");
        return true;
    }

    private static bool TryField(ref ReadOnlySpan<char> text, out ReadOnlySpan<char> name, out ReadOnlySpan<char> value)
    {
        value = default;
        var end = text.IndexOfAnyExcept(NameChars);
        name = end > 0 ? text[..end] : default;
        if (end <= 0 || end > NameCharsMax || !char.IsAsciiLetterOrDigit(name[0]) || text[end] != '=') return false;
        text = text[(end + 1)..];
        var length = 0;
        while (length < text.Length && text[length] is > ' ' and < '\x7F' and not (';' or '=')) length++;
        value = text[..length];
        text = text[length..];
        return length > 0;
    }
}
