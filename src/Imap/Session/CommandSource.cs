using System.Buffers;
using System.Text;
using Posthorn.Core;
using Posthorn.Wire;

namespace Posthorn.Imap;

/// <summary>One complete command, or why there is none.</summary>
/// <param name="Status">Ok with a refusal in <paramref name="Refusal"/> means that the input is at the next command.</param>
/// <param name="Text">From the tag to the end, literals in place. Valid until the next read.</param>
internal readonly record struct CommandRead(ReadStatus Status, ReadOnlySequence<byte> Text, string Tag, Reply Refusal)
{
    public bool Ok => Status == ReadStatus.Ok && Refusal.Text is null;

    public static CommandRead Complete(ReadOnlySequence<byte> text) => new(ReadStatus.Ok, text, "", default);

    public static CommandRead Refused(string tag, Reply reply) => new(ReadStatus.Ok, default, tag, reply);

    public static CommandRead Ended(ReadStatus status) => new(status, default, "", default);
}

/// <summary>Reads commands: lines and the literals between them (RFC 3501 §4.3, RFC 7888).</summary>
/// <remarks>
/// A command without literals is parsed where it lies in the pipe. One with literals is gathered in a buffer that lives as long as
/// the command. The octets of a refused literal never stay anywhere.
/// </remarks>
internal sealed class CommandSource(ImapSession session)
{
    private ArrayBufferWriter<byte>? _text;

    private CommandReader Reader => session.Connection.Reader;

    public async ValueTask<CommandRead> ReadAsync()
    {
        _text = null;
        var line = session.Watch is { } watch && !Reader.HasLine
            ? await watch.ReadLineAsync(idle: false, session.Connection.Closed)
            : await Reader.ReadLineAsync();
        if (!line.Ok) return Failed(line);
        if (Check(line.Line) is { } fault) return CommandRead.Refused(TagOf(line.Line), fault);
        if (!TryLiteral(line.Line, out var literal)) return CommandRead.Complete(line.Line);
        _text = new ArrayBufferWriter<byte>(1024);
        while (true)
        {
            Append(_text, line.Line);
            var refusal = await TakeAsync(_text, literal);
            if (refusal is { } read) return read;
            line = await Reader.ReadLineAsync();
            if (!line.Ok) return Failed(line);
            if (Check(line.Line) is { } wrong) return CommandRead.Refused(TagOf(new(_text.WrittenMemory)), wrong);
            if (_text.WrittenCount + line.Line.Length > ImapLimits.CommandOctetsMax)
                return CommandRead.Refused(TagOf(new(_text.WrittenMemory)), TooLong);
            if (TryLiteral(line.Line, out literal)) continue;
            Append(_text, line.Line);
            return CommandRead.Complete(new ReadOnlySequence<byte>(_text.WrittenMemory));
        }
    }

    private static Reply TooLong => Reply.Bad("the command is too long", "TOOBIG");

    // NUL is no CHAR (RFC 3501 §9), and it is how a staged literal is marked.
    private static Reply? Check(in ReadOnlySequence<byte> line) =>
        line.PositionOf(ImapGrammar.StagedMark) is null ? null : Reply.Bad("a command cannot hold NUL");

    private static CommandRead Failed(in CommandLine line) => line.Status == ReadStatus.TooLong
        ? CommandRead.Refused(TagOf(line.Line), TooLong)
        : CommandRead.Ended(line.Status);

    private static string TagOf(in ReadOnlySequence<byte> text)
    {
        var r = new GrammarReader(text);
        return r.ExpectTag(out var tag) && r.TrySpace() ? tag : "*";
    }

    // A line that ends in "{n}" or "{n+}" announces a literal: no command ends so.
    private static bool TryLiteral(in ReadOnlySequence<byte> line, out Literal literal)
    {
        literal = default;
        if (line.Length < 3) return false;
        var tail = line.Slice(Math.Max(0, line.Length - 24));
        Span<byte> octets = stackalloc byte[(int)tail.Length];
        tail.CopyTo(octets);
        if (octets[^1] != '}') return false;
        var open = octets.LastIndexOf((byte)'{');
        if (open < 0) return false;
        var digits = octets[(open + 1)..^1];
        var plus = !digits.IsEmpty && digits[^1] == '+';
        if (plus) digits = digits[..^1];
        if (digits.IsEmpty || digits.Length > 18 || digits.ContainsAnyExcept(ByteClass.Digit)) return false;
        var length = 0L;
        foreach (var digit in digits) length = (length * 10) + (digit - '0');
        literal = new Literal(length, plus, octets.Length - open);
        return true;
    }

