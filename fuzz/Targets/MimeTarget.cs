using System.Text;
using Posthorn.Core;
using Posthorn.Mime;

namespace Posthorn.Fuzz;

/// <summary>A whole message: its structure, envelope, index, preview and search text.</summary>
/// <remarks>
/// Oracles: from a stream that gives pieces of any length it reads as from memory; offsets lie inside the message and inside each other;
/// line counts are those of the octets; each section number leads to its part; stored values are one line.
/// </remarks>
internal sealed class MimeTarget : Target
{
    public override string Name => "mime";

    public override int OctetsMax => 8 * 1024;

    public override (long Fixed, long PerOctet) Memory => (16 * 1024 * 1024, 8 * 1024);

    public override IReadOnlyList<string> Words { get; } =
    [
        "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "--a", "--b", "--", "\r\n--a\r\n", "\r\n--b\r\n", "\r\n--a--\r\n",
        "\r\n--b--\r\n", "Content-Type: multipart/mixed; boundary=a\r\n",
        "Content-Type: multipart/alternative; boundary=\"b\"\r\n", "Content-Type: multipart/digest; boundary=a\r\n",
        "Content-Type: message/rfc822\r\n", "Content-Type: message/global\r\n", "Content-Type: text/rfc822-headers\r\n",
        "Content-Type: message/external-body\r\n",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=a\r\n",
        "Content-Type: message/delivery-status\r\n", "Content-Type: text/html; charset=utf-8\r\n",
        "Content-Type: text/plain; charset=koi8-r; format=flowed\r\n", "Content-Type: image/png; name=x.png\r\n",
        "Content-Disposition: attachment; filename*0*=utf-8''%C3%A9; filename*1=.txt\r\n",
        "Content-Disposition: inline\r\n",
        "; filename*=utf-8''%4", "; name*0=%", "Content-ID: <a@b>\r\n", "Content-Description: x\r\n", "Content-MD5: q\r\n",
        "Content-Language: en, de\r\n", "Content-Location: http://x/\r\n", "Content-Transfer-Encoding: base64\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Transfer-Encoding: x-uuencode\r\n", "Subject: ",
        "From: ", "To: ", "Cc: ", "Bcc: ", "Sender: ", "Reply-To: ", "Date: Tue, 1 Dec 2026 10:00:00 +0100\r\n",
        "Message-ID: <a@b>\r\n", "In-Reply-To: <c@d>\r\n", "References: <e@f> <g@h>\r\n", "Re: ", "Fwd: ", "[list] ",
        "=?utf-8?Q?=C3=A9?=", "=?utf-8?B?w6k=?=", "=?x?q??=", "ann@example.org", "\"A\" <a@b>, ", "<p>", "</p>",
        "<style>", "</style>", "<br>", "&amp;", "&#233;", "<!--", "-->", "<script>", "From x\n", ">From ",
        "\u00EF\u00BB\u00BF", "\0", ": ", " ", "\t", ";", "\"", "(", ")", "=3D", "=\r\n", "w6kK", "begin 644 x\n",
        "\u00FC", "\u00C3\u00A9", "begin:vcard\r\n",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Mime/MessageReader.cs"), new("src/Mime/StructureReader.cs"), new("src/Mime/StructureView.cs"),
        new("src/Mime/StructureWriter.cs"), new("src/Mime/BoundedReader.cs"), new("src/Mime/Feed.cs"),
        new("src/Mime/Packed.cs"), new("src/Mime/PartView.cs"), new("src/Mime/PartDraft.cs"),
        new("src/Mime/EnvelopeView.cs"), new("src/Mime/HeaderIndex.cs"), new("src/Mime/HeaderText.cs"),
        new("src/Mime/HeaderValue.cs"), new("src/Mime/ParameterText.cs"), new("src/Mime/Preview.cs"),
        new("src/Mime/HtmlText.cs"), new("src/Mime/SearchText.cs"), new("src/Mime/BaseSubject.cs"),
        new("src/Mime/MessageIds.cs"), new("src/Mime/Attachments.cs"), new("src/Mime/TextCollector.cs"),
        new("src/Mime/PartContent.cs"), new("src/Mime/TransferEncoding.cs"), new("src/Mime/Charsets.cs"),
        new("src/Mime/DeliveryReportReader.cs"), new("src/Mime/HeaderFields.cs"), new("src/Mime/HeaderScan.cs"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var draw = new Draw(input.Span);
        var summary = MessageReader.Read(input);
        var streamed = Wait(MessageReader.ReadAsync(new PieceStream(input, Piece(input, ref draw))));
        Oracle.Same(summary.Structure, streamed.Structure, "a structure is the same from memory and from a stream");
        Oracle.Same(summary.Envelope, streamed.Envelope, "an envelope is the same from memory and from a stream");
        Oracle.Same(summary.Preview, streamed.Preview, "a preview is the same from memory and from a stream");
        Oracle.Holds(summary.Length == input.Length && streamed.Length == input.Length, "the length is that of the message");
        new MimeInvariants(input).Check(summary);
        Texts(input, ref draw);
    }

    // At most a hundred reads for each input.
    private static int Piece(ReadOnlyMemory<byte> input, ref Draw draw) => 1 + (input.Length / 100) + draw.Below(draw.Below(2) == 0 ? 20 : 5000);

    private static void Texts(ReadOnlyMemory<byte> input, ref Draw draw)
    {
        var text = SearchText.Extract(input);
        var streamed = Wait(SearchText.ExtractAsync(new PieceStream(input, Piece(input, ref draw))));
        Oracle.Same(text.Body, streamed.Body, "the text to search is the same from memory and from a stream");
        Oracle.Same(text.Headers, streamed.Headers, "the headers to search are the same from memory and from a stream");
        Oracle.Holds(text.Body.Length <= MimeLimits.SearchCharsMax, "the text to search is bounded");
        var line = HeaderText.Decode(input.Span[..Math.Min(input.Length, 300)]);
        MessageIds.Parse(input.Span);
        DeliveryStatusNotification.TryRead(input, out _);
        SubmissionHeaders.Read(input.Span);
        Scans(input.Span);
        Contents(input, Piece(input, ref draw));
        // Of characters that nobody sees only those at the beginning are left out, so that taking marks away may uncover some.
        var subject = BaseSubject.Of(string.Concat(line.Where(c => c is >= ' ' and <= '~')));
        Oracle.Same(subject, BaseSubject.Of(subject), "a base subject has itself as its base");
    }

    private static void Scans(ReadOnlySpan<byte> message)
    {
        var received = HeaderScan.CountReceived(message);
        Oracle.Holds(received == HeaderScan.Count(message, "received"u8), "Received fields are counted in one way");
        Oracle.Holds(HeaderScan.CountReceivedBy(message, "mx.example.org") <= received, "a host has not received more than there is");
        Oracle.Holds((received > 0) == HeaderScan.TryFind(message, "Received"u8, out _), "a field that is counted is found");
        var mailboxes = HeaderScan.Mailboxes(message, "to"u8);
        Oracle.Holds(mailboxes.All(m => EmailAddress.TryParse(m.ToString(), out _)), "what a header names are addresses");
        HeaderScan.WasDeliveredTo(message, mailboxes.FirstOrDefault() ?? EmailAddress.Parse("ann@example.org"));
    }

    private static void Contents(ReadOnlyMemory<byte> input, int pieceMax)
    {
        foreach (var encoding in (string[])["base64", "quoted-printable", "x-uuencode", "8bit"])
        {
            using var whole = new MemoryStream();
            using var content = PartContent.Open(new PieceStream(input, pieceMax), encoding);
            content.CopyTo(whole, 1 + pieceMax);
            // MimeKit's reader of uuencoded content finds another beginning when what is no "begin" line is cut in two.
            if (encoding == "x-uuencode") continue;
            var decoded = PartContent.Decode(input.Span, Encoding.ASCII.GetBytes(encoding));
            Oracle.Same(decoded, whole.ToArray(), "content is the same from memory and from a stream");
        }
    }

    // The streams here never wait, so nothing waits for them.
    private static T Wait<T>(ValueTask<T> task)
    {
        Oracle.Holds(task.IsCompleted, "nothing waits on a stream that is in memory");
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Gives a number of octets at a time.</summary>
    private sealed class PieceStream(ReadOnlyMemory<byte> message, int pieceMax) : MemoryStream(message.ToArray(), writable: false)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, pieceMax)]);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(Read(buffer.Span));
    }
}
