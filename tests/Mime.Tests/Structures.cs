using System.Globalization;
using System.Text;
using Xunit;

namespace Posthorn.Mime.Tests;

/// <summary>What every structure must hold whatever the message was, and a readable form of it.</summary>
internal static class Structures
{
    public static byte[] Bytes(string message) => Encoding.Latin1.GetBytes(message);

    public static byte[] CrLf(string message) => Encoding.UTF8.GetBytes(message.ReplaceLineEndings("\r\n"));

    public static string Text(ReadOnlySpan<byte> octets) => Encoding.UTF8.GetString(octets);

    /// <summary>Reads from memory and from a stream, which must agree, and checks the invariants of the room's essay.</summary>
    public static MessageSummary Read(byte[] message)
    {
        var summary = MessageReader.Read(message);
        var streamed = MessageReader.ReadAsync(new DribbleStream(message), TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();
        Assert.Equal(summary.Structure, streamed.Structure);
        Assert.Equal(summary.Envelope, streamed.Envelope);
        Assert.Equal(summary.Preview, streamed.Preview);
        Assert.Equal(message.Length, summary.Length);
        Assert.Equal(message.Length, streamed.Length);
        Check(summary, message);
        return summary;
    }

    public static void Check(MessageSummary summary, byte[] message)
    {
        var view = new StructureView(summary.Structure);
        Assert.Equal(0, view.Root.HeaderStart);
        Assert.Equal(message.Length, view.Root.BodyEnd);
        Part(view.Root, message);
        var last = 0L;
        foreach (var header in view.Headers)
        {
            Assert.True(header.Offset >= last, "header fields stand in order");
            last = header.Offset + header.Length;
            Assert.True(last <= view.Root.BodyStart, "header fields stand in the header");
            if (header.Name.IsEmpty) continue;
            var field = Text(message.AsSpan((int)header.Offset, header.Length));
            Assert.StartsWith(Text(header.Name), field, StringComparison.OrdinalIgnoreCase);
        }
        Envelope(new EnvelopeView(summary.Envelope));
        Assert.True(summary.Preview.Length <= MimeLimits.PreviewCharsMax);
    }

    /// <summary>One line a part: section, type, octets, lines.</summary>
    public static string Outline(MessageSummary summary)
    {
        var text = new StringBuilder();
        Outline(new StructureView(summary.Structure).Root, "", text);
        return text.ToString().TrimEnd('\n');
    }

    public static string Addresses(AddressList list)
    {
        var text = new StringBuilder();
        foreach (var address in list)
        {
            text.Append('(').Append(Show(address.Name)).Append(' ').Append(Show(address.Route)).Append(' ')
                .Append(Show(address.Mailbox)).Append(' ').Append(Show(address.Host)).Append(')');
        }
        return text.ToString();
    }

    private static string Show(PackedText text) => text.IsNil ? "NIL" : "\"" + text.ToString() + "\"";

    private static void Part(PartView part, byte[] message)
    {
        Assert.InRange(part.HeaderStart, 0, message.Length);
        Assert.InRange(part.BodyStart, part.HeaderStart, message.Length);
        Assert.InRange(part.BodyEnd, part.BodyStart, message.Length);
        var body = message.AsSpan((int)part.BodyStart, (int)part.Octets);
        Assert.Equal(body.Count((byte)'\n'), part.Lines);
        Clean(part.Type);
        Clean(part.Subtype);
        Clean(part.Id.Octets);
        Clean(part.Description.Octets);
        Clean(part.Location.Octets);
        foreach (var parameter in part.Parameters) Clean(parameter.Value);
        foreach (var parameter in part.DispositionParameters) Clean(parameter.Value);
        var at = part.BodyStart;
        var count = 0;
        foreach (var child in part)
        {
            count++;
            Assert.True(child.HeaderStart >= at, "children stand in order");
            at = child.BodyEnd;
            Part(child, message);
        }
        Assert.True(at <= part.BodyEnd, "children lie inside their parent");
        if (part.Kind == PartKind.Leaf) Assert.Equal(0, count);
        if (part.Kind == PartKind.Message) Assert.Equal(1, count);
        if (part.Kind == PartKind.Multipart) Assert.True(count > 0, "a multipart has a part");
        if (part.Kind == PartKind.Message) Envelope(part.Envelope);
    }

    private static void Envelope(EnvelopeView envelope)
    {
        Clean(envelope.Date.Octets);
        Clean(envelope.Subject.Octets);
        Clean(envelope.InReplyTo.Octets);
        Clean(envelope.MessageId.Octets);
        List(envelope.From);
        List(envelope.Sender);
        List(envelope.ReplyTo);
        List(envelope.To);
        List(envelope.Cc);
        List(envelope.Bcc);
    }

    private static void List(AddressList list)
    {
        foreach (var address in list)
        {
            Clean(address.Name.Octets);
            Clean(address.Route.Octets);
            Clean(address.Mailbox.Octets);
            Clean(address.Host.Octets);
        }
    }

    private static void Clean(ReadOnlySpan<byte> value) =>
        Assert.True(value.IndexOfAny((byte)'\r', (byte)'\n', (byte)0) < 0, "a stored value is one line");

    private static void Outline(PartView part, string section, StringBuilder text)
    {
        text.Append(section.Length == 0 ? "-" : section).Append(' ').Append(Text(part.Type)).Append('/').Append(Text(part.Subtype)).Append(' ')
            .Append(part.Octets.ToString(CultureInfo.InvariantCulture)).Append(' ').Append(part.Lines).Append('\n');
        var number = 1;
        var prefix = section.Length == 0 ? "" : section + ".";
        foreach (var child in part) Outline(child, prefix + number++.ToString(CultureInfo.InvariantCulture), text);
    }

    /// <summary>Gives a few octets at a time, never the same number twice in a row.</summary>
    private sealed class DribbleStream(byte[] message) : MemoryStream(message, writable: false)
    {
        private int _next = 1;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _next = (_next * 7 % 4093) + 1;
            return base.ReadAsync(buffer[..Math.Min(buffer.Length, _next)], cancellationToken);
        }
    }
}
