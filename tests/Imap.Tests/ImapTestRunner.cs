using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Posthorn.Imap.Tests;

/// <summary>
/// Plays one imaptest script. A number written as <c>$1</c> is the message that was first before the command, wherever its
/// EXPUNGEs have put it.
/// </summary>
internal sealed partial class ImapTestRunner(TestServer server, ImapTestScript script, CancellationToken ct)
{
    private const string Mailbox = "imaptest";

    private readonly List<TestClient> _clients = [];
    private readonly Dictionary<string, ImapValue> _values = new(StringComparer.Ordinal) { ["mailbox"] = new(Mailbox, null) };
    private List<int> _numbers = [];
    private readonly List<(string Text, string Date)> _messages = ImapTestScript.ReadMbox(script.Mbox);
    private int _next;

    public async Task PlayAsync()
    {
        await PrepareAsync();
        foreach (var command in script.Commands.Where(command => !AsksForRecent(command.Command))) await PlayAsync(command);
    }

    private async Task PrepareAsync()
    {
        for (var i = 0; i < script.Connections; i++) _clients.Add(await server.ClientAsync(ct, login: script.State != "nonauth"));
        if (script.State is "nonauth" or "auth") return;
        await _clients[0].OkAsync($"CREATE {Mailbox}", ct);
        var count = script.Messages == "all" ? _messages.Count : int.Parse(script.Messages, CultureInfo.InvariantCulture);
        for (var i = 0; i < count; i++) Assert.StartsWith("OK", (await AppendNextAsync(_clients[0], "", Mailbox)).Tagged, StringComparison.Ordinal);
        if (script.State == "created") return;
        foreach (var client in _clients) await client.OkAsync($"SELECT {Mailbox}", ct);
    }

    private async Task<(List<string> Untagged, string Tagged)> AppendNextAsync(TestClient client, string options, string mailbox)
    {
        var (text, date) = _messages[_next++ % _messages.Count];
        return await client.RunAppendAsync(mailbox, text, ct, options + date);
    }

    private async Task PlayAsync(ScriptCommand command)
    {
        var client = _clients[command.Connection - 1];
        List<string> untagged = [];
        string tagged;
        var text = Substitute(command.Command);
        if (Append().Match(text) is { Success: true } append)
        {
            var mailbox = append.Groups[1].Value.Length > 0 ? append.Groups[1].Value : Mailbox;
            var options = append.Groups[2].Value;
            (untagged, tagged) = await AppendNextAsync(client, options.Length > 0 ? options + " " : "", mailbox);
        }
        else
        {
            var tag = client.NextTag();
            await client.SendAsync($"{tag} {Literals().Replace(text, "{$1+}\r\n")}\r\n", ct);
            (untagged, tagged) = await client.ReadToAsync(tag, ct);
        }
        Check(command, text, untagged, tagged);
    }

    private void Check(ScriptCommand command, string text, List<string> untagged, string tagged)
    {
        var what = $"{script.Name}: {text}\n  {string.Join("\n  ", untagged)}\n  {tagged}\n";
        if (command.Status.Length > 0 && command.Status != "?")
            Assert.True(tagged.StartsWith(command.Status, StringComparison.OrdinalIgnoreCase), what + "expected " + command.Status);
        if (command.Code.Length > 0)
            Assert.True(Matches(command.Code, tagged[tagged.IndexOf(' ', StringComparison.Ordinal)..]), what + "expected " + command.Code);
        var wanted = command.Untagged.Where(expected => !IsRecent(expected)).ToList();
        _numbers = [.. Enumerable.Range(1, 1000)];
        foreach (var line in untagged.Select(line => line[1..].TrimStart()))
        {
            // One line may be what two expectations ask for.
            wanted.RemoveAll(expected => Matches(expected, line));
            foreach (var forbidden in command.Forbidden) Assert.False(Matches(forbidden, line), what + "forbidden * " + forbidden);
            if (Expunge().Match(line) is { Success: true } expunge)
                _numbers.RemoveAt(int.Parse(expunge.Groups[1].ValueSpan, CultureInfo.InvariantCulture) - 1);
        }
        Assert.True(wanted.Count == 0, what + "expected * " + wanted.FirstOrDefault());
    }

    // The scripts count what came before a mailbox was first opened; see docs of MailboxView.ClaimRecent and recent.dlg.
    private static bool IsRecent(string expected) => RecentCount().IsMatch(expected);

    private static bool AsksForRecent(string command) => command is "search new" or "search old" or "search recent";

