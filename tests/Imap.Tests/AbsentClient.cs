using System.Globalization;
using System.Text.RegularExpressions;

namespace Posthorn.Imap.Tests;

/// <summary>Looks at the mailbox, leaves, and later makes up what it has missed from QRESYNC alone (RFC 7162 §3.2.5).</summary>
internal sealed partial class AbsentClient
{
    private readonly SortedDictionary<uint, string> _flags = [];
    private string _uidValidity = "";
    private string _modSeq = "";

    public static async Task<AbsentClient> LeaveAsync(TestClient client, CancellationToken ct)
    {
        var absent = new AbsentClient();
        foreach (var line in await client.OkAsync("SELECT INBOX", ct))
        {
            if (Code().Match(line) is not { Success: true } code) continue;
            if (code.Groups[1].Value == "UIDVALIDITY") absent._uidValidity = code.Groups[2].Value;
            else absent._modSeq = code.Groups[2].Value;
        }
        absent.Take((await client.RunAsync("UID FETCH 1:* (FLAGS)", ct)).Untagged);
        await client.OkAsync("LOGOUT", ct);
        return absent;
    }

    /// <summary>What it believes then, in the words of <see cref="StressClient.StateAsync"/>.</summary>
    public async Task<string> ComeBackAsync(TestClient client, CancellationToken ct)
    {
        await client.OkAsync("ENABLE QRESYNC", ct);
        var lines = await client.OkAsync($"SELECT INBOX (QRESYNC ({_uidValidity} {_modSeq}))", ct);
        foreach (var line in lines.Where(line => line.StartsWith("* VANISHED (EARLIER) ", StringComparison.Ordinal)))
        {
            foreach (var uid in MailboxModel.Numbers(line["* VANISHED (EARLIER) ".Length..])) _flags.Remove(uid);
        }
        Take(lines);
        await client.OkAsync("LOGOUT", ct);
        return string.Join('\n', _flags.Select(message => $"{message.Key} ({message.Value})"));
    }

    private void Take(List<string> lines)
    {
        foreach (var line in lines)
        {
            if (Flags().Match(line) is { Success: true } match)
                _flags[uint.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)] = MailboxModel.Sorted(match.Groups[2].Value);
        }
    }

    [GeneratedRegex(@"\[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)\]")]
    private static partial Regex Code();

    [GeneratedRegex(@"^\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)")]
    private static partial Regex Flags();
}
