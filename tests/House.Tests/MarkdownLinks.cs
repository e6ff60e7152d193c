using System.Text.RegularExpressions;

namespace Posthorn.House.Tests;

/// <summary>The links of a page that point into this repository.</summary>
internal static partial class MarkdownLinks
{
    public static IEnumerable<(string Text, string Target)> In(string page)
    {
        string folder = Path.GetDirectoryName(Repository.FullPath(page))!;
        return Link().Matches(Repository.Read(page))
            .Select(m => m.Groups[1].Value)
            .Where(text => !text.Contains("://", StringComparison.Ordinal) && !text.StartsWith("mailto:", StringComparison.Ordinal))
            .Select(text => (text, Path.GetFullPath(Path.Combine(folder, text.Split('#')[0]))));
    }

    [GeneratedRegex(@"\]\(([^)\s#][^)\s]*)\)")]
    private static partial Regex Link();
}
