using System.Globalization;
using System.Text;
using Posthorn.Mime;

namespace Posthorn.Fuzz;

/// <summary>What holds for every stored structure and envelope, whatever the message was.</summary>
internal sealed class MimeInvariants(ReadOnlyMemory<byte> message)
{
    public void Check(MessageSummary summary)
    {
        var view = new StructureView(summary.Structure);
        Oracle.Holds(view.Root.HeaderStart == 0, "the root begins with the message");
        Oracle.Holds(view.Root.BodyEnd == message.Length, "the root ends with the message");
        Part(view.Root, 0);
        Sections(view, view.Root, "", 0);
        Index(view);
        Envelope(new EnvelopeView(summary.Envelope));
        Oracle.Holds(summary.Preview.Length <= MimeLimits.PreviewCharsMax, "a preview is short");
        Oracle.Holds(summary.References.Count <= MimeLimits.ReferencesMax, "references are bounded");
        Oracle.Holds(summary.References.Distinct(StringComparer.Ordinal).Count() == summary.References.Count, "each reference stands once");
    }

    private void Index(StructureView view)
    {
        var last = 0L;
        foreach (var header in view.Headers)
        {
            Oracle.Holds(header.Offset >= last, "header fields stand in order");
            last = header.Offset + header.Length;
            Oracle.Holds(last <= view.Root.BodyStart, "header fields stand in the header");
            var name = message.Span.Slice((int)header.Offset, header.Name.Length);
            Oracle.Holds(Ascii.EqualsIgnoreCase(name, header.Name) || name.SequenceEqual(header.Name), "a header field begins with its name");
            if (!header.Name.IsEmpty) Oracle.Holds(view.Headers.TryFind(header.Name, out _), "a header field is found by its name");
        }
    }

    private void Part(PartView part, int depth)
    {
        Oracle.Holds(depth <= MimeLimits.DepthMax + 1, "parts do not lie too deep");
        Oracle.Holds(part.HeaderStart >= 0 && part.HeaderLength >= 0 && part.Octets >= 0, "a part begins before it ends");
        Oracle.Holds(part.BodyEnd <= message.Length, "a part lies in the message");
        var body = message.Span.Slice((int)part.BodyStart, (int)part.Octets);
        Oracle.Holds(part.Lines == body.Count((byte)'\n'), "the lines of a part are counted");
        OneLine(part.Type);
        OneLine(part.Subtype);
        OneLine(part.Encoding);
        OneLine(part.Id.Octets);
        OneLine(part.Description.Octets);
        OneLine(part.Md5.Octets);
        OneLine(part.Location.Octets);
        OneLine(part.Disposition.Octets);
        foreach (var language in part.Languages) OneLine(language.Octets);
        Parameters(part.Parameters);
        Parameters(part.DispositionParameters);
        PartContent.FileName(part);
        PartContent.Decode(body, part.Encoding);
        Children(part, depth);
        if (part.Kind == PartKind.Message) Envelope(part.Envelope);
    }

    private void Children(PartView part, int depth)
    {
        var at = part.BodyStart;
        var count = 0;
        foreach (var child in part)
        {
            count++;
            Oracle.Holds(child.HeaderStart >= at, "children stand in order");
            at = child.BodyEnd;
            Part(child, depth + 1);
        }
        Oracle.Holds(at <= part.BodyEnd, "children lie inside their parent");
        var right = part.Kind switch { PartKind.Leaf => count == 0, PartKind.Message => count == 1, _ => count > 0 };
        Oracle.Holds(right, "a leaf has no child, a message one, a multipart some");
    }

    // RFC 9051 §6.4.5.1: every number that a client can make of the structure leads to its part.
    private static void Sections(StructureView view, PartView part, string prefix, int depth)
    {
        if (depth > 20) return;
        // A message that is no multipart has its body as part 1, also when that is a message itself.
        if (prefix.Length == 0 && part.Kind == PartKind.Message) prefix = "1";
        var number = 0;
        foreach (var child in part)
        {
            number++;
            if (number > 20) return;
            // The numbers inside an enclosed message count the parts of that message; its own body is not a part beside them.
            var inner = part.Kind == PartKind.Message;
            if (inner && child.Kind == PartKind.Multipart)
            {
                Sections(view, child, prefix, depth + 1);
                continue;
            }
            var section = prefix.Length == 0 ? number.ToString(CultureInfo.InvariantCulture) : $"{prefix}.{number}";
            Oracle.Holds(view.TryFind(Encoding.ASCII.GetBytes(section), out var found), "a section is found by its number");
            Oracle.Holds(found.HeaderStart == child.HeaderStart && found.BodyEnd == child.BodyEnd, "a section number leads to its part");
            Sections(view, child, section, depth + 1);
        }
    }

    private static void Parameters(ParameterList parameters)
    {
        foreach (var parameter in parameters)
        {
            OneLine(parameter.Name);
            OneLine(parameter.Value);
            Oracle.Holds(parameters.TryFind(parameter.Name, out _), "a parameter is found by its name");
        }
    }

    private static void Envelope(EnvelopeView envelope)
    {
        OneLine(envelope.Date.Octets);
        OneLine(envelope.Subject.Octets);
        OneLine(envelope.InReplyTo.Octets);
        OneLine(envelope.MessageId.Octets);
        List(envelope.From);
        List(envelope.WrittenSender);
        List(envelope.WrittenReplyTo);
        List(envelope.To);
        List(envelope.Cc);
        List(envelope.Bcc);
    }

    private static void List(AddressList list)
    {
        foreach (var address in list)
        {
            OneLine(address.Name.Octets);
            OneLine(address.Route.Octets);
            OneLine(address.Mailbox.Octets);
            OneLine(address.Host.Octets);
        }
    }

    private static void OneLine(ReadOnlySpan<byte> value) =>
        Oracle.Holds(value.IndexOfAny((byte)'\r', (byte)'\n', (byte)0) < 0, "a stored value is one line");
}
