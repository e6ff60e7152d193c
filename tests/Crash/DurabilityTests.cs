using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Crash;

/// <summary>Whether an acknowledgement waits for the disk, seen with a disk that is slow, and with one that has failed.</summary>
public sealed class DurabilityTests
{
    private const int SyncMilliseconds = 50;
    private const int DeviceFailure = 74;   // EX_IOERR, docs/storage.md
    private static readonly TimeSpan Span = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task One_smtp_session_is_acknowledged_no_faster_than_the_disk_syncs()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await InstallAsync(await SlowDisk.DelayAsync(SyncMilliseconds), ct);
        using var smtp = await SmtpSession.OpenAsync(server.Smtp, ct);
        await AssertPacedAsync(n => smtp.SendAsync([Server.Account(0)], Message(n), ct));
    }

    [Fact]
    public async Task One_imap_session_is_acknowledged_no_faster_than_the_disk_syncs()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await InstallAsync(await SlowDisk.DelayAsync(SyncMilliseconds), ct);
        using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(0), Server.Password, ct);
        await AssertPacedAsync(async n => (await imap.AppendAsync("INBOX", Message(n), ct)).Ok);
    }

    [Fact]
    public async Task A_changed_flag_is_acknowledged_no_faster_than_the_disk_syncs()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await InstallAsync(await SlowDisk.DelayAsync(SyncMilliseconds), ct);
        using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(0), Server.Password, ct);
        (await imap.AppendAsync("INBOX", Message(0), ct)).Require();
        (await imap.CommandAsync("SELECT INBOX", ct)).Require();
        await AssertPacedAsync(async n => (await imap.CommandAsync($"STORE 1 {(n % 2 == 0 ? '+' : '-')}FLAGS.SILENT (\\Flagged)", ct)).Ok);
    }

    [Fact]
    public async Task After_a_failed_sync_no_message_is_acknowledged_and_the_process_ends_with_its_own_status()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await Server.InstallAsync(1, ct);
        string flag = Path.Combine(server.Data, "disk-fails");
        await server.KillAsync();
        await server.StartAsync(ct, await SlowDisk.FailAsync(flag));
        using (var smtp = await SmtpSession.OpenAsync(server.Smtp, ct))
        {
            Assert.True(await smtp.SendAsync([Server.Account(0)], Message(1), ct));
            await File.WriteAllTextAsync(flag, "", ct);
            bool acknowledged = false;
            try
            {
                acknowledged = await smtp.SendAsync([Server.Account(0)], Message(2), ct);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // The connection has gone down with the process: no 250.
            }
            Assert.False(acknowledged, "250 although the sync has failed");
        }
        Assert.Equal(DeviceFailure, await server.WaitForEndAsync(TimeSpan.FromSeconds(20)));

        await server.StartAsync(ct);
        using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(0), Server.Password, ct);
        (await imap.CommandAsync("SELECT INBOX", ct)).Require();
        var found = (await imap.CommandAsync("FETCH 1:* BODY.PEEK[]", ct)).Require().Untagged.Where(u => u.Literals.Count > 0);
        Assert.Single(found, u => u.Literals[0].AsSpan().EndsWith(Message(1)));
        (await server.RunAsync(["verify"])).Require();
    }

    [Fact]
    public async Task A_full_disk_is_refused_for_now_and_served_again_when_there_is_room()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var server = await Server.InstallAsync(1, ct);
        string flag = Path.Combine(server.Data, "disk-is-full");
        await server.KillAsync();
        await server.StartAsync(ct, await SlowDisk.FillAsync(flag));
        using var imap = await ImapSession.LogInAsync(server.Imap, Server.Account(0), Server.Password, ct);
        (await imap.AppendAsync("INBOX", Message(1), ct)).Require();

        await File.WriteAllTextAsync(flag, "", ct);
        using (var smtp = await SmtpSession.OpenAsync(server.Smtp, ct)) Assert.False(await IsTakenAsync(smtp, 2, ct), "250 without room");
        Assert.Equal("NO", (await imap.AppendAsync("INBOX", Message(3), ct)).Status);
        (await imap.CommandAsync("NOOP", ct)).Require();

        File.Delete(flag);
        using (var smtp = await SmtpSession.OpenAsync(server.Smtp, ct)) Assert.True(await IsTakenAsync(smtp, 4, ct), "refused with room");
        (await imap.AppendAsync("INBOX", Message(5), ct)).Require();
        (await imap.CommandAsync("SELECT INBOX", ct)).Require();
        var found = (await imap.CommandAsync("FETCH 1:* BODY.PEEK[]", ct)).Require().Untagged.Where(u => u.Literals.Count > 0).ToList();
        Assert.Collection(
            found,
            u => Assert.True(u.Literals[0].AsSpan().EndsWith(Message(1))),
            u => Assert.True(u.Literals[0].AsSpan().EndsWith(Message(4))),
            u => Assert.True(u.Literals[0].AsSpan().EndsWith(Message(5))));
        (await server.RunAsync(["verify"])).Require();
    }

    private static async Task<bool> IsTakenAsync(SmtpSession smtp, int number, CancellationToken ct)
    {
        try
        {
            return await smtp.SendAsync([Server.Account(0)], Message(number), ct);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<Server> InstallAsync(Dictionary<string, string> preload, CancellationToken ct)
    {
        var server = await Server.InstallAsync(1, ct);
        await server.KillAsync();
        await server.StartAsync(ct, preload);
        return server;
    }

    private static byte[] Message(int number) => Encoding.ASCII.GetBytes(
        $"From: sender@outside.test\r\nMessage-ID: <{number}@outside.test>\r\nSubject: durable {number}\r\n\r\nText {number}.\r\n");

    // At most 20 a second with 50 ms a sync; and some, since a server that answers nothing would pass else.
    private static async Task AssertPacedAsync(Func<int, Task<bool>> act)
    {
        Assert.True(await act(0));
        long began = Stopwatch.GetTimestamp();
        int acknowledged = 0;
        while (Stopwatch.GetElapsedTime(began) < Span)
        {
            Assert.True(await act(acknowledged + 1));
            acknowledged++;
        }
        double most = Stopwatch.GetElapsedTime(began).TotalMilliseconds / SyncMilliseconds;
        Assert.InRange(acknowledged, 5, most);
    }
}
