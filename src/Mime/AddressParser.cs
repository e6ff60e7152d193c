namespace Posthorn.Mime;

/// <summary>Reads an address list (RFC 5322 §3.4, §4.4) into the packed form: groups, comments, routes, and what people send instead.</summary>
internal ref struct AddressParser
{
    private const int RouteOctetsMax = 1024; // how far a closing mark is looked for, so that a list of openings costs no square

    private readonly PackedWriter _output;
    private readonly int _outputMax;
    private readonly byte[] _phrase; // words as a display name, one space between them
    private readonly byte[] _local; // the same as a local part: no spaces
    private ReadOnlySpan<byte> _rest;
    private ReadOnlySpan<byte> _comment;
    private int _phraseLength;
    private int _localLength;
    private bool _inGroup;
    private bool _quotesClose = true;
    private bool _commentsClose = true;

    private AddressParser(ReadOnlySpan<byte> value, PackedWriter output, int outputMax)
    {
        _rest = value;
        _output = output;
        _outputMax = outputMax;
        _phrase = new byte[(2 * value.Length) + 1];
        _local = new byte[value.Length];
    }

    /// <param name="value">The unfolded header value.</param>
    /// <param name="output">Gets four strings for each address.</param>
    /// <param name="outputMax">Addresses beyond this length of the output are left out.</param>
    public static void Parse(ReadOnlySpan<byte> value, PackedWriter output, int outputMax)
    {
        var parser = new AddressParser(value, output, outputMax);
        while (!parser._rest.IsEmpty) parser.Next();
        parser.EndBare();
        if (parser._inGroup) parser.EndGroup();
    }

    private void Next()
    {
        var b = _rest[0];
        switch (b)
        {
            case (byte)' ' or (byte)'\t':
                _rest = _rest.TrimStart(" \t"u8);
                break;
            case (byte)'(' when _commentsClose:
                TakeComment();
                break;
            case (byte)'"' when _quotesClose:
                TakeQuoted();
                break;
            case (byte)',':
                EndBare();
                _rest = _rest[1..];
                break;
            case (byte)';':
                EndBare();
                if (_inGroup) EndGroup();
                _rest = _rest[1..];
                break;
            case (byte)':' when !_inGroup:
                BeginGroup();
                break;
            case (byte)'<':
                Angle();
                break;
            case (byte)'@':
                Bare();
                break;
            default:
                TakeWord();
                break;
        }
    }

    private void TakeWord()
    {
        var end = 1;
        while (end < _rest.Length && !IsBreak(_rest[end])) end++;
        Append(_rest[..end]);
        _rest = _rest[end..];
    }

    private static bool IsBreak(byte b) =>
        b is (byte)' ' or (byte)'\t' or (byte)'(' or (byte)'"' or (byte)',' or (byte)';' or (byte)':' or (byte)'<' or (byte)'@';

    private void Append(ReadOnlySpan<byte> word)
    {
        if (_phraseLength > 0 && _phraseLength < _phrase.Length) _phrase[_phraseLength++] = (byte)' ';
        word.CopyTo(_phrase.AsSpan(_phraseLength));
        _phraseLength += word.Length;
        word.CopyTo(_local.AsSpan(_localLength));
        _localLength += word.Length;
    }

    private void TakeComment()
    {
        var length = HeaderValue.CommentLength(_rest);
        if (_rest[length - 1] != ')' || length < 2)
        {
            _commentsClose = false; // no comment closes from here on: the parenthesis is a letter
            return;
        }
        _comment = _rest[1..(length - 1)];
        _rest = _rest[length..];
    }

    private void TakeQuoted()
    {
        var end = 1;
        while (end < _rest.Length && _rest[end] != '"') end += _rest[end] == '\\' ? 2 : 1;
        if (end >= _rest.Length)
        {
            _quotesClose = false;
            return;
        }
        Append(Unquote(_rest[1..end]));
        _rest = _rest[(end + 1)..];
    }

    private static ReadOnlySpan<byte> Unquote(ReadOnlySpan<byte> inside)
    {
        if (!inside.Contains((byte)'\\')) return inside;
        var text = new byte[inside.Length];
        var length = 0;
        for (var i = 0; i < inside.Length; i++)
        {
            if (inside[i] == '\\' && i + 1 < inside.Length) i++;
            text[length++] = inside[i];
        }
        return text.AsSpan(0, length);
    }

    // addr-spec without angle brackets; "a@b <a@b>" turns out to be a name.
    private void Bare()
    {
        _rest = _rest[1..];
        var domain = TakeDomain();
        SkipSpace();
        if (!_rest.IsEmpty && _rest[0] == '<')
        {
            var name = new byte[_phraseLength + 1 + domain.Length];
            _phrase.AsSpan(0, _phraseLength).CopyTo(name);
            name[_phraseLength] = (byte)'@';
            domain.CopyTo(name.AsSpan(_phraseLength + 1));
            _phraseLength = name.Length;
            if (name.Length <= _phrase.Length) name.CopyTo(_phrase, 0);
            else _phraseLength = 0;
            return;
        }
        // RFC 5322 §3.4: before there were display names, the comment was one.
        Write(_comment.IsEmpty ? null : Unquote(_comment), default, _local.AsSpan(0, _localLength), domain, hasRoute: false);
        SkipToSeparator();
    }

    // "<" [route ":"] addr-spec ">"
    private void Angle()
    {
        _rest = _rest[1..];
        var name = _phraseLength > 0 ? _phrase.AsSpan(0, _phraseLength).ToArray() : null;
        SkipSpace();
        ReadOnlySpan<byte> route = default;
        var near = _rest[..Math.Min(_rest.Length, RouteOctetsMax)];
        if (!near.IsEmpty && near[0] == '@' && near.IndexOfAny((byte)':', (byte)'>') is > 0 and var colon && near[colon] == ':')
        {
            route = _rest[..colon].Trim(" \t"u8);
            _rest = _rest[(colon + 1)..];
        }
        Clear();
        while (!_rest.IsEmpty && _rest[0] is not ((byte)'@' or (byte)'>' or (byte)','))
        {
            if (_rest[0] is (byte)' ' or (byte)'\t') _rest = _rest[1..];
            else if (_rest[0] == '(' && _commentsClose) TakeComment();
            else if (_rest[0] == '"' && _quotesClose) TakeQuoted();
            else TakeLetter();
        }
        ReadOnlySpan<byte> domain = default;
        if (!_rest.IsEmpty && _rest[0] == '@')
        {
            _rest = _rest[1..];
            domain = TakeDomain();
        }
        Write(name, route, _local.AsSpan(0, _localLength), domain, hasRoute: !route.IsEmpty);
        var close = _rest.IndexOfAny((byte)'>', (byte)',');
        _rest = close < 0 ? default : _rest[close] == '>' ? _rest[(close + 1)..] : _rest[close..];
        SkipToSeparator();
    }

    private void TakeLetter()
    {
        _local[_localLength++] = _rest[0];
        _rest = _rest[1..];
    }

    // dot-atom, domain-literal, or obs-domain with white space around its dots.
    private ReadOnlySpan<byte> TakeDomain()
    {
        SkipSpace();
        if (!_rest.IsEmpty && _rest[0] == '[' && _rest[..Math.Min(_rest.Length, 256)].IndexOf((byte)']') is > 0 and var close)
        {
            var literal = _rest[..(close + 1)];
            _rest = _rest[(close + 1)..];
            return literal;
        }
        var end = 0;
        while (end < _rest.Length && !IsBreak(_rest[end]) && _rest[end] != '>') end++;
        var domain = _rest[..end];
        _rest = _rest[end..];
        while (true)
        {
            SkipSpace();
            if (_rest.IsEmpty || (_rest[0] != '.' && (domain.IsEmpty || domain[^1] != '.'))) return domain;
            end = 0;
            while (end < _rest.Length && !IsBreak(_rest[end]) && _rest[end] != '>') end++;
            if (end == 0 || domain.Length > 255) return domain;
            domain = (byte[])[.. domain, .. _rest[..end]];
            _rest = _rest[end..];
        }
    }

    private void SkipSpace()
    {
        while (!_rest.IsEmpty)
        {
            if (_rest[0] is (byte)' ' or (byte)'\t') _rest = _rest[1..];
            else if (_rest[0] == '(' && _commentsClose) TakeComment();
            else return;
        }
    }

    private void SkipToSeparator()
    {
        SkipSpace();
        var end = _rest.IndexOfAny((byte)',', (byte)';');
        _rest = end < 0 ? default : _rest[end..];
    }

    private void BeginGroup()
    {
        _inGroup = true;
        _rest = _rest[1..];
        var mark = _output.Length;
        _output.Byte(0);
        _output.Byte(0);
        _output.Text(_phrase.AsSpan(0, _phraseLength));
        _output.Byte(0);
        Bound(mark);
        Clear();
    }

    private void EndGroup()
    {
        _inGroup = false;
        var mark = _output.Length;
        _output.Raw("\0\0\0\0"u8);
        Bound(mark);
    }

    // A word with no at-sign before the comma: a mailbox whose host is missing.
    private void EndBare()
    {
        if (_phraseLength > 0) Write(null, default, _phrase.AsSpan(0, _phraseLength), default, hasRoute: false);
        Clear();
    }

    private void Write(ReadOnlySpan<byte> name, ReadOnlySpan<byte> route, ReadOnlySpan<byte> mailbox, ReadOnlySpan<byte> host, bool hasRoute)
    {
        var mark = _output.Length;
        if (name.IsEmpty) _output.Byte(0);
        else _output.Text(name);
        if (hasRoute) _output.Text(route);
        else _output.Byte(0);
        _output.Text(mailbox);
        _output.Text(host);
        Bound(mark);
        Clear();
    }

    private void Bound(int mark)
    {
        if (_output.Length > _outputMax) _output.Truncate(mark);
    }

    private void Clear()
    {
        _phraseLength = 0;
        _localLength = 0;
        _comment = default;
    }
}
