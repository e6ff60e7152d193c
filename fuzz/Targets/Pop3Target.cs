using System.Buffers;
using System.Text;
using Posthorn.Core;
using Posthorn.Pop3;

namespace Posthorn.Fuzz;

/// <summary>One command line of POP3 without its ending, and a message on its way to the client.</summary>
/// <remarks>
/// Oracles: cut in two anywhere a line parses the same; what was parsed is written and parses to the same; a message is stuffed with dots, and cut
/// behind the lines of TOP, as a slow reference does it, wherever input and output are cut; the surrogate of a header is ASCII, and itself when it
/// was ASCII before.
/// </remarks>
internal sealed class Pop3Target : Target
{
    public override string Name => "pop3";

    public override IReadOnlyList<string> Words { get; } =
    [
        .. Verb.Table.Select(v => v.Name + " "), "ann@example.org", "correct horse", "1", "2147483647", "2147483648", "PLAIN ", "LOGIN", "=",
        "AGFubgBzZWNyZXQ=", "en-GB", "*", " ", "\r\n", "\n", "\r", ".", "..", "\r\n.", "\n.", "\r\n\r\n", "\n\n", "\0", "Subject: ", "From: ", "To: ",
        "Content-Type: text/plain; name=", "X: ", "\u00C3\u00A9", "\u00E9", "<a@b>", ", ", "; ", ":", "\"", "\\", "(", ")", "<", ">",
        "plain text that is longer than a vector of the machine is wide, so that it goes through in one\r\n",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Pop3/Grammar/*.cs"), new("src/Pop3/Session/Verb.cs", "Try"), new("src/Pop3/Message/DotStuffer.cs"),
        new("src/Pop3/Message/TopCut.cs"), new("src/Pop3/Message/SurrogateHeader.cs"), new("src/Pop3/Commands/*Command.cs", "TryParse"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var draw = new Draw(input.Span);
        var whole = Parse(new ReadOnlySequence<byte>(input), out var command);
        Oracle.Same(whole, Parse(Cuts.InTwo(input, draw.Below(input.Length + 1)), out _), "a command in two segments parses as in one");
        if (command is not null)
        {
            var again = Parse(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(whole)), out _);
            Oracle.Same(whole, again, "a command that is written again parses to the same");
        }
        Stuffing(input.Span, ref draw);
        Top(input.Span, draw.Below(4), ref draw);
        Surrogate(input.Span);
    }

    // As Pop3Session does it. The text is the command as a client would write it, or what was wrong with it.
    private static string Parse(in ReadOnlySequence<byte> line, out Command? command)
    {
        command = null;
        var r = new GrammarReader(line);
        if (!Verb.TryRead(ref r, out var verb)) return "unknown";
        if (verb.Parse(ref r, out command))
        {
            Oracle.Holds(r.End, "a command that parses is read to its end");
            return verb.Name + Arguments(command);
        }
        command = null;
        var fault = r.Fault ?? throw new OracleException("what does not parse has a fault");
        Oracle.Holds(fault.At >= 0 && fault.At <= line.Length, "a fault lies inside the line");
        return fault.ToString();
    }

    private static string Arguments(Command command) => command switch
    {
        UserCommand user => " " + user.Name,
        PassCommand pass => " " + Encoding.UTF8.GetString(pass.Password),
        AuthCommand { Mechanism: { } name } auth => $" {name}" + (auth.Initial is { } initial ? " " + Encoding.ASCII.GetString(initial) : ""),
        LangCommand { Range: { } range } => " " + range,
        ListCommand { Number: { } number } => $" {number}",
        UidlCommand { Number: { } number } => $" {number}",
        RetrCommand retr => $" {retr.Number}",
        DeleCommand dele => $" {dele.Number}",
        TopCommand top => $" {top.Number} {top.Lines}",
        _ => "",
    };

    private static void Stuffing(ReadOnlySpan<byte> input, ref Draw draw)
    {
        var stuffer = default(DotStuffer);
        var output = new List<byte>();
        var room = new byte[97];
        var rest = input;
        while (!rest.IsEmpty)
        {
            var piece = rest[..Math.Min(rest.Length, 1 + draw.Below(draw.Below(3) == 0 ? 8 : 300))];
            var space = room.AsSpan(0, 2 + draw.Below(room.Length - 1));
            stuffer.Encode(piece, space, out var consumed, out var written);
            Oracle.Holds(consumed > 0, "a stuffer with input and room goes on");
            output.AddRange(space[..written]);
            rest = rest[consumed..];
        }
        Oracle.Same(Stuffed(input), output.ToArray(), "a message is stuffed as the reference does it");
        Oracle.Holds(stuffer.InLine == (!input.IsEmpty && input[^1] != '\n'), "a message that ends inside a line is known to");
    }

    // RFC 1939 §3: line by line.
    private static byte[] Stuffed(ReadOnlySpan<byte> input)
    {
        var octets = new List<byte>();
        while (!input.IsEmpty)
        {
            var end = input.IndexOf((byte)'\n');
            var line = end < 0 ? input : input[..end];
            if (line is [(byte)'.', ..]) octets.Add((byte)'.');
            octets.AddRange(line is [.., (byte)'\r'] && end >= 0 ? line[..^1] : line);
            if (end < 0) break;
            octets.AddRange("\r\n"u8);
            input = input[(end + 1)..];
        }
        return [.. octets];
    }

    private static void Top(ReadOnlySpan<byte> input, int lines, ref Draw draw)
    {
        var cut = new TopCut(lines);
        var taken = 0;
        while (taken < input.Length && !cut.Ended)
        {
            var piece = input.Slice(taken, Math.Min(input.Length - taken, 1 + draw.Below(40)));
            var some = cut.Take(piece);
            Oracle.Holds(some == piece.Length || cut.Ended, "only the end of the answer leaves octets behind");
            taken += some;
        }
        Oracle.Holds(taken == TopLength(input, lines), "the top of a message ends where the reference ends it");
    }

    private static int TopLength(ReadOnlySpan<byte> input, int lines)
    {
        var (at, left) = (0, -1);
        while (left != 0)
        {
            var end = input[at..].IndexOf((byte)'\n');
            if (end < 0) return input.Length;
            var line = input.Slice(at, end);
            at += end + 1;
            if (left > 0) left--;
            else if (line is [] or [(byte)'\r']) left = lines;
        }
        return at;
    }

    private static void Surrogate(ReadOnlySpan<byte> input)
    {
        var header = input[..SurrogateHeader.LengthOf(input)];
        var output = new ArrayBufferWriter<byte>();
        SurrogateHeader.Write(header, output);
        Oracle.Holds(Ascii.IsValid(output.WrittenSpan), "a surrogate is ASCII");
        if (Ascii.IsValid(header)) Oracle.Same(header, output.WrittenSpan, "a header in ASCII is its own surrogate");
        var again = new ArrayBufferWriter<byte>();
        SurrogateHeader.Write(output.WrittenSpan, again);
        Oracle.Same(output.WrittenSpan, again.WrittenSpan, "a surrogate is its own surrogate");
        if (header.EndsWith("\r\n\r\n"u8)) Oracle.Holds(output.WrittenSpan.EndsWith("\r\n"u8), "a header still ends with its empty line");
    }
}
