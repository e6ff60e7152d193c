using System.Buffers;
using Posthorn.Core;

namespace Posthorn.Imap;

/// <summary>Reads fetch-att (RFC 3501 §9): macros, one item, or items in parentheses.</summary>
internal static class FetchGrammar
{
    private static readonly SearchValues<byte> SectionNumberBytes = SearchValues.Create("0123456789."u8);

    public static bool ExpectRequest(ref GrammarReader r, out FetchRequest request)
    {
        var items = FetchItems.None;
        var sections = new List<BodySection>();
        request = new FetchRequest(items, sections);
        if (TryMacro(ref r, out items))
        {
            request = request with { Items = items };
            return true;
        }
        if (!r.TryByte((byte)'('))
        {
            if (!ExpectItem(ref r, ref items, sections)) return false;
        }
        else
        {
            do
            {
                if (!ExpectItem(ref r, ref items, sections)) return false;
                if (sections.Count > ImapLimits.FetchItemsMax) return r.Missing($"at most {ImapLimits.FetchItemsMax} items");
            }
            while (r.TrySpace());
            if (!r.ExpectByte((byte)')', "\")\"")) return false;
        }
        request = request with { Items = items };
        return true;
    }

    /// <summary>section-spec alone, as it stands in a URL (RFC 5092 §5).</summary>
    public static bool TrySection(ReadOnlyMemory<byte> text, out BodySection section)
    {
        var sections = new List<BodySection>();
        byte[] closed = [.. text.Span, (byte)']'];
        var r = new GrammarReader(closed);
        var found = ExpectSection(ref r, peek: true, sections) && r.End;
        section = found ? sections[0] : new BodySection();
        return found;
    }

    // RFC 9051 §6.4.5: a macro stands alone.
    private static bool TryMacro(ref GrammarReader r, out FetchItems items)
    {
        items = FetchItems.None;
        if (r.TryWord("ALL"u8)) items = FetchItems.All;
        else if (r.TryWord("FULL"u8)) items = FetchItems.Full;
        else if (r.TryWord("FAST"u8)) items = FetchItems.Fast;
        return items != FetchItems.None;
    }

    private static bool ExpectItem(ref GrammarReader r, ref FetchItems items, List<BodySection> sections)
    {
        var item = r switch
        {
            _ when r.TryWord("UID"u8) => FetchItems.Uid,
            _ when r.TryWord("FLAGS"u8) => FetchItems.Flags,
            _ when r.TryWord("INTERNALDATE"u8) => FetchItems.InternalDate,
            _ when r.TryWord("ENVELOPE"u8) => FetchItems.Envelope,
            _ when r.TryWord("BODYSTRUCTURE"u8) => FetchItems.BodyStructure,
            _ when r.TryWord("RFC822.SIZE"u8) => FetchItems.Size,
            _ when r.TryWord("MODSEQ"u8) => FetchItems.ModSeq, // RFC 7162 §3.1.4.2
            _ when r.TryWord("EMAILID"u8) => FetchItems.EmailId, // RFC 8474 §5.3
            _ when r.TryWord("THREADID"u8) => FetchItems.ThreadId, // RFC 8474 §5.3
            _ when r.TryWord("SAVEDATE"u8) => FetchItems.SaveDate, // RFC 8514 §4.2
            _ when r.TryWord("PREVIEW"u8) => FetchItems.Preview, // RFC 8970 §3.1
            _ => FetchItems.None,
        };
        if (item != FetchItems.None)
        {
            items |= item;
            return item != FetchItems.Preview || ExpectPreviewModifiers(ref r);
        }
        if (TryOldName(ref r, sections)) return true;
        if (r.TryKeyword("BINARY"u8)) return ExpectBinary(ref r, sections);
        var mark = r;
        if (!r.TryKeyword("BODY"u8)) return r.Missing("fetch item");
        var peek = r.TryKeyword(".PEEK"u8);
        if (r.TryByte((byte)'[')) return ExpectSection(ref r, peek, sections);
        if (peek || (r.TryPeek(out var next) && ImapGrammar.AtomBytes.Contains(next)))
        {
            r.Restore(mark);
            return r.Missing("fetch item");
        }
        items |= FetchItems.Body;
        return true;
    }

