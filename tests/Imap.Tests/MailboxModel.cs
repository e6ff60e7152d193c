using System.Globalization;
using System.Text.RegularExpressions;

namespace Posthorn.Imap.Tests;

/// <summary>
/// What one client may believe about the selected mailbox, from the replies alone (RFC 3501 §5.2, §7.4.1). It is as strict as a client
/// that trusts the server: every message number must exist, a number must keep its UID until an EXPUNGE moves it, and EXPUNGE must not
/// come where numbers are in use.
/// </summary>
internal sealed partial class MailboxModel
{
    private readonly List<Known> _messages = [];

    public int Count => _messages.Count;

    /// <summary>The UIDs by message number; 0 where none was told.</summary>
    public IReadOnlyList<uint> Uids => _messages.ConvertAll(message => message.Uid);

    public IReadOnlyList<string?> Flags => _messages.ConvertAll(message => message.Flags);

    public uint UidNext { get; private set; }

    /// <summary>What the client has enabled decides how it is told: VANISHED or EXPUNGE, UIDFETCH or FETCH, RECENT or not.</summary>
    public string Enabled { get; set; } = "";

    public bool CondStore => Enabled is "CONDSTORE" or "QRESYNC";

    public bool UidOnly => Enabled == "UIDONLY";

    private bool IsToldByUid => Enabled is "QRESYNC" or "UIDONLY";

