using System.Text;

namespace Posthorn.Mime.Tests.Hostile;

/// <summary>Messages that nobody should send, each with what it must come out as (see Structures.Outline).</summary>
internal static class HostileMessages
{
    /// <summary>Small ones. No outline: only the invariants must hold.</summary>
    public static readonly (string Name, string Message, string Outline)[] Small =
    [
        ("empty", "", "- text/plain 0 0"),
        ("one line end", "\r\n", "- text/plain 0 0"),
        ("only a line feed", "\n", "- text/plain 0 0"),
        ("only a carriage return", "\r", "- text/plain 0 0"),
        ("byte order mark", "\u00EF\u00BB\u00BFSubject: x\r\n\r\nhi\r\n", "- text/plain 4 1"),
        ("half a byte order mark", "\u00EF\u00BB", "- text/plain 2 0"),
        ("no header", "just text\nwithout a header\n", "- text/plain 27 2"),
        ("header without body", "Subject: x\r\n", "- text/plain 0 0"),
        ("header without line end", "Subject: x", "- text/plain 0 0"),
        ("no empty line", "Subject: x\r\nHello there", "- text/plain 0 0"),
        ("missing final newline", "Subject: x\r\n\r\na\r\nb", "- text/plain 4 1"),
        ("bare line feeds", "Subject: x\n\na\nb\n", "- text/plain 4 2"),
        ("bare carriage returns", "Subject: x\r\n\r\na\rb\r\r\n", "- text/plain 6 1"),
        ("mixed line ends", "A: b\nC: d\r\n\r\nx\ny\r\n", "- text/plain 5 2"),
        ("nul in body", "A: b\r\n\r\nx\0y\r\n", "- text/plain 5 1"),
        ("nul in a name", "A: b\r\nX\0Y: c\r\nContent-Type: text/html\r\n\r\nx", "- text/html 1 0"),
        ("nul in a type", "Content-Type: te\0xt/html\r\n\r\nx", ""),
        ("eight bits in a name", "A: b\r\n\u00FC: c\r\nSubject: x\r\n\r\nx", "- text/plain 1 0"),
        ("mbox line first", "From ann Tue Nov  3\nSubject: x\n\nbody\n", "- text/plain 5 1"),
        ("boundary without start", Multi("x", "no boundary here\r\n"), "- text/plain 18 1"),
        ("boundary without end", Multi("x", "--x\r\n\r\na\r\n--x\r\n\r\nb\r\n"), "- multipart/mixed 20 6\n1 text/plain 1 0\n2 text/plain 3 1"),
        ("no boundary parameter", "Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\na\r\n", "- text/plain 10 3"),
        ("empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\na\r\n----\r\n", ""),
        ("end only", Multi("x", "--x--\r\n"), "- text/plain 7 1"),
        ("text after boundary", Multi("x", "--xy\r\n\r\na\r\n--x\r\n\r\nb\r\n--x--\r\n"), "- multipart/mixed 28 7\n1 text/plain 1 0"),
        ("space after boundary", Multi("x", "--x \t\r\n\r\na\r\n--x-- \r\n"), "- multipart/mixed 20 4\n1 text/plain 1 0"),
        ("prefix boundaries",
            Multi("a", "--a\r\nContent-Type: multipart/mixed; boundary=aa\r\n\r\n--aa\r\n\r\n1\r\n--aa--\r\n--a\r\n\r\n2\r\n--a--\r\n"),
            "- multipart/mixed 87 11\n1 multipart/mixed 17 3\n1.1 text/plain 1 0\n2 text/plain 1 0"),
        ("same boundary twice",
            Multi("a", "--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n1\r\n--a--\r\n--a\r\n\r\n2\r\n--a--\r\n"), ""),
        ("parent ends in child", Multi("p", "--p\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n1\r\n--p--\r\n"),
            "- multipart/mixed 67 7\n1 multipart/mixed 8 2\n1.1 text/plain 1 0"),
        ("boundary in header", Multi("x", "--x\r\nContent-Type: text/html\r\n--x\r\n\r\nb\r\n--x--\r\n"),
            "- multipart/mixed 47 6\n1 text/html 0 0\n2 text/plain 1 0"),
        ("empty part", Multi("x", "--x\r\n\r\n--x--\r\n"), "- multipart/mixed 14 3\n1 text/plain 0 0"),
        ("empty message part", Multi("x", "--x\r\nContent-Type: message/rfc822\r\n\r\n--x--\r\n"),
            "- multipart/mixed 44 4\n1 message/rfc822 0 0\n1.1 text/plain 0 0"),
        ("message part of a header", Multi("x", "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\n--x--\r\n"),
            "- multipart/mixed 58 6\n1 message/rfc822 14 2\n1.1 text/plain 0 0"),
        ("message part cut", Multi("x", "--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: y"), ""),
        ("encoded message", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0K\r\n", "- message/rfc822 18 1"),
        ("message at the top", "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz\r\n", "- message/rfc822 17 3\n1 text/plain 3 1"),
        ("external body",
            Multi("x", "--x\r\nContent-Type: message/external-body; access-type=x\r\n\r\nContent-Type: text/plain\r\n\r\nq\r\n--x--\r\n"),
            "- multipart/mixed 97 7\n1 message/external-body 29 2"),
        ("digest", "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: y\r\n\r\nz\r\n--x--\r\n",
            "- multipart/digest 31 6\n1 message/rfc822 15 2\n1.1 text/plain 1 0"),
        ("unclosed quote", "Content-Type: text/html; charset=\"utf-8\r\nFrom: \"Ann <a@b>\r\n\r\nx", "- text/html 1 0"),
        ("unclosed comment", "Content-Type: text/html (oh\r\nFrom: Ann (x <a@b>\r\n\r\nx", ""),
        ("two types", "Content-Type: text/html\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", "- text/html 5 1"),
        ("nonsense type", "Content-Type: ;;; / =\r\n\r\nx", ""),
        ("folded to nothing", "Subject:\r\n \r\n\t\r\n\r\nx", "- text/plain 1 0"),
        ("colons only", ":\r\n::\r\n\r\nx", ""),
        ("continuation first", " x: y\r\nA: b\r\n\r\nz", ""),
        ("dashes", Multi("-", "---\r\n\r\na\r\n-----\r\n"), ""),
    ];

    /// <summary>Multiparts one in another.</summary>
    public static byte[] NestedMultiparts(int depth)
    {
        var text = new StringBuilder("Subject: nest\r\n");
        for (var i = 0; i < depth; i++) text.Append($"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n");
        text.Append("\r\ninnermost\r\n");
        for (var i = depth - 1; i >= 0; i--) text.Append("--b").Append(i).Append("--\r\n");
        return Structures.Bytes(text.ToString());
    }

    /// <summary>Messages one in another.</summary>
    public static byte[] NestedMessages(int depth) =>
        Structures.Bytes(string.Concat(Enumerable.Repeat("Content-Type: message/rfc822\r\n\r\n", depth)) + "Subject: in\r\n\r\nx\r\n");

    /// <summary>Very many parts of nearly nothing.</summary>
    public static byte[] ManyParts(int count) =>
        Structures.Bytes(Multi("x", string.Concat(Enumerable.Repeat("--x\r\n\r\na\r\n", count)) + "--x--\r\n"));

    public static byte[] LongField(int octets) =>
        Structures.Bytes("A: b\r\nX-Long: " + new string('x', octets) + "\r\nSubject: after\r\n\r\nbody\r\n");

    public static byte[] LongFoldedField(int octets) =>
        Structures.Bytes("A: b\r\nTo: " + string.Concat(Enumerable.Repeat("a@b,\r\n ", octets / 7)) + "\r\n\r\nbody\r\n");

    public static byte[] ManyFields(int count) => Structures.Bytes(string.Concat(Enumerable.Repeat("a:\n", count)) + "\nbody\n");

    /// <summary>Header values that make a careless parser look ahead again and again.</summary>
    public static byte[] Repeated(string field, string piece, int octets) =>
        Structures.Bytes(field + ": " + string.Concat(Enumerable.Repeat(piece, octets / piece.Length)) + "\r\n\r\nbody\r\n");

    /// <summary>Every line looks like a boundary of each of a hundred open parts until its last octets.</summary>
    public static byte[] NearBoundaries(int octets)
    {
        var stem = new string('b', 60);
        var text = new StringBuilder();
        for (var i = 10; i < 109; i++)
        {
            text.Append($"Content-Type: multipart/mixed; boundary={stem}{i % 100}\r\n\r\n--{stem}{i % 100}\r\n");
        }
        text.Append("\r\n");
        var line = "--" + stem + "xx\r\n";
        while (text.Length < octets) text.Append(line);
        return Structures.Bytes(text.ToString());
    }

    private static string Multi(string boundary, string body) => "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" + body;
}