    // RFC 8970 §4.1: previews are made at arrival, so that whoever would do without finds them all the same.
    private static bool ExpectPreviewModifiers(ref GrammarReader r)
    {
        if (!r.TryKeyword(" ("u8)) return true;
        do
        {
            if (!r.TryWord("LAZY"u8)) return r.Missing("LAZY");
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    // RFC 3501 §6.4.5: "functionally equivalent to", but the reply keeps the name.
    private static bool TryOldName(ref GrammarReader r, List<BodySection> sections)
    {
        if (r.TryWord("RFC822"u8)) sections.Add(new BodySection { Label = "RFC822"u8.ToArray() });
        else if (r.TryWord("RFC822.HEADER"u8))
            sections.Add(new BodySection { Text = SectionText.Header, Peek = true, Label = "RFC822.HEADER"u8.ToArray() });
        else if (r.TryWord("RFC822.TEXT"u8)) sections.Add(new BodySection { Text = SectionText.Text, Label = "RFC822.TEXT"u8.ToArray() });
        else return false;
        return true;
    }

    // section-spec "]" ["<" number "." nz-number ">"]
    private static bool ExpectSection(ref GrammarReader r, bool peek, List<BodySection> sections)
    {
        var part = Array.Empty<byte>();
        var section = new BodySection { Peek = peek };
        var text = SectionText.Whole;
        IReadOnlyList<byte[]> fields = [];
        if (r.TryPeek(out var b) && b != ']')
        {
            if (!ExpectPart(ref r, out part, out var textFollows)) return false;
            if (textFollows && !ExpectText(ref r, part.Length > 0, out text, out fields)) return false;
        }
        if (!r.ExpectByte((byte)']', "\"]\"")) return false;
        section = section with { Part = part, Text = text, Fields = fields };
        if (!ExpectPartial(ref r, ref section)) return false;
        sections.Add(section with { Label = LabelOf(section) });
        return true;
    }

    // ["<" number "." nz-number ">"]
    private static bool ExpectPartial(ref GrammarReader r, ref BodySection section)
    {
        if (!r.TryByte((byte)'<')) return true;
        if (!(r.ExpectNumber(long.MaxValue, "first octet", out var offset) && r.ExpectByte((byte)'.', "\".\"")
              && r.ExpectNumber(long.MaxValue, "number of octets", out var count))) return false;
        if (count == 0) return r.Missing("number of octets above 0");
        section = section with { Offset = (long)offset, Count = (long)count };
        return r.ExpectByte((byte)'>', "\">\"");
    }

    // RFC 3516 §7: "BINARY" was read; [".PEEK"] "[" [section-part] "]" [partial], or ".SIZE" "[" [section-part] "]"
    private static bool ExpectBinary(ref GrammarReader r, List<BodySection> sections)
    {
        var isSize = r.TryKeyword(".SIZE"u8);
        var peek = isSize || r.TryKeyword(".PEEK"u8);
        var part = Array.Empty<byte>();
        if (!r.ExpectByte((byte)'[', "\"[\"")) return false;
        if (r.TryPeek(out var b) && b != ']')
        {
            if (!ExpectPart(ref r, out part, out var textFollows)) return false;
            if (textFollows) return r.Missing("part number");
        }
        if (!r.ExpectByte((byte)']', "\"]\"")) return false;
        var section = new BodySection { Part = part, Peek = peek, Coding = isSize ? SectionCoding.DecodedSize : SectionCoding.Decoded };
        if (!isSize && !ExpectPartial(ref r, ref section)) return false;
        sections.Add(section with { Label = LabelOf(section) });
        return true;
    }

    // section-part = nz-number *("." nz-number); true for textFollows when a name comes after it
    private static bool ExpectPart(ref GrammarReader r, out byte[] part, out bool textFollows)
    {
        part = [];
        textFollows = true;
        if (!r.TryRun(SectionNumberBytes, 1024, out var run)) return true;
        var octets = run.ToArray();
        textFollows = octets[^1] == '.';
        part = textFollows ? octets[..^1] : octets;
        var depth = 1;
        var number = 0L;
        var digits = 0;
        foreach (var b in part)
        {
            if (b == '.')
            {
                if (number == 0 || ++depth > ImapLimits.SectionDepthMax) return r.Missing("part number");
                number = digits = 0;
            }
            else
            {
                number = (number * 10) + (b - '0');
                if (++digits > 9) return r.Missing("part number");
            }
        }
        return number > 0 || r.Missing("part number");
    }

    private static bool ExpectText(ref GrammarReader r, bool inPart, out SectionText text, out IReadOnlyList<byte[]> fields)
    {
        fields = [];
        text = SectionText.Whole;
        if (r.TryKeyword("HEADER"u8))
        {
            text = SectionText.Header;
            if (!r.TryKeyword(".FIELDS"u8)) return true;
            text = r.TryKeyword(".NOT"u8) ? SectionText.HeaderFieldsNot : SectionText.HeaderFields;
            return r.ExpectSpace() && ExpectFields(ref r, out fields);
        }
        if (r.TryKeyword("TEXT"u8)) text = SectionText.Text;
        else if (inPart && r.TryKeyword("MIME"u8)) text = SectionText.Mime; // RFC 3501 §6.4.5: MIME needs a part number
        else return r.Missing("section text");
        return true;
    }

    private static bool ExpectFields(ref GrammarReader r, out IReadOnlyList<byte[]> fields)
    {
        var names = new List<byte[]>();
        fields = names;
        if (!r.ExpectByte((byte)'(', "\"(\"")) return false;
        do
        {
            if (names.Count == ImapLimits.HeaderFieldsMax) return r.Missing($"at most {ImapLimits.HeaderFieldsMax} header names");
            if (!r.ExpectAstring(998, "header name", out var name)) return false;
            names.Add(name);
        }
        while (r.TrySpace());
        return r.ExpectByte((byte)')', "\")\"");
    }

    private static byte[] LabelOf(BodySection section)
    {
        var label = new ArrayBufferWriter<byte>(32);
        var w = new WireWriter(label);
        w.Raw(section.Coding switch
        {
            SectionCoding.Decoded => "BINARY["u8,
            SectionCoding.DecodedSize => "BINARY.SIZE["u8,
            _ => "BODY["u8,
        });
        w.Raw(section.Part);
        if (section.Part.Length > 0 && section.Text != SectionText.Whole) w.Byte((byte)'.');
        w.Raw(section.Text switch
        {
            SectionText.Header => "HEADER"u8,
            SectionText.HeaderFields => "HEADER.FIELDS ("u8,
            SectionText.HeaderFieldsNot => "HEADER.FIELDS.NOT ("u8,
            SectionText.Text => "TEXT"u8,
            SectionText.Mime => "MIME"u8,
            _ => default,
        });
        for (var i = 0; i < section.Fields.Count; i++)
        {
            if (i > 0) w.Space();
            w.Astring(section.Fields[i]);
        }
        if (section.Fields.Count > 0) w.Byte((byte)')');
        w.Byte((byte)']');
        if (section.Offset is { } offset)
        {
            w.Byte((byte)'<');
            w.Number(offset);
            w.Byte((byte)'>');
        }
        w.Commit();
        return label.WrittenSpan.ToArray();
    }
}