    /// <summary>Takes one untagged line of the server in.</summary>
    /// <param name="mayExpunge">False while FETCH, STORE or SEARCH by message number is answered, and between commands.</param>
    public void Take(string line, bool mayExpunge)
    {
        if (UidNextCode().Match(line) is { Success: true } next) UidNext = uint.Parse(next.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        if (line.StartsWith("* VANISHED ", StringComparison.Ordinal)) Vanish(line, mayExpunge);
        if (Numbered().Match(line) is not { Success: true } match) return;
        var number = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        switch (match.Groups[2].Value)
        {
            case "EXISTS":
                Require(number >= Count, line, "only EXPUNGE takes messages away");
                while (Count < number) _messages.Add(new Known());
                break;
            case "EXPUNGE":
                Require(mayExpunge, line, "EXPUNGE where message numbers are in use");
                Require(!IsToldByUid, line, "EXPUNGE after " + Enabled);
                Require(number >= 1 && number <= Count, line, "there is no such number");
                _messages.RemoveAt(number - 1);
                break;
            case "RECENT":
                Require(Enabled != "IMAP4rev2", line, "RECENT in IMAP4rev2");
                break;
            case "UIDFETCH":
                Require(UidOnly, line, "UIDFETCH without UIDONLY");
                var place = Find((uint)number, line);
                _messages[place].Uid = (uint)number;
                Fetch(_messages[place], line, place + 1);
                break;
            case "FETCH":
                Require(!UidOnly, line, "FETCH in UIDONLY");
                Require(number >= 1 && number <= Count, line, "there is no such number");
                Fetch(_messages[number - 1], line, number);
                break;
        }
    }

    /// <summary>The mailbox as selected anew.</summary>
    public void Clear() => _messages.Clear();

    /// <summary>Flags that the client has set without asking to be told.</summary>
    public void Forget(int first, int last)
    {
        for (var i = first; i <= Math.Max(first, last) && i <= Count; i++) _messages[i - 1].Flags = null;
    }

    // Each UID must be one of a message that was announced (RFC 7162 §3.2.10.2): a known one, or one in a gap between known ones.
    private void Vanish(string line, bool mayExpunge)
    {
        Require(mayExpunge, line, "VANISHED where message numbers are in use");
        Require(IsToldByUid, line, "VANISHED that nobody has enabled");
        foreach (var uid in Numbers(line["* VANISHED ".Length..])) _messages.RemoveAt(Find(uid, line));
    }

    private int Find(uint uid, string line)
    {
        var at = _messages.FindIndex(message => message.Uid == uid);
        if (at >= 0) return at;
        // Without message numbers nobody knows which of the unknown ones it is, nor needs to.
        at = UidOnly
            ? Math.Max(0, _messages.FindIndex(message => message.Uid == 0))
            : _messages.FindLastIndex(message => message.Uid != 0 && message.Uid < uid) + 1;
        Require(at < Count && _messages[at].Uid == 0, line, $"{uid} was never announced");
        return at;
    }

    /// <summary>The numbers of a set without stars.</summary>
    public static IEnumerable<uint> Numbers(string set)
    {
        foreach (var range in set.Split(','))
        {
            var ends = range.Split(':').Select(end => uint.Parse(end, CultureInfo.InvariantCulture)).ToArray();
            for (var number = ends[0]; number <= ends[^1]; number++) yield return number;
        }
    }

    private void Fetch(Known message, string line, int number)
    {
        if (Uid().Match(line) is { Success: true } uid)
        {
            var value = uint.Parse(uid.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            if (message.Uid == 0) RequireOrder(number - 1, value, line);
            Require(message.Uid == 0 || message.Uid == value, line, "the number had another UID");
            message.Uid = value;
        }
        var modSeq = ModSeq().Match(line);
        if (modSeq.Success)
        {
            var value = long.Parse(modSeq.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            Require(value >= message.ModSeq, line, $"the change number was {message.ModSeq}");
            message.ModSeq = value;
        }
        if (FlagList().Match(line) is { Success: true } flags)
        {
            var now = Sorted(flags.Groups[1].Value);
            Require(!modSeq.Success || message.ToldAt != message.ModSeq || message.Told == now, line, "other flags under the same change number");
            message.Flags = now;
            if (modSeq.Success) (message.ToldAt, message.Told) = (message.ModSeq, now);
        }
        // The subject is the message's mark: it must never change under a UID.
        if (Subject().Match(line) is { Success: true } subject)
        {
            Require(message.Subject is null || message.Subject == subject.Groups[1].Value, line, "another message than it was");
            message.Subject = subject.Groups[1].Value;
        }
    }

    private void RequireOrder(int index, uint uid, string line)
    {
        var before = _messages.FindLastIndex(index, message => message.Uid != 0);
        var after = _messages.FindIndex(index, message => message.Uid != 0);
        Require((before < 0 || _messages[before].Uid < uid) && (after < 0 || _messages[after].Uid > uid), line, "UIDs do not rise");
    }

    public static string Sorted(string flags) =>
        string.Join(' ', flags.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Where(flag => flag != "\\Recent").Order(StringComparer.OrdinalIgnoreCase));

    private static void Require(bool holds, string line, string why)
    {
        if (!holds) throw new InvalidOperationException($"{line}: {why}");
    }

    private sealed class Known
    {
        public uint Uid { get; set; }

        public string? Flags { get; set; }

        public long ModSeq { get; set; }

        /// <summary>The change number that came with <see cref="Told"/>.</summary>
        public long ToldAt { get; set; }

        public string? Told { get; set; }

        public string? Subject { get; set; }
    }

    [GeneratedRegex(@"^\* (\d+) (EXISTS|EXPUNGE|FETCH|UIDFETCH|RECENT)\b")]
    private static partial Regex Numbered();

    [GeneratedRegex(@"\[UIDNEXT (\d+)\]")]
    private static partial Regex UidNextCode();

    [GeneratedRegex(@"[( ]UID (\d+)")]
    private static partial Regex Uid();

    [GeneratedRegex(@"[( ]MODSEQ \((\d+)\)")]
    private static partial Regex ModSeq();

    [GeneratedRegex(@"[( ]FLAGS \(([^)]*)\)")]
    private static partial Regex FlagList();

    [GeneratedRegex(@"Subject: (\S+)")]
    private static partial Regex Subject();
}
