using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Bench;

/// <summary>What a server costs that has nothing to do, and what each idle client adds.</summary>
internal static class IdleBench
{
    private const int Accounts = 10;
    private const int MessagesEach = 100;

    public static void Measure(Run run) => run.Alternate((target, pair) =>
    {
        target.Create(Accounts);
        for (int account = 0; account < Accounts; account++)
            Filling.Fill(target, account, "INBOX", MessagesEach, 4096);
        target.Stop();
        Run.Settle();
        var startMilliseconds = target.StartTimed();
        Thread.Sleep(TimeSpan.FromSeconds(10));
        var cpuBefore = target.Processes.Cpu();
        Thread.Sleep(TimeSpan.FromSeconds(5));
        var cpuAfter = target.Processes.Cpu();
        var idle = target.Processes.Memory();
        run.Write(new Figure("idle", target.Name, pair).Add("start_ms", startMilliseconds).Add("processes", idle.Processes)
            .Add("rss_mb", idle.ResidentKb / 1024.0).Add("pss_mb", idle.ProportionalKb / 1024.0).Add("private_mb", idle.PrivateKb / 1024.0)
            .Add("cpu_ms_per_s", (cpuAfter.User + cpuAfter.System - cpuBefore.User - cpuBefore.System) * 1000 / 5));
        run.Write(Connect(target, pair, idle, run.Options.Connections));
        target.Stop();
    });

    private static Figure Connect(Target target, int pair, Memory idle, int count)
    {
        // One connection first: what the server sets up once for IMAP is not counted as a connection's.
        var connections = new List<LeanImapConnection> { LeanImapConnection.Open(target, 0) };
        var started = Stopwatch.GetTimestamp();
        Thread.Sleep(1000);
        var first = target.Processes.Memory();
        for (int i = 1; i <= count; i++)
            connections.Add(LeanImapConnection.Open(target, i % Accounts));
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds - 1;
        Thread.Sleep(TimeSpan.FromSeconds(5));
        var all = target.Processes.Memory();
        foreach (var connection in connections)
            connection.Dispose();
        return new Figure("idle_connections", target.Name, pair).Add("sessions", count).Add("setup_s", seconds)
            .Add("processes", all.Processes).Add("rss_mb", all.ResidentKb / 1024.0).Add("rss_before_mb", idle.ResidentKb / 1024.0)
            .Add("rss_kb_each", (all.ResidentKb - first.ResidentKb) / (double)count)
            .Add("pss_kb_each", (all.ProportionalKb - first.ProportionalKb) / (double)count)
            .Add("private_kb_each", (all.PrivateKb - first.PrivateKb) / (double)count);
    }
}

/// <summary>An IMAP connection that logs in, selects INBOX and then only stays: a socket and no buffer.</summary>
internal sealed class LeanImapConnection : IDisposable
{
    private static readonly byte[] Buffer = new byte[16 * 1024];
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };

    public static LeanImapConnection Open(Target target, int account)
    {
        var connection = new LeanImapConnection();
        connection._socket.Connect(IPAddress.Loopback, target.ImapPort);
        connection.ReadUntil("* OK");
        connection.Ask("c1", $"LOGIN \"{target.Account(account)}\" \"{Target.Password}\"");
        connection.Ask("c2", "SELECT INBOX");
        return connection;
    }

    public void Dispose() => _socket.Dispose();

    private void Ask(string tag, string command)
    {
        _socket.Send(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{tag} {command}\r\n")));
        ReadUntil(tag + " OK");
    }

    private void ReadUntil(string beginning)
    {
        int have = 0;
        while (true)
        {
            int got = _socket.Receive(Buffer.AsSpan(have));
            if (got == 0)
                throw new IOException("connection ended by the server");
            have += got;
            var text = Encoding.UTF8.GetString(Buffer, 0, have);
            if (!text.EndsWith('\n'))
                continue;
            var last = text[(text.LastIndexOf('\n', text.Length - 2) + 1)..];
            if (last.StartsWith(beginning, StringComparison.Ordinal))
                return;
            if (last.StartsWith(beginning[..2], StringComparison.Ordinal) && beginning[0] == 'c')
                throw new IOException(last);
        }
    }
}
