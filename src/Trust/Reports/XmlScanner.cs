using System.Buffers;
using System.Globalization;
using System.Text;

namespace Posthorn.Trust;

internal enum XmlToken
{
    None,
    Start,
    End,
    Text,
}

/// <summary>Reads XML forward, as far as reports need it: elements and their text. Memory does not grow with the document.</summary>
/// <remarks>
/// Attributes, comments and processing instructions are passed over, prefixes are cut off. A document type is refused, so there are no entities but
/// those of XML 1.0 §4.6 and nothing to expand. A framework's reader would hold every attribute of an element and every open element.
/// </remarks>
internal ref struct XmlScanner
{
    private static readonly SearchValues<byte> NameEnd = SearchValues.Create(" \t\r\n/>=<\"'&"u8);

    private readonly ReadOnlySpan<byte> _xml;
    private readonly int[] _open = new int[ReportLimits.DepthMax * 2]; // where the names of the open elements begin, and their lengths
    private int _at;
    private bool _emptyElement;

    public XmlScanner(ReadOnlySpan<byte> xml)
    {
        _xml = xml;
        if (xml.StartsWith("\uFEFF"u8)) _at = 3;
    }

    public XmlToken Token { get; private set; }

    /// <summary>Of the element that has begun or ended, without its prefix.</summary>
    public ReadOnlySpan<byte> Name { get; private set; }

    /// <summary>Elements that are open, the one that has just begun included.</summary>
    public int Depth { get; private set; }

    private ReadOnlySpan<byte> Text { get; set; }

    private bool IsLiteral { get; set; }

    /// <summary>The next token; false at the end of the document.</summary>
    /// <exception cref="ReportFaultException">It is no XML, or more of it than a report has.</exception>
    public bool Read()
    {
        while (true)
        {
            if (_emptyElement)
            {
                _emptyElement = false;
                return Closed();
            }
            if (_at >= _xml.Length)
            {
                if (Depth > 0) throw Malformed("the document ends inside of an element");
                Token = XmlToken.None;
                return false;
            }
            if (_xml[_at] == '<' ? ReadMarkup() : ReadText()) return true;
        }
    }

    /// <summary>The next element directly inside of the one that is <paramref name="depth"/> deep; false when that one has ended.</summary>
    public bool NextChild(int depth)
    {
        while (Read())
        {
            if (Token == XmlToken.Start && Depth == depth + 1) return true;
            if (Token == XmlToken.End && Depth < depth) return false;
        }
        return false;
    }

    /// <summary>The text of the element that has just begun, to its end: one line, white space around it gone, cut where it is too long.</summary>
    public string ReadValue()
    {
        var depth = Depth;
        var octets = new ArrayBufferWriter<byte>(64);
        while (Read() && !(Token == XmlToken.End && Depth < depth))
        {
            if (Token == XmlToken.Text && octets.WrittenCount < ReportLimits.ValueCharsMax * 4) Append(octets);
        }
        return ReportText.OneLine(Encoding.UTF8.GetString(octets.WrittenSpan));
    }

    private bool ReadMarkup()
    {
        var rest = _xml[_at..];
        if (rest.StartsWith("<?"u8)) return Skip("?>"u8, 2);
        if (rest.StartsWith("<!--"u8)) return Skip("-->"u8, 4);
        if (rest.StartsWith("<![CDATA["u8)) return ReadLiteral(rest);
        if (rest.StartsWith("<!"u8))
        {
            throw new ReportFaultException(ReportFaultKind.DocumentType, "the XML has a document type or entities of its own");
        }
        return rest.StartsWith("</"u8) ? ReadEndTag() : ReadStartTag();
    }

    private bool Skip(ReadOnlySpan<byte> end, int from)
    {
        var found = _xml[(_at + from)..].IndexOf(end);
        if (found < 0) throw Malformed("the document ends inside of a comment");
        _at += from + found + end.Length;
        return false;
    }

    private bool ReadLiteral(ReadOnlySpan<byte> rest)
    {
        const int Opening = 9;
        var end = rest.IndexOf("]]>"u8);
        if (end < 0) throw Malformed("the document ends inside of CDATA");
        if (Depth == 0) throw Malformed("there is text outside of the root element");
        _at += end + 3;
        Token = XmlToken.Text;
        Text = rest[Opening..end];
        IsLiteral = true;
        return true;
    }

    private bool ReadText()
    {
        var rest = _xml[_at..];
        var end = rest.IndexOf((byte)'<');
        if (end < 0) end = rest.Length;
        _at += end;
        Text = rest[..end];
        IsLiteral = false;
        if (Depth == 0)
        {
            if (!Text.Trim(" \t\r\n"u8).IsEmpty) throw Malformed("there is text outside of the root element");
            return false;
        }
        Token = XmlToken.Text;
        return true;
    }

    private bool ReadStartTag()
    {
        var start = ++_at;
        var name = ReadName();
        if (Depth == ReportLimits.DepthMax)
        {
            throw new ReportFaultException(ReportFaultKind.TooDeep, $"more than {ReportLimits.DepthMax} elements are inside of each other");
        }
        (_open[Depth * 2], _open[(Depth * 2) + 1]) = (start, name.Length);
        Depth++;
        while (true)
        {
            var spaced = SkipSpace();
            var rest = _xml[_at..];
            if (rest.StartsWith("/>"u8))
            {
                _at += 2;
                _emptyElement = true;
                break;
            }
            if (rest.StartsWith(">"u8))
            {
                _at++;
                break;
            }
            if (!spaced) throw Malformed("an element's tag is not what it must be");
            ReadAttribute();
        }
        Token = XmlToken.Start;
        Name = Local(name);
        return true;
    }

    private void ReadAttribute()
    {
        ReadName();
        SkipSpace();
        if (_at >= _xml.Length || _xml[_at] != '=') throw Malformed("an attribute has no value");
        _at++;
        SkipSpace();
        if (_at >= _xml.Length || _xml[_at] is not ((byte)'"' or (byte)'\'')) throw Malformed("an attribute's value has no quotes");
        var value = _xml[(_at + 1)..];
        var end = value.IndexOf(_xml[_at]);
        if (end < 0 || value[..end].Contains((byte)'<')) throw Malformed("an attribute's value does not end");
        _at += end + 2;
    }

    private bool ReadEndTag()
    {
        _at += 2;
        var name = ReadName();
        SkipSpace();
        if (_at >= _xml.Length || _xml[_at] != '>') throw Malformed("an element's end is not what it must be");
        _at++;
        if (Depth == 0 || !name.SequenceEqual(_xml.Slice(_open[(Depth - 1) * 2], _open[((Depth - 1) * 2) + 1])))
        {
            throw Malformed("an element ends that has not begun");
        }
        return Closed();
    }

    private bool Closed()
    {
        Depth--;
        Token = XmlToken.End;
        Name = Local(_xml.Slice(_open[Depth * 2], _open[(Depth * 2) + 1]));
        return true;
    }

    private ReadOnlySpan<byte> ReadName()
    {
        var rest = _xml[_at..];
        var end = rest.IndexOfAny(NameEnd);
        if (end <= 0) throw Malformed("there is no name where one must be");
        _at += end;
        return rest[..end];
    }

    private bool SkipSpace()
    {
        var start = _at;
        while (_at < _xml.Length && _xml[_at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') _at++;
        return _at > start;
    }

    private static ReadOnlySpan<byte> Local(ReadOnlySpan<byte> name) => name[(name.IndexOf((byte)':') + 1)..];

    private readonly void Append(ArrayBufferWriter<byte> output)
    {
        if (IsLiteral)
        {
            output.Write(Text[..Math.Min(Text.Length, ReportLimits.ValueCharsMax * 4)]);
            return;
        }
        var text = Text;
        while (!text.IsEmpty && output.WrittenCount < ReportLimits.ValueCharsMax * 4)
        {
            var reference = text.IndexOf((byte)'&');
            var plain = reference < 0 ? text : text[..reference];
            output.Write(plain[..Math.Min(plain.Length, ReportLimits.ValueCharsMax * 4)]);
            if (reference < 0) return;
            text = text[(reference + 1)..];
            var end = text.IndexOf((byte)';');
            if (end is < 0 or > 10) throw Malformed("a reference does not end");
            AppendReference(output, text[..end]);
            text = text[(end + 1)..];
        }
    }

    private static void AppendReference(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> name)
    {
        var rune = name switch
        {
            _ when name.SequenceEqual("lt"u8) => new Rune('<'),
            _ when name.SequenceEqual("gt"u8) => new Rune('>'),
            _ when name.SequenceEqual("amp"u8) => new Rune('&'),
            _ when name.SequenceEqual("quot"u8) => new Rune('"'),
            _ when name.SequenceEqual("apos"u8) => new Rune('\''),
            _ when name.StartsWith("#"u8) => Character(name[1..]),
            _ => throw new ReportFaultException(ReportFaultKind.DocumentType, "the XML refers to an entity that XML does not have"),
        };
        Span<byte> octets = stackalloc byte[4];
        output.Write(octets[..rune.EncodeToUtf8(octets)]);
    }

    private static Rune Character(ReadOnlySpan<byte> number)
    {
        var hexadecimal = number.StartsWith("x"u8);
        var digits = Encoding.ASCII.GetString(hexadecimal ? number[1..] : number);
        var style = hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None;
        return int.TryParse(digits, style, CultureInfo.InvariantCulture, out var value) && value > 0 && Rune.IsValid(value)
            ? new Rune(value)
            : throw Malformed("a reference names no character");
    }

    private static ReportFaultException Malformed(string detail) => new(ReportFaultKind.MalformedXml, detail);
}
