using System.Buffers;
using System.Text;

namespace Posthorn.Core;

/// <summary>What a peer's line lacked, and where.</summary>
/// <param name="Expected">The grammar's own word for what was missing.</param>
/// <param name="At">Octets from the start of what was parsed.</param>
public readonly record struct SyntaxFault(string Expected, long At)
{
    public override string ToString() => $"expected {Expected} at octet {At}";
}

/// <summary>Reads one command as grammar elements: bytes in, nothing copied, nothing thrown.</summary>
/// <remarks>
/// Two moods, as every grammar has. <c>Try…</c> leaves the reader where it was when the element is not there. <c>Expect…</c>
/// does the same and remembers the first thing that was missing, so that a parse is one chain of <c>&amp;&amp;</c> that reads like
/// its ABNF, and the caller asks for <see cref="Fault"/> once at the end.
/// </remarks>
public ref struct GrammarReader(ReadOnlySequence<byte> line)
{
    private SequenceReader<byte> _reader = new(line);

    public GrammarReader(ReadOnlyMemory<byte> line)
        : this(new ReadOnlySequence<byte>(line))
    {
    }

    /// <summary>The first thing that an <c>Expect…</c> missed.</summary>
    public SyntaxFault? Fault { get; private set; }

    /// <summary>The peer has agreed to UTF-8 where the protocol was ASCII: a grammar that knows two forms of a text reads this one.</summary>
    public bool Utf8 { get; init; }

    public readonly bool End => _reader.End;

    /// <summary>Octets read so far.</summary>
    public readonly long Consumed => _reader.Consumed;

    public readonly ReadOnlySequence<byte> Unread => _reader.UnreadSequence;

    public readonly bool TryPeek(out byte value) => _reader.TryPeek(out value);

    public bool TryByte(byte value) => _reader.IsNext(value, advancePast: true);

    public bool ExpectByte(byte value, string name) => TryByte(value) || Missing(name);

    public bool TrySpace() => TryByte((byte)' ');

    public bool ExpectSpace() => TrySpace() || Missing("SP");

    public bool ExpectEnd() => _reader.End || Missing("end of line");

    /// <param name="upper">Upper-case ASCII; the line may use either case. It need not end at a word boundary.</param>
    public bool TryKeyword(scoped ReadOnlySpan<byte> upper)
    {
        var mark = _reader;
        foreach (var letter in upper)
        {
            if (!_reader.TryRead(out var b) || ByteClass.Upper(b) != letter)
            {
                _reader = mark;
                return false;
            }
        }
        return true;
    }

    public bool ExpectKeyword(scoped ReadOnlySpan<byte> upper) => TryKeyword(upper) || Missing(Encoding.ASCII.GetString(upper));

    /// <summary>One or more bytes of a class, as a slice of the line.
    /// False, and nothing read, when there is none or more than <paramref name="max"/>.</summary>
    public bool TryRun(SearchValues<byte> allowed, int max, out ReadOnlySequence<byte> run)
    {
        var mark = _reader;
        var start = _reader.UnreadSequence;
        var length = 0L;
        while (!_reader.End)
        {
            var span = _reader.UnreadSpan;
            var stop = span.IndexOfAnyExcept(allowed);
            var take = stop < 0 ? span.Length : stop;
            length += take;
            _reader.Advance(take);
            if (stop >= 0 || length > max) break;
        }
        if (length == 0 || length > max)
        {
            _reader = mark;
            run = default;
            return false;
        }
        run = start.Slice(0, length);
        return true;
    }

    public bool ExpectRun(SearchValues<byte> allowed, int max, string name, out ReadOnlySequence<byte> run) =>
        TryRun(allowed, max, out run) || Missing(name);

    /// <summary>As <see cref="TryRun"/>, decoded as ASCII.</summary>
    public bool TryText(SearchValues<byte> allowed, int max, out string text)
    {
        text = "";
        if (!TryRun(allowed, max, out var run)) return false;
        text = Encoding.ASCII.GetString(run);
        return true;
    }

    public bool ExpectText(SearchValues<byte> allowed, int max, string name, out string text) =>
        TryText(allowed, max, out text) || Missing(name);

    /// <summary>1*DIGIT up to <paramref name="max"/>; leading zeros are read (RFC 9051 number).</summary>
    public bool TryNumber(ulong max, out ulong number)
    {
        var mark = _reader;
        number = 0;
        var any = false;
        while (_reader.TryPeek(out var b) && b is >= (byte)'0' and <= (byte)'9')
        {
            var digit = (ulong)(b - '0');
            if (number > (max - digit) / 10)
            {
                _reader = mark;
                number = 0;
                return false;
            }
            number = (number * 10) + digit;
            any = true;
            _reader.Advance(1);
        }
        return any;
    }

    public bool ExpectNumber(ulong max, string name, out ulong number) => TryNumber(max, out number) || Missing(name);

    /// <summary>Skips octets that a caller has already looked at in <see cref="Unread"/>.</summary>
    public void Advance(long count) => _reader.Advance(count);

    /// <summary>Remembers the first fault and is false, to end a chain of <c>&amp;&amp;</c>.</summary>
    public bool Missing(string name)
    {
        Fault ??= new SyntaxFault(name, _reader.Consumed);
        return false;
    }

    /// <summary>Goes back to where a copy of this reader stood, for grammars that need more than one step of looking ahead.</summary>
    public void Restore(scoped in GrammarReader mark) => _reader = mark._reader;
}
