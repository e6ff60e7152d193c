using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Posthorn.Imap.Tests;

/// <summary>One of the clients of <see cref="StressTests"/>.</summary>
/// <param name="enables">What ENABLE switches on; empty for nothing.</param>
internal sealed partial class StressClient(TestClient client, int number, int seed, string enables = "")
{
    private const string Mailbox = "INBOX";
    private const string Other = "Other";

    private readonly Random _random = new(seed);
    private readonly MailboxModel _model = new();
    private readonly StringBuilder _transcript = new();
    private int _sent;

    public Task OtherMailboxAsync(CancellationToken ct) => client.OkAsync($"CREATE {Other}", ct);

    public async Task RunAsync(int commands, CancellationToken ct)
    {
        try
        {
            await SelectAsync(ct);
            for (var i = 0; i < commands; i++) await StepAsync(ct);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"client {number}: {e.Message}\n{Tail()}", e);
        }
        catch (OperationCanceledException e)
        {
            throw new InvalidOperationException($"client {number} waits\n{Tail()}", e);
        }
    }

    public async Task SelectAsync(CancellationToken ct)
    {
        _model.Clear();
        if (enables.Length > 0) await RunAsync(["ENABLE " + enables], ct, required: true);
        _model.Enabled = enables;
        await RunAsync([$"SELECT {Mailbox}"], ct);
    }

    /// <summary>What the client believes when it has heard all news; then it asks, and must hear the same.</summary>
    public async Task<string> StateAsync(CancellationToken ct)
    {
        await RunAsync(["NOOP"], ct);
        var believed = _model.Flags;
        var all = _model.UidOnly ? "UID FETCH 1:* (FLAGS)" : _model.CondStore ? "FETCH 1:* (UID FLAGS MODSEQ)" : "FETCH 1:* (UID FLAGS)";
        await RunAsync([all], ct, required: _model.UidOnly || _model.Count > 0);
        for (var i = 0; i < believed.Count; i++)
        {
            if (believed[i] is { } flags && flags != _model.Flags[i])
                throw new InvalidOperationException($"client {number}: flags of {i + 1} were {flags} and are {_model.Flags[i]}, untold\n{Tail()}");
        }
        var messages = _model.Uids.Zip(_model.Flags).OrderBy(message => message.First);
        return string.Join('\n', messages.Select(message => $"{message.First} ({message.Second})"));
    }

    private async Task StepAsync(CancellationToken ct)
    {
        switch (_random.Next(12))
        {
            case 0:
                await AppendAsync(ct);
                break;
            case 1:
                await IdleAsync(ct);
                break;
            case 2:
                await RunAsync([.. Enumerable.Range(0, _random.Next(2, 6)).Select(_ => Steady())], ct);
                break;
            case 3 when _random.Next(6) == 0:
                _model.Clear();
                await RunAsync([$"{Pick("SELECT", "EXAMINE")} {Mailbox}", $"SELECT {Mailbox}"], ct);
                break;
            default:
                await RunAsync([Any()], ct);
                break;
        }
    }

    // Commands that do not move numbers, so that they can stand in one pipe.
    private string Steady() => _model.UidOnly ? ByUid() : _random.Next(6) switch
    {
        0 => $"FETCH {Set()} (UID FLAGS)",
        1 => $"STORE {Set()} {Pick("+", "-", "")}FLAGS{Pick("", ".SILENT")} ({Flag()})",
        2 => $"SEARCH {Pick("SEEN", "DELETED", "KEYWORD work", "OR FLAGGED UNSEEN")}",
        3 => $"FETCH {Set()} (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
        4 when _model.CondStore => _random.Next(3) switch
        {
            0 => $"FETCH {Set()} (UID FLAGS) (CHANGEDSINCE {_random.Next(1, 500)})",
            1 => $"STORE {Set()} (UNCHANGEDSINCE {_random.Next(1, 500)}) {Pick("+", "-", "")}FLAGS{Pick("", ".SILENT")} ({Flag()})",
            _ => $"SEARCH MODSEQ {_random.Next(1, 500)}",
        },
        _ => $"FETCH {Set()} UID",
    };

    // What a client without message numbers says.
    private string ByUid() => _random.Next(7) switch
    {
        0 => $"UID FETCH {UidSet()} (FLAGS)",
        1 => $"UID FETCH {UidSet()} (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])",
        2 => $"UID FETCH 1:* (FLAGS) (PARTIAL -1:-{_random.Next(1, 9)})",
        3 => $"UID STORE {UidSet()} {Pick("+", "-", "")}FLAGS ({Flag()})",
        4 => $"UID SORT ({Pick("SUBJECT", "REVERSE DATE", "SIZE FROM")}) UTF-8 ALL",
        5 => $"UID SEARCH RETURN ({Pick("SAVE", "SAVE COUNT", "PARTIAL 1:3", "MIN MAX")}) {Pick("ALL", "UNSEEN", "$")}",
        _ => "UID FETCH $ (FLAGS)",
    };

    private string Any() => _model.UidOnly ? Pick("EXPUNGE", $"UID EXPUNGE {UidSet()}", "NOOP", $"UID MOVE {UidSet()} {Other}", ByUid())
        : _random.Next(15) switch
        {
            12 => $"{Pick("", "UID ")}SORT (REVERSE SUBJECT) UTF-8 {Pick("ALL", "UNSEEN")}",
            13 => $"{Pick("", "UID ")}THREAD {Pick("REFERENCES", "ORDEREDSUBJECT")} UTF-8 ALL",
            14 => $"UID SEARCH RETURN (SAVE) {Pick("ALL", "UNSEEN", "FLAGGED")}",
            0 => "EXPUNGE",
            1 => $"UID EXPUNGE {UidSet()}",
            2 => "NOOP",
            3 => $"COPY {Set()} {Pick(Mailbox, Other, Other)}",
            4 => $"MOVE {Set()} {Pick(Mailbox, Other)}",
            5 => $"UID STORE {UidSet()} {Pick("+", "-")}FLAGS ({Flag()})",
            6 => $"UID FETCH {UidSet()} (FLAGS)",
            7 => $"UID SEARCH {Pick("ALL", "UNDELETED", "KEYWORD work")}",
            8 => $"UID COPY {UidSet()} {Other}",
            9 => $"FETCH {Set()} (UID FLAGS BODY[TEXT])",
            _ => Steady(),
        };

    private string Flag() => Pick("\\Seen", "\\Deleted", "\\Flagged", "work", "\\Seen \\Deleted", "$Label1 \\Answered");

    private string Set()
    {
        if (_model.Count == 0) return "1";
        var first = _random.Next(1, _model.Count + 1);
        var last = Math.Min(_model.Count, first + _random.Next(0, 6));
        return first == last ? first.ToString(CultureInfo.InvariantCulture) : $"{first}:{last}";
    }

    private string UidSet()
    {
        var known = _model.Uids.Where(uid => uid > 0).ToList();
        return known.Count == 0 ? "1:*" : $"{known[_random.Next(known.Count)]}:{known[_random.Next(known.Count)]}";
    }

    private string Pick(params string[] choices) => choices[_random.Next(choices.Length)];

    private async Task AppendAsync(CancellationToken ct)
    {
        var message = $"From: c{number}@example.org\r\nSubject: m{number}.{++_sent}\r\n\r\n{new string('x', _random.Next(1, 200))}\r\n";
        var tag = client.NextTag();
        await SendAsync($"{tag} APPEND {Mailbox} {Pick("", "(\\Seen) ", "(work) ")}{{{message.Length}+}}\r\n{message}\r\n", ct);
        await ReadAsync(tag, mayExpunge: true, required: true, ct);
    }

    private async Task IdleAsync(CancellationToken ct)
    {
        var tag = client.NextTag();
        await SendAsync($"{tag} IDLE\r\n", ct);
        while (await LineAsync(ct) is var line && !line.StartsWith('+')) _model.Take(line, mayExpunge: true);
        // Whatever comes while the others work; a NOOP of one's own ends it at the latest.
        for (var i = _random.Next(3); i > 0; i--) await Task.Yield();
        await SendAsync("DONE\r\n", ct);
        await ReadAsync(tag, mayExpunge: true, required: true, ct);
    }

    private async Task RunAsync(IReadOnlyList<string> commands, CancellationToken ct, bool required = false)
    {
        var tags = commands.Select(_ => client.NextTag()).ToList();
        await SendAsync(string.Concat(commands.Select((command, i) => $"{tags[i]} {command}\r\n")), ct);
        for (var i = 0; i < commands.Count; i++)
            await ReadAsync(tags[i], !KeepsNumbers(commands[i]), required, ct, commands[i]);
    }

    private async Task ReadAsync(string tag, bool mayExpunge, bool required, CancellationToken ct, string command = "")
    {
        if (SilentStore().Match(command) is { Success: true } silent)
            _model.Forget(NumberOf(silent.Groups[1]), silent.Groups[2].Success ? NumberOf(silent.Groups[2]) : 0);
        // A number that was announced must be usable: BAD would say that it does not exist.
        var empty = _model.Count == 0;
        while (await LineAsync(ct) is var line)
        {
            if (!line.StartsWith("* ", StringComparison.Ordinal))
            {
                if (!line.StartsWith(tag + " ", StringComparison.Ordinal))
                    throw new InvalidOperationException($"{line}: {tag} was to be answered first");
                var status = line[(tag.Length + 1)..];
                var ok = required ? status.StartsWith("OK", StringComparison.Ordinal) : empty || !status.StartsWith("BAD", StringComparison.Ordinal);
                if (!ok) throw new InvalidOperationException($"{command}: {line}");
                return;
            }
            if (command.StartsWith("SELECT", StringComparison.Ordinal) && line.StartsWith("* FLAGS", StringComparison.Ordinal)) _model.Clear();
            _model.Take(line, mayExpunge);
        }
    }

    private async Task SendAsync(string text, CancellationToken ct)
    {
        _transcript.Append("C: ").Append(text);
        await client.SendAsync(text, ct);
    }

    private async Task<string> LineAsync(CancellationToken ct)
    {
        var line = await client.ReadLineAsync(ct) ?? throw new EndOfStreamException("the server has closed");
        _transcript.Append("S: ").Append(line).Append('\n');
        return line;
    }

    // RFC 3501 §7.4.1, RFC 5256 §3
    private static bool KeepsNumbers(string command) => command.Split(' ')[0] is "FETCH" or "STORE" or "SEARCH" or "SORT" or "THREAD";

    private static int NumberOf(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    private string Tail() => _transcript.Length > 6000 ? _transcript.ToString(_transcript.Length - 6000, 6000) : _transcript.ToString();

    [GeneratedRegex(@"^STORE (\d+)(?::(\d+))? (?:\(.*\) )?.?FLAGS\.SILENT")]
    private static partial Regex SilentStore();
}