    private static void Append(ArrayBufferWriter<byte> text, in ReadOnlySequence<byte> line)
    {
        foreach (var segment in line) text.Write(segment.Span);
    }

    /// <summary>Takes one literal in. Null when the command goes on.</summary>
    private async ValueTask<CommandRead?> TakeAsync(ArrayBufferWriter<byte> text, Literal literal)
    {
        var before = text.WrittenMemory[..^literal.HeadOctets];
        if (before.Span is [.., (byte)'~']) before = before[..^1]; // literal8 (RFC 3516 §7)
        var isMessage = AppendGrammar.IsMessageNext(before, session.Has(Extensions.Utf8Names), out var incoming);
        var room = ImapLimits.CommandOctetsMax - text.WrittenCount;
        var inMemory = literal.Octets <= Math.Min(InlineMax, room);
        var refusal = literal.NonSynchronizing && literal.Octets > ImapLimits.LiteralMinusOctetsMax && session.Server.Settings.LiteralMinus
            ? Reply.Bad("a literal of this size waits for the go-ahead", "TOOBIG")
            : isMessage ? await session.Incoming.ConsiderAsync(session, incoming, literal.Octets, session.Connection.Closed)
            : inMemory ? null
            : TooLong;
        if (refusal is { } reply) return await RefuseAsync(new(text.WrittenMemory), literal, reply);
        if (!literal.NonSynchronizing && !await GoAheadAsync()) return CommandRead.Ended(ReadStatus.Closed);
        ReadStatus status;
        if (inMemory)
        {
            text.Write("\r\n"u8);
            var length = (int)literal.Octets;
            status = await Reader.ReadExactAsync(text.GetMemory(Math.Max(1, length))[..length]);
            text.Advance(length);
        }
        else
        {
            status = await session.Incoming.StageAsync(session, literal.Octets, session.Connection.Closed);
            var kept = text.WrittenMemory[..^literal.HeadOctets].ToArray();
            text.Clear();
            text.Write(kept);
            text.Write([ImapGrammar.StagedMark, (byte)(session.Incoming.Count - 1)]); // behind the tilde of a literal8
        }
        return status == ReadStatus.Ok ? null : CommandRead.Ended(status);
    }

    // Before log-in a literal is a name or a password.
    private int InlineMax => session.Identity is null ? ImapLimits.CredentialOctetsMax : ImapLimits.InlineLiteralOctetsMax;

    private async ValueTask<bool> GoAheadAsync()
    {
        var w = session.Connection.Write();
        w.Raw("+ go ahead\r\n"u8);
        w.Commit();
        return await session.Connection.FlushAsync();
    }

    // RFC 7888 §4: the octets that come unasked are read and thrown away, and the command with them. A client that waits is told at once.
    private async ValueTask<CommandRead> RefuseAsync(ReadOnlySequence<byte> text, Literal literal, Reply reply)
    {
        var tag = TagOf(text);
        var left = ImapLimits.DiscardOctetsMax;
        while (literal.NonSynchronizing)
        {
            left -= literal.Octets;
            if (left < 0) return CommandRead.Refused(tag, reply with { Status = ReplyStatus.No, Closes = true });
            var status = await Reader.DiscardAsync(literal.Octets);
            if (status != ReadStatus.Ok) return CommandRead.Ended(status);
            var line = await Reader.ReadLineAsync();
            if (!line.Ok && line.Status != ReadStatus.TooLong) return CommandRead.Ended(line.Status);
            if (!TryLiteral(line.Line, out literal)) break;
        }
        return CommandRead.Refused(tag, reply);
    }

    /// <param name="HeadOctets">Octets of <c>{n+}</c> at the end of its line.</param>
    private readonly record struct Literal(long Octets, bool NonSynchronizing, int HeadOctets);
}
