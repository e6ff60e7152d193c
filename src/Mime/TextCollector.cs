using System.Text;

namespace Posthorn.Mime;

/// <summary>Readable text up to a number of characters, runs of white space as one space.</summary>
internal sealed class TextCollector(int charsMax)
{
    private readonly StringBuilder _text = new(Math.Min(charsMax, 256));
    private bool _space;

    public bool IsFull => _text.Length >= charsMax;

    public bool IsEmpty => _text.Length == 0;

    public int Room => charsMax - _text.Length;

    /// <summary>A word ends here.</summary>
    public void Break() => _space = true;

    public void Add(char c)
    {
        if (char.IsWhiteSpace(c) || char.IsControl(c))
        {
            _space = true;
            return;
        }
        // Senders pad their previews with characters that nobody sees.
        if ((_space || _text.Length == 0) && IsInvisible(c)) return;
        if (_space && _text.Length > 0 && !IsFull) _text.Append(' ');
        _space = false;
        if (!IsFull) _text.Append(c);
    }

    public void Add(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && !IsFull)
        {
            // Most text is words in ASCII: they go in whole.
            var word = text.IndexOfAnyExceptInRange('!', '~');
            if (word < 0) word = text.Length;
            if (word == 0)
            {
                Add(text[0]);
                text = text[1..];
                continue;
            }
            if (_space && _text.Length > 0) _text.Append(' ');
            _space = false;
            _text.Append(text[..Math.Min(word, Math.Max(0, Room))]);
            text = text[word..];
        }
    }

    public override string ToString()
    {
        if (_text.Length > 0 && char.IsHighSurrogate(_text[^1])) _text.Length--;
        return _text.ToString();
    }

    private static bool IsInvisible(char c) => c is '\u00AD' or '\u034F' or '\u200B' or '\u200C' or '\u200D' or '\u2060' or '\uFEFF';
}
