using System.Text;
using Posthorn.Core;

namespace Posthorn.Jmap;

/// <summary>
/// The words and phrases of a search text (RFC 8621 §4.4.1): what stands in quotes is one phrase, every other word stands for itself, and all of
/// them must be found, without regard to case.
/// </summary>
internal sealed class SearchTerms
{
    private readonly List<string> _folded = [];

    private SearchTerms(List<string> words)
    {
        Words = words;
        foreach (var word in words) _folded.Add(UnicodeCaseMap.Fold(word));
    }

    /// <summary>As they were written, white space in phrases collapsed.</summary>
    public IReadOnlyList<string> Words { get; }

    public IReadOnlyList<string> Folded => _folded;

    public static SearchTerms Parse(string text)
    {
        var words = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                at++;
                continue;
            }
            var quote = text[at] is '"' or '\'' ? Phrase(text, at) : null;
            if (quote is var (phrase, end))
            {
                if (phrase.Length > 0) words.Add(phrase);
                at = end;
                continue;
            }
            var start = at;
            while (at < text.Length && !char.IsWhiteSpace(text[at])) at++;
            words.Add(text[start..at]);
        }
        return new SearchTerms(words);
    }

    /// <summary>Each of them stands in one of the texts.</summary>
    public bool AreIn(params ReadOnlySpan<string> texts)
    {
        foreach (var word in _folded)
        {
            var found = false;
            foreach (var text in texts) found = found || UnicodeCaseMap.Contains(text, word);
            if (!found) return false;
        }
        return true;
    }

    /// <summary>Null when the quote does not end: then it is a letter of the word.</summary>
    private static (string Phrase, int End)? Phrase(string text, int start)
    {
        var phrase = new StringBuilder();
        for (var at = start + 1; at < text.Length; at++)
        {
            if (text[at] == text[start] && (at + 1 == text.Length || char.IsWhiteSpace(text[at + 1])))
            {
                return (string.Join(' ', phrase.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), at + 1);
            }
            if (text[at] == '\\' && at + 1 < text.Length && (text[at + 1] is '"' or '\'' or '\\')) at++;
            phrase.Append(text[at]);
        }
        return null;
    }
}
