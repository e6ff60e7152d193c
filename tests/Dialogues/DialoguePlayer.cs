using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Posthorn.Wire;

namespace Posthorn.Dialogues;

/// <summary>A dialogue went differently.</summary>
public sealed class DialogueException(string message) : Exception(message);

/// <summary>Plays dialogues against a server that somebody else has set up.</summary>
/// <param name="connect">The client's end of a new connection.</param>
/// <param name="direct">Does what an <c>@</c> line says.</param>
/// <param name="literals">The server may send literals (IMAP, ManageSieve).</param>
public sealed partial class DialoguePlayer(
    Func<ValueTask<WireConnection>> connect, Func<DialoguePlayer, Step, ValueTask> direct, bool literals, CancellationToken ct)
{
    private readonly Dictionary<int, WireConnection> _connections = [];
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly StringBuilder _transcript = new();

    public async Task PlayAsync(Dialogue dialogue)
    {
        for (var i = 0; i < dialogue.Steps.Count; i++)
        {
            var step = dialogue.Steps[i];
            try
            {
                if (step.Kind != StepKind.ExpectAnyOrder)
                {
                    await PlayAsync(step);
                    continue;
                }
                var group = new List<Step>();
                for (; i < dialogue.Steps.Count && dialogue.Steps[i].Kind == StepKind.ExpectAnyOrder; i++) group.Add(dialogue.Steps[i]);
                i--;
                await ExpectAnyOrderAsync(group);
            }
            catch (DialogueException e)
            {
                throw new DialogueException($"{dialogue.Name}.dlg:{step.Line} ({dialogue.Section}): {e.Message}\n{_transcript}");
            }
        }
    }

    public async ValueTask<WireConnection> ConnectionAsync(int number)
    {
        if (_connections.TryGetValue(number, out var connection)) return connection;
        return _connections[number] = await connect();
    }

    public async ValueTask SendAsync(int connection, ReadOnlyMemory<byte> octets)
    {
        var to = await ConnectionAsync(connection);
        await to.Output.WriteAsync(octets, ct);
    }

    /// <summary>One line of the server, literals inside of it, or null at the end.</summary>
    public async ValueTask<string?> ReadAsync(int connection)
    {
        var from = await ConnectionAsync(connection);
        var text = new StringBuilder();
        while (true)
        {
            var line = await from.Reader.ReadLineAsync(ct);
            if (!line.Ok) return null;
            text.Append(Encoding.UTF8.GetString(line.Line));
            var literal = literals ? LiteralEnd().Match(text.ToString()) : Match.Empty;
            if (!literal.Success) break;
            var octets = new byte[int.Parse(literal.Groups[1].ValueSpan, CultureInfo.InvariantCulture)];
            if (await from.Reader.ReadExactAsync(octets, ct) != ReadStatus.Ok) return null;
            text.Append("\\r\\n").Append(Encoding.UTF8.GetString(octets).Replace("\r\n", "\\r\\n"));
        }
        _transcript.Append('S').Append(connection).Append(": ").Append(text).Append('\n');
        return text.ToString();
    }

    private async ValueTask PlayAsync(Step step)
    {
        switch (step.Kind)
        {
            case StepKind.Send:
                await SendAsync(step);
                break;
            case StepKind.Expect:
                var line = await ReadAsync(step.Connection)
                    ?? throw new DialogueException($"the connection ended where this should come: {step.Text}");
                if (!TryMatch(step.Text, line)) throw new DialogueException($"expected {step.Text}\nbut came {line}");
                break;
            case StepKind.ExpectUpTo:
                while (true)
                {
                    var next = await ReadAsync(step.Connection) ?? throw new DialogueException($"the connection ended before {step.Text}");
                    if (TryMatch(step.Text, next)) break;
                }
                break;
            case StepKind.ExpectClose:
                if (await ReadAsync(step.Connection) is { } more) throw new DialogueException($"expected the end, but came {more}");
                break;
            default:
                await direct(this, step);
                break;
        }
    }

    private async ValueTask SendAsync(Step step)
    {
        var line = Substitute(step.Text);
        var waits = line.EndsWith("{%}", StringComparison.Ordinal);
        if (step.Block is { } block)
        {
            line = line.Replace("{%", "{" + block.Length.ToString(CultureInfo.InvariantCulture));
        }
        _transcript.Append('C').Append(step.Connection).Append(": ").Append(line).Append('\n');
        await SendAsync(step.Connection, Encoding.UTF8.GetBytes(line + "\r\n"));
        if (step.Block is null) return;
        if (waits && await ReadAsync(step.Connection) is var goAhead && goAhead?.StartsWith('+') != true)
            throw new DialogueException($"expected the go-ahead for a literal, but came {goAhead}");
        await SendAsync(step.Connection, step.Block);
        await SendAsync(step.Connection, "\r\n"u8.ToArray());
    }

    private async ValueTask ExpectAnyOrderAsync(List<Step> group)
    {
        while (group.Count > 0)
        {
            var line = await ReadAsync(group[0].Connection) ?? throw new DialogueException("the connection ended");
            var at = group.FindIndex(step => TryMatch(step.Text, line));
            if (at < 0) throw new DialogueException($"none of the lines expected here is {line}");
            group.RemoveAt(at);
        }
    }

    private string Substitute(string text) => Placeholder().Replace(text, match => _values.GetValueOrDefault(match.Groups[1].Value, match.Value));

    private bool TryMatch(string pattern, string line)
    {
        var regex = new StringBuilder("^");
        var names = new List<string>();
        var end = 0;
        foreach (Match match in Placeholder().Matches(pattern))
        {
            regex.Append(Regex.Escape(pattern[end..match.Index]));
            end = match.Index + match.Length;
            var name = match.Groups[1].Value;
            if (name.Length == 0) regex.Append(".*?");
            else if (_values.TryGetValue(name, out var value)) regex.Append(Regex.Escape(value));
            else
            {
                regex.Append("(.+?)");
                names.Add(name);
            }
        }
        regex.Append(Regex.Escape(pattern[end..])).Append('$');
        var found = Regex.Match(line, regex.ToString(), RegexOptions.Singleline);
        if (!found.Success) return false;
        for (var i = 0; i < names.Count; i++) _values[names[i]] = found.Groups[i + 1].Value;
        return true;
    }

    [GeneratedRegex(@"\$\{(\w*)\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\{(\d+)\}$")]
    private static partial Regex LiteralEnd();
}
