using System.Globalization;
using System.Text;

namespace Posthorn.Crash;

/// <summary>
/// The table of docs/queue.md: a message that takes every way out of the queue, and the server dies at the first, second, … sync from its arrival on,
/// which is before, at and after the commit of each transition. After the next start each recipient has what the table says.
/// </summary>
public sealed class QueueKillTests(ITestOutputHelper output)
{
    private const int Accounts = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static int Places => Chance.Long ? 40 : 14;

    [Fact]
    public async Task At_every_transition_of_the_queue_a_death_loses_nothing_and_repeats_only_what_another_server_has_taken()
    {
        var ct = TestContext.Current.CancellationToken;
        using var sink = new Sink();
        var zone = Path.GetTempFileName();
        await File.WriteAllTextAsync(
            zone, "mx.test. A 127.0.0.1\nok.test. MX 10 mx.test.\nfail.test. MX 10 mx.test.\nlater.test. MX 10 mx.test.\n", ct);
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["POSTHORN_DELIVERY_PORT"] = sink.Port.ToString(CultureInfo.InvariantCulture),
            ["POSTHORN_DNS_ZONE_FILE"] = zone,
        };
        await using var server = await Server.InstallAsync(Accounts, ct, settings);
        string[] targets = [Server.Account(0), Server.Account(1), "r@ok.test", "r@fail.test", "r@later.test"];
        (await server.RunAsync(["alias", "add", "all@crash.test", .. targets])).Require();
        var twice = 0;
        for (var place = 1; place <= Places; place++)
        {
            var subject = string.Create(CultureInfo.InvariantCulture, $"death-{place}");
            var flag = Path.Combine(server.Data, "armed-" + subject);
            await server.KillAsync();
            await server.StartAsync(ct, await SlowDisk.KillInSyncAsync(place, flag));
            await File.WriteAllTextAsync(flag, "", ct);
            var acknowledged = await SendAsync(server, subject, ct);
            await DieAsync(server);
            await server.StartAsync(ct);
            await SettleAsync(server, sink, subject, acknowledged, ct);
            var (first, second) = (await CountAsync(server, 0, subject, ct), await CountAsync(server, 1, subject, ct));
            var bounces = await CountAsync(server, 2, subject, ct);
            var taken = sink.Taken.GetValueOrDefault(subject);
            var waiting = await WaitingAsync(server, subject);
            output.WriteLine(
                $"sync {place}: acknowledged {acknowledged}, here {first} {second}, elsewhere {taken}, reports {bounces}, waiting {waiting}");
            if (acknowledged || taken + first + second + bounces + waiting > 0)
            {
                Assert.Equal((1, 1, 1, 1), (first, second, bounces, waiting));
                Assert.InRange(taken, 1, 2);
            }
            twice += taken > 1 ? 1 : 0;
            (await server.RunAsync(["queue", "cancel", "--domain", "later.test"])).Require();
            (await server.RunAsync(["verify"])).Require();
        }
        Assert.InRange(twice, 0, Places / 2);
        File.Delete(zone);
    }

    // From an account here, so that the report of what fails comes into a mailbox that can be looked at.
    private static async Task<bool> SendAsync(Server server, string subject, CancellationToken ct)
    {
        try
        {
            using var smtp = await SmtpSession.OpenAsync(server.Smtp, ct);
            await smtp.CommandAsync($"MAIL FROM:<{Server.Account(2)}>", ct);
            await smtp.CommandAsync("RCPT TO:<all@crash.test>", ct);
            await smtp.CommandAsync("DATA", ct);
            var reply = await smtp.CommandAsync($"From: <{Server.Account(2)}>\r\nSubject: {subject}\r\n\r\nA line.\r\n.", ct);
            return reply.StartsWith("250", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task DieAsync(Server server)
    {
        try
        {
            await server.WaitForEndAsync(TimeSpan.FromSeconds(4));
        }
        catch (OperationCanceledException)
        {
            await server.KillAsync(); // there were not so many syncs
        }
    }

    // Until only what another server defers is left.
    private static async Task SettleAsync(Server server, Sink sink, string subject, bool acknowledged, CancellationToken ct)
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var seen = "";
        while (System.Diagnostics.Stopwatch.GetElapsedTime(began) < Patience)
        {
            var queue = (await server.RunAsync(["queue", "list", "--json"])).Require().Output;
            var rows = queue.Split("\"recipient\"").Length - 1;
            var isDeferred = queue.Contains("4.3.0 later", StringComparison.Ordinal) && rows == 1;
            seen = queue;
            if (isDeferred || (rows == 0 && (!acknowledged || sink.Taken.ContainsKey(subject)))) return;
            await Task.Delay(50, ct);
        }
        Assert.Fail($"the queue does not settle after {subject}, acknowledged {acknowledged}, taken {sink.Taken.GetValueOrDefault(subject)}: {seen}");
    }

    private static async Task<int> WaitingAsync(Server server, string subject)
    {
        var queue = (await server.RunAsync(["queue", "list", "--json", "--domain", "later.test"])).Require().Output;
        return subject.Length > 0 ? queue.Split("\"recipient\"").Length - 1 : 0;
    }

    private static async Task<int> CountAsync(Server server, int account, string subject, CancellationToken ct)
    {
        using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(account), Server.Password, ct);
        (await imap.CommandAsync("SELECT INBOX", ct)).Require();
        return (await imap.CommandAsync("FETCH 1:* (BODY.PEEK[])", ct)).Untagged.SelectMany(response => response.Literals)
            .Count(message => Encoding.UTF8.GetString(message).Contains("Subject: " + subject + "\r\n", StringComparison.Ordinal));
    }
}
