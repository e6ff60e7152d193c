using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Imap;

/// <summary>BODY and BODYSTRUCTURE (RFC 9051 §7.5.2) from the stored form. Mime bounds the depth, so the recursion is bounded.</summary>
internal static class StructureWriter
{
    /// <param name="extended">BODYSTRUCTURE: with extension data.</param>
    public static void Write(ref WireWriter w, scoped PartView part, bool extended)
    {
        w.Byte((byte)'(');
        if (part.Kind == PartKind.Multipart) Multipart(ref w, part, extended);
        else Single(ref w, part, extended);
        w.Byte((byte)')');
    }

    // body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
    private static void Multipart(ref WireWriter w, scoped PartView part, bool extended)
    {
        foreach (var child in part) Write(ref w, child, extended);
        w.Space();
        w.UpperString(part.Subtype);
        if (!extended) return;
        w.Space();
        Parameters(ref w, part.Parameters);
        Tail(ref w, part);
    }

    // body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
    private static void Single(ref WireWriter w, scoped PartView part, bool extended)
    {
        if (part.IsOpaqueMessage)
        {
            w.Raw("\"APPLICATION\" \"OCTET-STREAM\""u8);
        }
        else
        {
            w.UpperString(part.Type);
            w.Space();
            w.UpperString(part.Subtype);
        }
        w.Space();
        Parameters(ref w, part.Parameters);
        w.Space();
        w.NString(part.Id);
        w.Space();
        w.NString(part.Description);
        w.Space();
        w.UpperString(part.Encoding);
        w.Space();
        w.Number(part.Octets);
        if (part.Kind == PartKind.Message)
        {
            w.Space();
            EnvelopeWriter.Write(ref w, part.Envelope);
            w.Space();
            Write(ref w, part.FirstChild, extended);
        }
        if (part.Kind == PartKind.Message || part.Type.SequenceEqual("text"u8))
        {
            w.Space();
            w.Number(part.Lines);
        }
        if (!extended) return;
        w.Space();
        w.NString(part.Md5);
        Tail(ref w, part);
    }

    // SP body-fld-dsp SP body-fld-lang SP body-fld-loc
    private static void Tail(ref WireWriter w, scoped PartView part)
    {
        w.Space();
        if (part.Disposition.IsNil)
        {
            w.Nil();
        }
        else
        {
            w.Byte((byte)'(');
            w.UpperString(part.Disposition.Octets);
            w.Space();
            Parameters(ref w, part.DispositionParameters);
            w.Byte((byte)')');
        }
        w.Space();
        Languages(ref w, part.Languages);
        w.Space();
        w.NString(part.Location);
    }

    private static void Parameters(ref WireWriter w, scoped ParameterList parameters)
    {
        if (parameters.IsEmpty)
        {
            w.Nil();
            return;
        }
        var first = true;
        foreach (var parameter in parameters)
        {
            w.Byte(first ? (byte)'(' : (byte)' ');
            w.UpperString(parameter.Name);
            w.Space();
            w.String(parameter.Value);
            first = false;
        }
        w.Byte((byte)')');
    }

    // body-fld-lang = nstring / "(" astring *(SP astring) ")"
    private static void Languages(ref WireWriter w, scoped TextList languages)
    {
        if (languages.IsEmpty)
        {
            w.Nil();
            return;
        }
        var first = true;
        foreach (var language in languages)
        {
            w.Byte(first ? (byte)'(' : (byte)' ');
            w.String(language.Octets);
            first = false;
        }
        w.Byte((byte)')');
    }
}
