using System.Text;

namespace Posthorn.Dialogues;

/// <summary>What one line of a dialogue asks for.</summary>
public enum StepKind
{
    /// <summary><c>C: text</c>: the client sends the line and CRLF.</summary>
    Send,

    /// <summary><c>S: pattern</c>: the server's next line.</summary>
    Expect,

    /// <summary><c>S&amp; pattern</c>: one of the server's next lines; those that stand together match in any order.</summary>
    ExpectAnyOrder,

    /// <summary><c>S&gt; pattern</c>: whatever the server says, up to a line that matches.</summary>
    ExpectUpTo,

    /// <summary><c>S.</c>: the server closes the connection.</summary>
    ExpectClose,

    /// <summary><c>@ words</c>: something that the host of the dialogues knows how to do.</summary>
    Directive,
}

/// <param name="Connection">From 1: <c>C2:</c> and <c>S2:</c> are those of the second client.</param>
/// <param name="Block">The octets of a literal, from the <c>|</c> lines behind a <c>C:</c> or <c>@</c> line; null when there are none.</param>
public sealed record Step(StepKind Kind, int Connection, string Text, byte[]? Block, int Line);

/// <summary>A conversation as a text file: what the client says, what the server must answer. See the files for the form.</summary>
/// <remarks>
/// <c>#</c> begins a comment; the first one says which RFC section is shown. In patterns <c>${name}</c> matches some text and
/// remembers it, or, when it is known already, stands for it, in <c>C:</c> lines too; <c>${}</c> matches any text.
/// <c>{%}</c> in a <c>C:</c> line is the size of the block behind it, which is sent after the server's
/// go-ahead; with <c>{%+}</c> at once. A literal of the server is shown in its line, its CRLF as <c>\r\n</c>.
/// </remarks>
public sealed record Dialogue(string Name, string Section, IReadOnlyList<Step> Steps)
{
    public static Dialogue Parse(string name, string text)
    {
        var steps = new List<Step>();
        var section = "";
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.TrimEnd('\r');
            if (line.Length == 0) continue;
            if (line[0] == '#')
            {
                if (section.Length == 0) section = line[1..].Trim();
            }
            else if (line[0] == '|')
            {
                var content = line.Length > 1 && line[1] == ' ' ? line[2..] : line[1..];
                var last = steps[^1];
                steps[^1] = last with { Block = [.. last.Block ?? [], .. Encoding.UTF8.GetBytes(content), (byte)'\r', (byte)'\n'] };
            }
            else
            {
                steps.Add(ParseStep(name, line, number));
            }
        }
        if (section.Length == 0) throw new FormatException($"{name}: the first line must say which RFC section it shows");
        return new Dialogue(name, section, steps);
    }

    public static IReadOnlyList<Dialogue> ReadFolder(string protocol)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, protocol);
        return [.. System.IO.Directory.GetFiles(folder, "*.dlg").Order(StringComparer.Ordinal)
            .Select(file => Parse(Path.GetFileNameWithoutExtension(file), File.ReadAllText(file)))];
    }

    private static Step ParseStep(string name, string line, int number)
    {
        if (line[0] == '@') return new Step(StepKind.Directive, 1, line[1..].Trim(), null, number);
        var at = 1;
        while (at < line.Length && char.IsAsciiDigit(line[at])) at++;
        var connection = at > 1 ? int.Parse(line.AsSpan(1, at - 1), System.Globalization.CultureInfo.InvariantCulture) : 1;
        var text = line.Length > at + 1 ? line[(at + (line[at + 1] == ' ' ? 2 : 1))..] : "";
        var kind = (line[0], at < line.Length ? line[at] : ' ') switch
        {
            ('C', ':') => StepKind.Send,
            ('S', ':') => StepKind.Expect,
            ('S', '&') => StepKind.ExpectAnyOrder,
            ('S', '>') => StepKind.ExpectUpTo,
            ('S', '.') => StepKind.ExpectClose,
            _ => throw new FormatException($"{name}:{number}: a line begins with C: S: S& S> S. @ | or #"),
        };
        return new Step(kind, connection, text, null, number);
    }
}
