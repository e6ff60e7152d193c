using System.Globalization;
using System.Text;

namespace Posthorn.Imap.Tests;

/// <summary>One command of a script with what is expected of its replies.</summary>
/// <param name="Connection">From 1.</param>
/// <param name="Status">ok, no, bad; empty when either will do.</param>
/// <param name="Code">What the tagged reply says behind its status; empty for anything.</param>
internal sealed record ScriptCommand(int Connection, string Status, string Command, string Code, List<string> Untagged, List<string> Forbidden);

/// <summary>A script in imaptest's format: a header, then commands with their replies.</summary>
internal sealed record ImapTestScript(string Name, int Connections, string State, string Messages, string Mbox, List<ScriptCommand> Commands)
{
    public static ImapTestScript Read(string folder, string name)
    {
        var lines = File.ReadAllText(Path.Combine(folder, name), Encoding.Latin1).Split('\n').ToList();
        var header = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var at = 0;
        for (; at < lines.Count && lines[at].Contains(':') && !lines[at].StartsWith('#'); at++)
        {
            var parts = lines[at].Split(':', 2);
            header[parts[0].Trim()] = parts[1].Trim();
        }
        var connections = int.Parse(header.GetValueOrDefault("connections", "1"), CultureInfo.InvariantCulture);
        var mbox = Path.Combine(folder, name + ".mbox");
        if (!File.Exists(mbox)) mbox = Path.Combine(folder, "default.mbox");
        return new ImapTestScript(
            name, connections, header.GetValueOrDefault("state", "selected"), header.GetValueOrDefault("messages", "0"),
            mbox, ReadCommands(JoinLiterals(lines[at..]), connections));
    }

    /// <summary>The messages of an mbox file with their line ends as CRLF, and when they came by their "From " lines, as APPEND has it.</summary>
    public static List<(string Text, string Date)> ReadMbox(string path)
    {
        var messages = new List<(string, string)>();
        StringBuilder? message = null;
        var date = "";
        foreach (var line in File.ReadAllText(path, Encoding.Latin1).Split('\n'))
        {
            if (line.StartsWith("From ", StringComparison.Ordinal))
            {
                if (message is not null) messages.Add((message.ToString(), date));
                message = new StringBuilder();
                date = DateOf(line);
            }
            else message?.Append(line).Append("\r\n");
        }
        // The file's own last line end is none of the message.
        if (message is not null) messages.Add((message.ToString()[..^2], date));
        return messages;
    }

    // From user@domain  Fri Feb 22 17:06:23 2008
    private static string DateOf(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var text = string.Join(' ', words.TakeLast(4));
        return DateTime.TryParseExact(text, "MMM d HH:mm:ss yyyy", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)
            ? date.ToString("'\"'dd-MMM-yyyy HH:mm:ss '+0000\" '", CultureInfo.InvariantCulture)
            : "";
    }

    // {{{ … }}} over several lines becomes a literal in one; its last line end belongs to the marker.
    private static List<string> JoinLiterals(List<string> lines)
    {
        var joined = new List<string>();
        StringBuilder? open = null;
        var head = "";
        foreach (var line in lines)
        {
            if (open is null && !line.EndsWith("{{{", StringComparison.Ordinal))
            {
                joined.Add(line);
                continue;
            }
            // Behind a tilde the lines are octets; else their ends stand for CRLF.
            var lineEnd = head.EndsWith('~') ? "\n" : "\r\n";
            if (open is null)
            {
                open = new StringBuilder();
                head = line[..^3];
                continue;
            }
            if (!line.StartsWith("}}}", StringComparison.Ordinal))
            {
                open.Append(line).Append(lineEnd);
                continue;
            }
            var text = open.Length > 0 ? open.ToString()[..^lineEnd.Length] : "";
            var whole = $"{head}{{{text.Length}}}\r\n{text}";
            var rest = line[3..];
            if (rest.EndsWith("{{{", StringComparison.Ordinal))
            {
                head = whole + rest[..^3];
                open = new StringBuilder();
                continue;
            }
            joined.Add(whole + rest);
            open = null;
        }
        return joined;
    }

    private static List<ScriptCommand> ReadCommands(List<string> lines, int connections)
    {
        var commands = new List<ScriptCommand>();
        foreach (var line in lines)
        {
            if (line.Length == 0 || line[0] == '#') continue;
            if (line[0] is '*' or '!')
            {
                (line[0] == '*' ? commands[^1].Untagged : commands[^1].Forbidden).Add(line[1..].TrimStart());
                continue;
            }
            var connection = 1;
            var rest = line;
            if (connections > 1)
            {
                var space = line.IndexOf(' ', StringComparison.Ordinal);
                connection = int.Parse(line.AsSpan(0, space), CultureInfo.InvariantCulture);
                rest = line[(space + 1)..];
            }
            var word = rest.Split(' ')[0];
            var isStatus = word is "ok" or "no" or "bad" or "\"\"";
            var tail = isStatus ? rest[word.Length..].TrimStart() : rest;
            // A command without a status before it has its tagged reply behind the untagged ones.
            if (isStatus && commands.Count > 0 && commands[^1].Status == "?" && commands[^1].Connection == connection)
            {
                commands[^1] = commands[^1] with { Status = word, Code = tail };
                continue;
            }
            commands.Add(new ScriptCommand(connection, isStatus ? word.Trim('"') : "?", tail, "", [], []));
        }
        return commands;
    }
}
