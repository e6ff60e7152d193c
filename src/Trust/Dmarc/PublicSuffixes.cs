namespace Posthorn.Trust;

/// <summary>The public suffix list, for the rules of RFC 7489: which names are sold under one.</summary>
public sealed class PublicSuffixes
{
    private readonly HashSet<string> _rules = new(StringComparer.Ordinal);
    private readonly HashSet<string> _wildcards = new(StringComparer.Ordinal);
    private readonly HashSet<string> _exceptions = new(StringComparer.Ordinal);

    /// <summary>Reads the list in the form in which it is published: a rule a line, comments behind two slashes.</summary>
    public static PublicSuffixes Read(TextReader text)
    {
        var list = new PublicSuffixes();
        while (text.ReadLine() is { } line)
        {
            var rule = line.AsSpan().Trim();
            if (rule.IndexOfAny(' ', '\t') is var end and >= 0) rule = rule[..end];
            if (rule.IsEmpty || rule.StartsWith("//")) continue;
            var target = rule[0] == '!' ? list._exceptions : rule.StartsWith("*.") ? list._wildcards : list._rules;
            if (Core.Domain.TryParse(rule.TrimStart('!').TrimStart("*."), out var name)) target.Add(name.Ascii);
        }
        return list;
    }

    /// <summary>The suffix and one label before it; the name itself when it is a suffix (RFC 7489 §3.2).</summary>
    public string Organization(string domain)
    {
        var labels = domain.Split('.');
        for (var i = 0; i < labels.Length; i++)
        {
            var name = string.Join('.', labels[i..]);
            if (_exceptions.Contains(name)) return name;
            var isWildcard = i + 1 < labels.Length && _wildcards.Contains(string.Join('.', labels[(i + 1)..]));
            // Without a rule the last label is the suffix.
            if (isWildcard || _rules.Contains(name) || i == labels.Length - 1) return i == 0 ? domain : string.Join('.', labels[(i - 1)..]);
        }
        return domain;
    }
}