    private string Substitute(string text) => Placeholder().Replace(text, match =>
    {
        if (match.Value == "$$") return "$";
        var name = match.Groups[1].Success && match.Groups[1].Length > 0 ? match.Groups[1].Value : match.Groups[2].Value;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var first))
            return (_numbers.IndexOf(first) + 1).ToString(CultureInfo.InvariantCulture);
        return _values.TryGetValue(name, out var value) ? value.ToString() : match.Value;
    });

    private bool Matches(string expected, string line)
    {
        var saved = new Dictionary<string, ImapValue>(_values);
        if (MatchLine(expected, line)) return true;
        _values.Clear();
        foreach (var (name, value) in saved) _values[name] = value;
        return false;
    }

    private bool MatchLine(string expected, string line)
    {
        expected = SequenceNumber().Replace(expected, match => Substitute(match.Value));
        // "ok [code] text": the code is compared, the text is for people.
        var code = Code().Match(expected);
        if (code.Success)
        {
            var came = Code().Match(line);
            return came.Success && code.Groups[1].Value.Equals(came.Groups[1].Value, StringComparison.OrdinalIgnoreCase)
                && MatchList(ImapValue.Parse(code.Groups[2].Value), ImapValue.Parse(came.Groups[2].Value), exact: true);
        }
        var (want, have) = (ImapValue.Parse(expected), ImapValue.Parse(line));
        if (want.Count >= 3 && Is(want[1], "fetch") && have.Count >= 3 && Is(have[1], "fetch"))
            return Match(want[0], have[0]) && MatchPairs(want[2].List!, have[2].List!);
        if (want.Count > 0 && have.Count > 2 && (Is(want[0], "list") || Is(want[0], "lsub")) && Is(have[0], want[0].Text!))
            return want[1].List!.TrueForAll(flag => have[1].List!.Exists(other => Is(other, flag.Text!)))
                && MatchList(want[2..], have[2..], exact: true);
        if (want.Count == 3 && Is(want[0], "status") && Is(have[0], "status"))
            return Match(want[1], have[1]) && MatchPairs(want[2].List!, have[2].List!);
        if (want.Count > 0 && Is(want[0], "bye")) return have.Count > 0 && Is(have[0], "bye");
        return MatchList(want, have, exact: true);
    }

    // key value key value …, in any order, more may be there
    private bool MatchPairs(List<ImapValue> want, List<ImapValue> have)
    {
        for (var i = 0; i + 1 < want.Count; i += 2)
        {
            if (Is(want[i], "recent")) continue;
            var at = 0;
            while (at + 1 < have.Count && !Is(have[at], want[i].Text!)) at += 2;
            if (at + 1 >= have.Count) return false;
            var flags = Is(want[i], "flags");
            if (flags ? !MatchFlags(want[i + 1].List!, have[at + 1].List!) : !Match(want[i + 1], have[at + 1])) return false;
        }
        return true;
    }

    private bool MatchFlags(List<ImapValue> want, List<ImapValue> have)
    {
        var flags = want.Where(flag => !Is(flag, "\\recent")).Select(flag => Substitute(flag.Text!)).ToList();
        return flags.Count == have.Count(flag => !Is(flag, "\\recent")) && flags.TrueForAll(flag => have.Exists(other => Is(other, flag)));
    }

    private bool MatchList(List<ImapValue> want, List<ImapValue> have, bool exact)
    {
        if (want is [{ Text: "$!unordered" }]) return true;
        if (exact ? want.Count != have.Count : want.Count > have.Count) return false;
        for (var i = 0; i < want.Count; i++)
        {
            if (!Match(want[i], have[i])) return false;
        }
        return true;
    }

    private bool Match(ImapValue want, ImapValue have)
    {
        if (want.List is not null) return have.List is not null && MatchList(want.List, have.List, exact: true);
        if (want.IsWord && want.Text is ['$', not '$' and not '{', ..] && PlainPlaceholder().IsMatch(want.Text))
        {
            var name = want.Text[1..];
            if (_values.TryGetValue(name, out var value)) return value.ToString() == have.ToString();
            _values[name] = have;
            return true;
        }
        return have.List is null
            && string.Equals(Substitute(want.Text!), have.Text, want.IsLiteral ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);
    }

    private static bool Is(ImapValue value, string word) => string.Equals(value.Text, word, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"\$\$|\$\{(\w+)\}|\$(\w+)")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^\$[a-z]\w*$")]
    private static partial Regex PlainPlaceholder();

    [GeneratedRegex(@"\$\d+")]
    private static partial Regex SequenceNumber();

    [GeneratedRegex(@"^append(?: ([^ ({]+))?(?: (\([^)]*\)))?$", RegexOptions.IgnoreCase)]
    private static partial Regex Append();

    [GeneratedRegex(@"~?\{(\d+)\}\r\n")]
    private static partial Regex Literals();

    [GeneratedRegex(@"^(\d+) EXPUNGE")]
    private static partial Regex Expunge();

    [GeneratedRegex(@"^\d+ recent$", RegexOptions.IgnoreCase)]
    private static partial Regex RecentCount();

    [GeneratedRegex(@"^\s*(?:(ok|no|bad) )?\[([^\]]*)\]", RegexOptions.IgnoreCase)]
    private static partial Regex Code();
}
