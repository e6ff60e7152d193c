using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Crash;

/// <summary>
/// 32 clients that deliver, append, store and expunge in the same mailboxes until their server dies or they are told to stop. Each client
/// writes into the ledger before it sends, and again when it has been answered, so that the ledger never promises more than the server did.
/// </summary>
internal sealed class Load(Server server, Ledger ledger, int round)
{
    public const int Sessions = 32;
    private const int RecipientsMax = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private volatile bool _finishing;

    private delegate Task Life(int session, Random random, CancellationToken ct);

    /// <summary>Runs all clients. They come back after a lost connection when <paramref name="persistent"/>, else they end with it.</summary>
    public Task RunAsync(bool persistent, CancellationToken stop)
    {
        Life[] kinds = [DeliverAsync, DeliverAsync, DeliverAsync, AppendAsync, DeliverAsync, StoreAsync, AppendAsync, ExpungeAsync];
        return Task.WhenAll(Enumerable.Range(0, Sessions).Select(session => LiveAsync(session, kinds[session % kinds.Length], persistent, stop)));
    }

    /// <summary>Each client waits for the answer to what it has under way and then ends, so that the server has nothing left to do.</summary>
    public void Finish() => _finishing = true;

    private static byte[] Compose(string id, Random random)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"From: sender@outside.test\r\nTo: someone@{Server.Domain}\r\nSubject: {id}\r\n");
        text.Append(CultureInfo.InvariantCulture, $"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@outside.test>\r\n\r\n");
        int length = random.Next(10) == 0 ? random.Next(30_000, 300_000) : random.Next(200, 8_000);
        while (text.Length < length)
        {
            if (random.Next(8) == 0) text.Append('.');
            int line = random.Next(0, 76);
            for (int i = 0; i < line; i++) text.Append((char)random.Next(' ', '\x7f'));
            text.Append("\r\n");
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private async Task LiveAsync(int session, Life life, bool persistent, CancellationToken stop)
    {
        await Task.Yield();
        var random = Chance.Make((round * 1000) + session);
        int lives = 0;
        do
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(Patience);
            try
            {
                await life((session * 1000) + lives++, random, limit.Token);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // The server has gone, or has refused because its database has.
            }
            if (persistent) await Task.Delay(20, stop);
        }
        while (persistent && !_finishing);
    }

    private async Task DeliverAsync(int session, Random random, CancellationToken ct)
    {
        using var smtp = await SmtpSession.OpenAsync(server.Smtp, ct);
        for (int n = 0; !_finishing; n++)
        {
            string id = Name(session, n);
            byte[] message = Compose(id, random);
            int first = random.Next(ledger.Accounts), count = random.Next(4) == 0 ? random.Next(2, RecipientsMax + 1) : 1;
            int[] accounts = [.. Enumerable.Range(first, count).Select(a => a % ledger.Accounts).Distinct()];
            Letter[] letters = [.. accounts.Select(a => ledger.Write(id, a, message, delivered: true))];
            if (await smtp.SendAsync(accounts.Select(Server.Account), message, ct))
            {
                ledger.Acknowledge(() => Array.ForEach(letters, l => l.Promise = Promise.Kept));
            }
        }
    }

    private async Task AppendAsync(int session, Random random, CancellationToken ct)
    {
        int account = Home(session);
        using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(account), Server.Password, ct);
        for (int n = 0; !_finishing; n++) await AppendAsync(imap, account, Name(session, n), random, ct);
    }

    private async Task StoreAsync(int session, Random random, CancellationToken ct)
    {
        int account = Home(session);
        using var imap = await OpenInboxAsync(account, ct);
        for (int n = 0; !_finishing; n++)
        {
            var letter = await AppendAsync(imap, account, Name(session, n), random, ct);
            letter.FlagInDoubt = true;
            (await imap.CommandAsync($"UID STORE {letter.Uid} +FLAGS (\\Flagged)", ct)).Require();
            ledger.Acknowledge(() => (letter.Flagged, letter.FlagInDoubt) = (true, false));
            if (random.Next(2) == 0) continue;
            letter.FlagInDoubt = true;
            (await imap.CommandAsync($"UID STORE {letter.Uid} -FLAGS.SILENT (\\Flagged)", ct)).Require();
            ledger.Acknowledge(() => (letter.Flagged, letter.FlagInDoubt) = (false, false));
        }
    }

    private async Task ExpungeAsync(int session, Random random, CancellationToken ct)
    {
        int account = Home(session);
        using var imap = await OpenInboxAsync(account, ct);
        for (int n = 0; !_finishing; n++)
        {
            var letter = await AppendAsync(imap, account, Name(session, n), random, ct);
            (await imap.CommandAsync($"UID STORE {letter.Uid} +FLAGS.SILENT (\\Deleted)", ct)).Require();
            letter.Promise = Promise.MayGo;
            (await imap.CommandAsync($"UID EXPUNGE {letter.Uid}", ct)).Require();
            ledger.Acknowledge(() => letter.Promise = Promise.Gone);
        }
    }

    private async Task<Letter> AppendAsync(ImapSession imap, int account, string id, Random random, CancellationToken ct)
    {
        byte[] message = Compose(id, random);
        var letter = ledger.Write(id, account, message, delivered: false);
        var answer = (await imap.AppendAsync("INBOX", message, ct)).Require();
        letter.Uid = ImapSession.AppendedUid(answer) ?? throw new IOException("APPEND without APPENDUID: " + answer.Text);
        ledger.Acknowledge(() => letter.Promise = Promise.Kept);
        return letter;
    }

    private async Task<ImapSession> OpenInboxAsync(int account, CancellationToken ct)
    {
        var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(account), Server.Password, ct);
        try
        {
            (await imap.CommandAsync("SELECT INBOX", ct)).Require();
            return imap;
        }
        catch
        {
            imap.Dispose();
            throw;
        }
    }

    private int Home(int session) => session / 1000 % ledger.Accounts;

    private string Name(int session, int number) => string.Create(CultureInfo.InvariantCulture, $"r{round}-s{session}-n{number}");
}
