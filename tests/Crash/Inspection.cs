using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Posthorn.Crash;

/// <summary>
/// Compares what the server shows after a crash with the ledger, and settles what was in doubt: from here on it must stay as it was seen.
/// Every violation is collected, so that a failure tells the whole story.
/// </summary>
internal sealed partial class Inspection(Server server, Ledger ledger)
{
    private readonly List<string> _violations = [];

    /// <summary>The violations; with <paramref name="everyByte"/> also the messages of earlier rounds are read again.</summary>
    public async Task<IReadOnlyList<string>> RunAsync(bool everyByte, CancellationToken ct)
    {
        for (int account = 0; account < ledger.Accounts; account++)
        {
            using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(account), Server.Password, ct);
            var select = (await imap.CommandAsync("SELECT INBOX", ct)).Require();
            uint validity = Number(select, Validity()), next = Number(select, NextUid());
            if (!ledger.KeepsValidity(account, validity)) Violates(account, "UIDVALIDITY has changed");
            var present = await ListAsync(imap, ct);
            if (!present.Zip(present.Skip(1)).All(p => p.First.Uid < p.Second.Uid)) Violates(account, "UIDs do not rise");
            if (present.Count > 0 && present[^1].Uid >= next) Violates(account, $"UIDNEXT {next} is not above {present[^1].Uid}");
            await CompareAsync(imap, account, present, everyByte, ct);
        }
        return _violations;
    }

    [GeneratedRegex(@"\[UIDVALIDITY (\d+)\]")]
    private static partial Regex Validity();

    [GeneratedRegex(@"\[UIDNEXT (\d+)\]")]
    private static partial Regex NextUid();

    [GeneratedRegex(@"\bUID (\d+)")]
    private static partial Regex Uid();

    [GeneratedRegex(@"^Message-ID: <(\S+)@outside\.test>\r?$", RegexOptions.Multiline)]
    private static partial Regex MessageId();

    private static uint Number(ImapAnswer answer, Regex pattern) =>
        answer.Untagged.Select(u => pattern.Match(u.Text)).Where(m => m.Success)
            .Select(m => uint.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).First();

    private static async Task<List<(uint Uid, bool Flagged)>> ListAsync(ImapSession imap, CancellationToken ct)
    {
        var answer = (await imap.CommandAsync("UID FETCH 1:* (UID FLAGS)", ct)).Require();
        return [.. answer.Untagged.Where(IsFetch).Select(u => (UidOf(u), u.Text.Contains("\\Flagged", StringComparison.Ordinal)))];
    }

    private static bool IsFetch(ImapResponse response) => response.Text.Contains(" FETCH (", StringComparison.Ordinal);

    private static uint UidOf(ImapResponse response) => uint.Parse(Uid().Match(response.Text).Groups[1].Value, CultureInfo.InvariantCulture);

    private async Task CompareAsync(ImapSession imap, int account, List<(uint Uid, bool Flagged)> present, bool everyByte, CancellationToken ct)
    {
        var letters = ledger.Of(account);
        var settled = letters.Where(l => l is { Settled: true, Uid: not null }).ToDictionary(l => l.Uid!.Value);
        uint highest = settled.Count > 0 ? settled.Keys.Max() : 0;
        var open = letters.Where(l => !l.Settled).ToDictionary(l => l.Id, StringComparer.Ordinal);
        var flags = present.ToDictionary(p => p.Uid, p => p.Flagged);
        foreach (uint uid in flags.Keys.Where(u => u <= highest && !settled.ContainsKey(u))) Violates(account, $"UID {uid} is not above {highest}");

        var found = new HashSet<Letter>();
        string range = everyByte || highest == 0 ? "1:*" : string.Create(CultureInfo.InvariantCulture, $"{highest + 1}:*");
        var answer = (await imap.CommandAsync($"UID FETCH {range} (UID BODY.PEEK[])", ct)).Require();
        foreach (var response in answer.Untagged.Where(IsFetch))
        {
            uint uid = UidOf(response);
            byte[] bytes = response.Literals.Count > 0 ? response.Literals[0] : [];
            if (settled.TryGetValue(uid, out var old))
            {
                if (!old.Holds(bytes)) Violates(account, $"{old.Id} (UID {uid}) is not what it was");
            }
            else
            {
                Recognize(account, uid, bytes, open, found);
            }
        }
        foreach (var letter in settled.Values) CheckPresence(letter, flags.ContainsKey(letter.Uid!.Value), flags);
        foreach (var letter in open.Values) CheckPresence(letter, found.Contains(letter), flags);
    }

    private void Recognize(int account, uint uid, byte[] bytes, Dictionary<string, Letter> open, HashSet<Letter> found)
    {
        string head = Encoding.Latin1.GetString(bytes, 0, Math.Min(bytes.Length, 4096));
        string id = MessageId().Match(head).Groups[1].Value;
        if (!open.TryGetValue(id, out var letter))
        {
            Violates(account, $"UID {uid} holds '{id}', which nobody sent in this round");
            return;
        }
        if (!found.Add(letter)) Violates(account, $"{id} is there twice");
        if (letter.Uid is { } promised && promised != uid) Violates(account, $"{id} has UID {uid}, not {promised}");
        if (!letter.Holds(bytes)) Violates(account, $"{id} (UID {uid}) is not what was sent");
        letter.Uid = uid;
    }

    private void CheckPresence(Letter letter, bool isThere, Dictionary<uint, bool> flags)
    {
        if (letter.Promise == Promise.Kept && !isThere) Violates(letter.Account, $"{letter.Id} was acknowledged and is lost");
        if (letter.Promise == Promise.Gone && isThere) Violates(letter.Account, $"{letter.Id} was expunged and is back");
        if (isThere && !letter.FlagInDoubt && flags[letter.Uid!.Value] != letter.Flagged)
            Violates(letter.Account, $"{letter.Id}: \\Flagged is {!letter.Flagged}, and {letter.Flagged} was acknowledged");
        letter.Promise = isThere ? Promise.Kept : Promise.Gone;
        letter.Flagged = isThere && flags[letter.Uid!.Value];
        letter.FlagInDoubt = false;
        letter.Settled = true;
    }

    private void Violates(int account, string what) => _violations.Add($"{Server.Account(account)}: {what}");
}
