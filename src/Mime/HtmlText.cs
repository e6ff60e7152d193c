using System.Net;

namespace Posthorn.Mime;

/// <summary>The readable text of HTML, character by character: tags, comments, scripts and styles dropped, references decoded.</summary>
/// <remarks>It is not a browser: what it must do is to end in linear time, whatever stands there, and to lose no word.</remarks>
internal sealed class HtmlText(TextCollector output)
{
    private const int NameMax = 16;
    private const int ReferenceMax = 32;

    private readonly char[] _name = new char[ReferenceMax + 2];
    private State _state;
    private int _length;
    private bool _closing;
    private char _quote;
    private int _dashes;
    private string? _skipUntil; // inside <script> and its like: the name whose end tag ends it

    private enum State
    {
        Text,
        Reference,
        TagOpen,
        TagName,
        Attributes,
        Quoted,
        Declaration,
        Comment,
    }

    public void Add(ReadOnlySpan<char> html)
    {
        while (!html.IsEmpty && !output.IsFull)
        {
            var run = _state == State.Text ? html.IndexOfAny('<', '&') : 0;
            if (run < 0) run = html.Length;
            if (run == 0)
            {
                Step(html[0]);
                html = html[1..];
                continue;
            }
            if (_skipUntil is null) output.Add(html[..run]);
            html = html[run..];
        }
    }

    /// <summary>The end of the HTML: an unfinished reference was text.</summary>
    public void End()
    {
        if (_state == State.Reference) EndReference(null);
        _state = State.Text;
    }

    private void Step(char c)
    {
        switch (_state)
        {
            case State.Text:
                if (c == '<') Begin(State.TagOpen);
                else if (_skipUntil is not null) break;
                else if (c == '&') BeginReference();
                else output.Add(c);
                break;
            case State.Reference:
                InReference(c);
                break;
            case State.TagOpen:
                AfterLess(c);
                break;
            case State.TagName:
                InTagName(c);
                break;
            case State.Attributes:
                if (c == '>') EndTag();
                else if (c is '"' or '\'' && _skipUntil is null) (_state, _quote) = (State.Quoted, c);
                break;
            case State.Quoted:
                if (c == _quote) _state = State.Attributes;
                break;
            case State.Declaration:
                if (c == '-' && ++_dashes == 2) (_state, _dashes) = (State.Comment, 2);
                else if (c == '>') _state = State.Text;
                else if (c != '-') _dashes = -1;
                break;
            case State.Comment:
                if (c == '>' && _dashes >= 2) _state = State.Text;
                else _dashes = c == '-' ? _dashes + 1 : 0;
                break;
        }
    }

    private void Begin(State state)
    {
        _state = state;
        _length = 0;
        _dashes = 0;
        _closing = false;
    }

    private void AfterLess(char c)
    {
        if (c == '/' && !_closing)
        {
            _closing = true;
        }
        else if (char.IsAsciiLetter(c))
        {
            _state = State.TagName;
            _name[_length++] = char.ToLowerInvariant(c);
        }
        else if (c is '!' or '?' && !_closing && _skipUntil is null)
        {
            _state = State.Declaration;
        }
        else
        {
            // "a < b" is text.
            _state = State.Text;
            if (_skipUntil is not null) return;
            output.Add('<');
            if (_closing) output.Add('/');
            Step(c);
        }
    }

    private void InTagName(char c)
    {
        if (char.IsAsciiLetterOrDigit(c))
        {
            if (_length < NameMax) _name[_length++] = char.ToLowerInvariant(c);
        }
        else if (c == '>')
        {
            EndTag();
        }
        else if (_skipUntil is not null && !(_closing && Name.SequenceEqual(_skipUntil)))
        {
            _state = State.Text; // "if (a<b && …" in a script opens nothing
        }
        else
        {
            _state = State.Attributes;
        }
    }

    private ReadOnlySpan<char> Name => _name.AsSpan(0, _length);

    private void EndTag()
    {
        _state = State.Text;
        if (_skipUntil is not null)
        {
            if (_closing && Name.SequenceEqual(_skipUntil)) _skipUntil = null;
            return;
        }
        if (Name is "script" or "style" or "title" or "noscript" or "template" && !_closing) _skipUntil = Name.ToString();
        if (Name is not ("b" or "i" or "u" or "a" or "em" or "strong" or "span" or "font" or "sub"
            or "sup" or "small" or "big" or "mark" or "code" or "wbr"))
        {
            output.Break();
        }
    }

    private void BeginReference()
    {
        Begin(State.Reference);
        _name[_length++] = '&';
    }

    private void InReference(char c)
    {
        if (c == ';')
        {
            EndReference(c);
            _state = State.Text;
        }
        else if ((char.IsAsciiLetterOrDigit(c) || c == '#') && _length < ReferenceMax)
        {
            _name[_length++] = c;
        }
        else
        {
            EndReference(null);
            _state = State.Text;
            Step(c);
        }
    }

    // Browsers take "&amp" and "&nbsp" without their semicolons too; the decoder wants it.
    private void EndReference(char? end)
    {
        _name[_length] = ';';
        var whole = new string(_name, 0, _length + 1);
        var decoded = WebUtility.HtmlDecode(whole);
        if (decoded != whole) output.Add(decoded);
        else output.Add(end is null ? whole.AsSpan(0, _length) : whole);
    }
}
