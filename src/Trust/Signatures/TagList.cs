using System.Diagnostics.CodeAnalysis;

namespace Posthorn.Trust;

/// <summary>A list of tags and values (RFC 6376 §3.2), as DKIM, ARC and DMARC write them.</summary>
internal sealed class TagList
{
    private const string Space = " \t\r\n";

    private readonly List<(string Name, string Value)> _tags = [];

    private TagList()
    {
    }

    public int Count => _tags.Count;

    /// <summary>The name of the first tag.</summary>
    public string First => _tags.Count > 0 ? _tags[0].Name : "";

    /// <summary>Null when there is no such tag: not the same as an empty value. Names differ by case.</summary>
    public string? this[string name]
    {
        get
        {
            foreach (var tag in _tags)
            {
                if (tag.Name == name) return tag.Value;
            }
            return null;
        }
    }

    /// <summary>False for what is no list, for a tag that comes twice, and for more than <see cref="TrustLimits.TagsMax"/>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out TagList? list)
    {
        list = null;
        var read = new TagList();
        while (!text.IsEmpty)
        {
            var end = text.IndexOf(';');
            var spec = (end < 0 ? text : text[..end]).Trim(Space);
            var isLast = end < 0 || text[(end + 1)..].Trim(Space).IsEmpty;
            text = end < 0 ? default : text[(end + 1)..];
            if (!read.Take(spec)) return false;
            if (isLast) break;
        }
        list = read.Count > 0 ? read : null;
        return list is not null;
    }

    /// <summary>What base64 means: the value without the white space that folding leaves (RFC 6376 §2.10); null when it is none.</summary>
    public byte[]? Octets(string name)
    {
        if (this[name] is not { } value) return null;
        var octets = new byte[value.Length * 3 / 4 + 3];
        return Convert.TryFromBase64String(value, octets, out var length) ? octets[..length] : null;
    }

    /// <summary>The parts between colons, in lower case, without the white space around them.</summary>
    public static string[] Words(string value) =>
        value.ToLowerInvariant().Split(':', StringSplitOptions.TrimEntries);

    private bool Take(ReadOnlySpan<char> spec)
    {
        var equals = spec.IndexOf('=');
        if (equals < 1 || _tags.Count >= TrustLimits.TagsMax) return false;
        var name = spec[..equals].TrimEnd(Space);
        if (name.IsEmpty || !char.IsAsciiLetter(name[0])) return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_') return false;
        }
        var value = spec[(equals + 1)..].TrimStart(Space);
        foreach (var c in value)
        {
            if (char.IsControl(c) && c is not ('\t' or '\r' or '\n')) return false;
        }
        var key = name.ToString();
        if (this[key] is not null) return false;
        _tags.Add((key, value.ToString()));
        return true;
    }
}
