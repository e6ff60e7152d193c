using System.Buffers;
using System.Globalization;
using System.Text;
using Posthorn.Core;
using Posthorn.Delivery;
using Posthorn.Smtp;

namespace Posthorn.Fuzz;

/// <summary>One command line of SMTP without its ending, and the octets behind DATA.</summary>
/// <remarks>
/// Oracles: cut in two anywhere a line parses the same; what was parsed is written and parses to the same; the decoder of messages, which goes
/// through them in vectors, agrees with one that goes octet by octet, wherever input and output are cut.
/// </remarks>
internal sealed class SmtpTarget : Target
{
    public override string Name => "smtp";

    public override IReadOnlyList<string> Words { get; } =
    [
        .. Verb.Table.Select(v => v.Name + " "), "MAIL FROM:<", "RCPT TO:<", ">", "<>", "FROM:", "TO:",
        "<ann@example.org>", "<postmaster>", "<\"a b\"@example.org>", "@a.example,@b.example:", "ann@[127.0.0.1]",
        "[IPv6:::1]", "mx.example.org", " SIZE=1000", " BODY=8BITMIME", " BODY=7BIT", " BODY=BINARYMIME", "LAST", "ADDR=", "IPV6:", "[UNAVAILABLE]",
        " SMTPUTF8", " AUTH=<>",
        " AUTH=ann+2Bx@example.org", " RET=HDRS", " ENVID=x", " NOTIFY=NEVER", " ORCPT=rfc822;x", "=",
        " NOTIFY=SUCCESS,DELAY", " ORCPT=utf-8;", "\\x{EB}", "+2B",
        " RET=FULL", " REQUIRETLS", " HOLDFOR=60", " HOLDUNTIL=2030-01-02T03:04:05Z", " BY=120;R", " BY=-60;NT", " MT-PRIORITY=-3",
         " ", "PLAIN ",
        "LOGIN", "AGFubgBzZWNyZXQ=", "\u00C3\u00A9", "b\u00C3\u00BCcher.example", "\"", "\\", "\t", "\r\n.\r\n",
        "\r\n..\r\n", "\r\n.", "\n.\n", "\r.\r", "\r\n", "\n", "\r", ".", "..", "\0",
        "plain text that is longer than a vector of the machine is wide, so that it goes through in one\r\n",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Smtp/Grammar/*.cs"), new("src/Smtp/Session/Verb.cs", "Try"), new("src/Smtp/Commands/DataDecoder.cs"),
        new("src/Smtp/Commands/*Command.cs", "TryParse", "TryParameter"),
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
        Data(input.Span, ref draw);
    }

    // As SmtpSession does it. The text is the command as a client would write it, or what was wrong with it.
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
        EhloCommand ehlo => " " + ehlo.Name,
        MailCommand mail => $" FROM:{Path(mail.From)}{Options(mail.Options)}{Unknown(mail.Options.Unknown)}",
        RcptCommand rcpt => $" TO:{Path(rcpt.To)}{Options(rcpt.Options)}{Unknown(rcpt.Options.Unknown)}",
        AuthCommand auth => " " + auth.Mechanism + (auth.Initial is { } initial ? " " + Encoding.ASCII.GetString(initial) : ""),
        VrfyCommand vrfy => " " + vrfy.Text,
        XclientCommand xclient => xclient.Remote is { } remote ? $" ADDR={remote}" : " NAME=x",
        BdatCommand bdat => string.Create(CultureInfo.InvariantCulture, $" {bdat.SizeOctets}{(bdat.IsLast ? " LAST" : "")}"),
        _ => "",
    };

    private static string Options(MailOptions o)
    {
        var text = new StringBuilder();
        if (o.SizeOctets > 0) text.Append(CultureInfo.InvariantCulture, $" SIZE={o.SizeOctets}");
        if (o.Utf8) text.Append(" SMTPUTF8");
        if (o.Parameters.Body == BodyType.BinaryMime) text.Append(" BODY=BINARYMIME");
        if (o.Parameters.Return != DsnReturn.Undeclared) text.Append(o.Parameters.Return == DsnReturn.Full ? " RET=FULL" : " RET=HDRS");
        if (o.Parameters.EnvelopeId is { } id) text.Append(" ENVID=").Append(Xtext.Encode(id));
        if (o.Parameters.RequireTls) text.Append(" REQUIRETLS");
        if (o.HoldFor is { } time) text.Append(CultureInfo.InvariantCulture, $" HOLDFOR={time.TotalSeconds}");
        if (o.HoldUntil is { } until) text.Append(CultureInfo.InvariantCulture, $" HOLDUNTIL={until:yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'}");
        if (o.ByTime is { } by)
            text.Append(CultureInfo.InvariantCulture, $" BY={by.TotalSeconds};").Append(o.ByReturns ? 'R' : 'N').Append(o.ByTrace ? "T" : "");
        if (o.Priority != 0) text.Append(CultureInfo.InvariantCulture, $" MT-PRIORITY={o.Priority}");
        return text.ToString();
    }

    private static string Options(RcptOptions o)
    {
        var text = new StringBuilder();
        if (o.Parameters.Notify != DsnNotify.Undeclared)
            text.Append(" NOTIFY=").Append(o.Parameters.Notify.ToString().ToUpperInvariant().Replace(", ", ",", StringComparison.Ordinal));
        if (o.Parameters.OriginalRecipient is not { } original) return text.ToString();
        var end = original.IndexOf(';', StringComparison.Ordinal);
        var (type, address) = (original[..end], original[(end + 1)..]);
        var isUtf8 = type.Equals("utf-8", StringComparison.OrdinalIgnoreCase);
        return text.Append(" ORCPT=").Append(type).Append(';').Append(isUtf8 ? Xtext.EncodeUtf8(address) : Xtext.Encode(address)).ToString();
    }

    private static string Unknown(string? keyword) => keyword is null ? "" : " " + keyword;

    private static string Path(SmtpPath path)
    {
        if (path.Form == PathForm.Mailbox) return Mailbox(path);
        Oracle.Holds(path.Address is null, "only a mailbox has an address");
        return path.Form switch { PathForm.Null => "<>", PathForm.Postmaster => "<postmaster>", _ => path.Utf8 ? "<\u00E9@[x]>" : "<x@[x]>" };
    }

    private static string Mailbox(SmtpPath path)
    {
        var address = path.Address ?? throw new OracleException("a mailbox has an address");
        Oracle.Holds(path.Utf8 || address.IsAscii, "a local part beyond ASCII was written beyond ASCII");
        // A domain in U-labels is kept in A-labels; which it was is part of the command.
        return path.Utf8 && address.IsAscii ? $"<{address.ToString()[..^address.Domain.Ascii.Length]}{address.Domain.Unicode}>" : $"<{address}>";
    }

    private static void Data(ReadOnlySpan<byte> input, ref Draw draw)
    {
        var (expected, ended, fault, left) = Reference(input);
        var decoder = default(DataDecoder);
        var output = new List<byte>();
        var room = new byte[97];
        var rest = input;
        while (!rest.IsEmpty && !decoder.Ended)
        {
            var piece = rest[..Math.Min(rest.Length, 1 + draw.Below(draw.Below(3) == 0 ? 8 : 300))];
            var space = room.AsSpan(0, 1 + draw.Below(room.Length));
            decoder.Decode(piece, space, out var consumed, out var written);
            Oracle.Holds(consumed > 0, "a decoder with input and room goes on");
            output.AddRange(space[..written]);
            rest = rest[consumed..];
        }
        Oracle.Holds(decoder.Ended == ended, "a message ends where the reference ends it");
        Oracle.Same(expected, output.ToArray(), "a message is decoded as the reference decodes it");
        Oracle.Holds(decoder.Fault == fault, "the first fault is the one that the reference sees");
        Oracle.Holds(rest.Length == left, "nothing behind the end of a message is read");
    }

    // RFC 5321 §4.1.1.4, §4.5.2: lines end in CRLF and in nothing else, the one of a dot ends the message, others lose the dot they begin with.
    private static (byte[] Octets, bool Ended, DataFault Fault, int Left) Reference(ReadOnlySpan<byte> input)
    {
        var octets = new List<byte>();
        var at = 0;
        while (true)
        {
            var length = input[at..].IndexOf("\r\n"u8);
            var line = length < 0 ? input[at..] : input.Slice(at, length);
            if (length == 1 && line[0] == '.') return ([.. octets], true, FirstFault(input[..(at + 3)]), input.Length - at - 3);
            // A CR behind the dot waits for what follows, and goes with it: the message has a fault then.
            octets.AddRange(line is [(byte)'.', (byte)'\r', ..] ? line[2..] : line is [(byte)'.', ..] ? line[1..] : line);
            if (length < 0) return ([.. octets], false, FirstFault(input), 0);
            octets.AddRange("\r\n"u8);
            at += length + 2;
        }
    }

    private static DataFault FirstFault(ReadOnlySpan<byte> input)
    {
        var previous = (byte)'\n';
        foreach (var octet in input)
        {
            if (previous == '\r' && octet != '\n') return DataFault.BareCr;
            if (octet == '\n' && previous != '\r') return DataFault.BareLf;
            if (octet == 0) return DataFault.Nul;
            previous = octet;
        }
        return DataFault.None;
    }
}
