using System.Text;

namespace Posthorn.Fuzz;

// The fuzz targets: one for each grammar that a stranger writes in. A target takes any octets, gives them to a parser, and checks
// what comes out by an oracle: what was parsed and written again parses to the same, a slow reference agrees, the limits hold.
//
// The engine (Engine/) mutates inputs and keeps those that reach code which none reached before, all in this process: SharpFuzz has
// instrumented a copy of the rooms' assemblies, the targets run there thousands of times a second. fuzz/run starts it.
//
// What an input must never do: make a target throw, take long, or take much memory. A target holds no state between two inputs, and draws
// no random numbers but from the input, so that an input alone repeats a finding.

/// <summary>One grammar under test.</summary>
internal abstract class Target
{
    public static readonly IReadOnlyList<Target> All =
    [
        new AddressTarget(), new BimiTarget(), new ConfigTarget(), new DkimTarget(), new DmarcTarget(), new FeedbackTarget(), new ImapTarget(),
        new MimeTarget(), new NextTarget(), new PasskeyTarget(), new Pop3Target(), new ReportTarget(), new ScramTarget(), new SmtpTarget(),
        new SpfTarget(), new StsTarget(), new ZoneTarget(),
    ];

    /// <summary>The folder of its seeds, and what it is called on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Words of the grammar, in Latin-1, that chance alone would not find.</summary>
    public abstract IReadOnlyList<string> Words { get; }

    /// <summary>The parser whose lines the seeds must reach.</summary>
    public abstract IReadOnlyList<ParserSource> Parser { get; }

    /// <summary>Inputs do not grow beyond this; seeds may be longer.</summary>
    public virtual int OctetsMax => 4 * 1024;

    /// <summary>What one input may allocate, to begin with and for each of its octets.</summary>
    public virtual (long Fixed, long PerOctet) Memory => (2 * 1024 * 1024, 20 * 1024);

    /// <summary>Parses an input and checks the outcome.</summary>
    /// <exception cref="OracleException">The outcome is wrong.</exception>
    public abstract void Run(ReadOnlyMemory<byte> input);

    /// <summary>The seeds of this target by name, in order.</summary>
    public IEnumerable<(string Name, byte[] Octets)> Seeds(string folder) =>
        System.IO.Directory.Exists(Path.Combine(folder, Name))
            ? System.IO.Directory.EnumerateFiles(Path.Combine(folder, Name)).Order(StringComparer.Ordinal)
                .Select(f => (Path.GetFileName(f), File.ReadAllBytes(f)))
            : [];
}

/// <summary>Files of a parser, relative to the root, with one <c>*</c> in the file's name at most.</summary>
/// <param name="Files">For example <c>src/Imap/Grammar/*.cs</c>.</param>
/// <param name="Methods">First words of the names of the methods that parse; empty for all methods of the files.</param>
internal sealed record ParserSource(string Files, params string[] Methods);

/// <summary>An oracle does not agree with what a parser made of an input.</summary>
internal sealed class OracleException(string message) : Exception(message);

/// <summary>What oracles say.</summary>
internal static class Oracle
{
    public static void Holds(bool condition, string sentence)
    {
        if (!condition) throw new OracleException(sentence);
    }

    /// <param name="sentence">Names the rule; where the values part is added for the reader.</param>
    public static void Same(string expected, string actual, string sentence)
    {
        if (expected == actual) return;
        var at = expected.AsSpan().CommonPrefixLength(actual);
        var from = Math.Max(0, at - 40);
        throw new OracleException(
            $"{sentence}\n  from character {at} of {expected.Length} and {actual.Length}:\n  {Around(expected)}\n  {Around(actual)}");

        string Around(string text) => Shown(text[from..Math.Min(text.Length, at + 200)]);
    }

    public static void Same(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string sentence)
    {
        if (!expected.SequenceEqual(actual)) Same(Encoding.Latin1.GetString(expected), Encoding.Latin1.GetString(actual), sentence);
    }

    /// <summary>On one line, whatever stands in it.</summary>
    public static string Shown(string text)
    {
        var shown = new StringBuilder();
        foreach (var c in text.Length > 2000 ? text[..2000] + "…" : text)
        {
            if (c is < ' ' or '\\' or (> '~' and < '\u00A0') || char.IsSurrogate(c)) shown.Append(@$"\u{(int)c:X4}");
            else shown.Append(c);
        }
        return shown.ToString();
    }
}

/// <summary>Random numbers that an input decides, for oracles that need a few.</summary>
internal struct Draw
{
    private ulong _state;

    public Draw(ReadOnlySpan<byte> input)
    {
        _state = 14695981039346656037;
        foreach (var b in input) _state = (_state ^ b) * 1099511628211;
    }

    /// <summary>From 0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound)
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (int)(_state % (ulong)bound);
    }
}
