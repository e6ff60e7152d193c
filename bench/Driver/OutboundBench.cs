using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Bench;

/// <summary>
/// A queue that is let go: messages to many domains whose one exchange is a sink in this process, held until all of them are durable, then
/// released at once. The time runs from the first message that the sink has to the last. With --dead so many messages wait for a destination
/// that nobody answers for, released together with the others.
/// </summary>
internal static class OutboundBench
{
    private const int Sessions = 16;
    private const int Size = 4096;

    public static void Measure(Run run) => run.Alternate((target, pair) =>
    {
        var (messages, dead) = (run.Options.Messages, run.Options.Dead);
        using var sink = new OutboundSink(messages, target.RemotePort);
        target.SinkPort = sink.Port;
        target.Create(1);
        target.HoldOutbound();
        Inject(target, messages, dead, run.Options.Domains);
        Run.Settle();
        var before = target.Processes.Cpu();
        target.ReleaseOutbound();
        var last = 0;
        for (var quiet = 0; sink.Count < messages && quiet < 600; quiet++)
        {
            Thread.Sleep(100);
            if (sink.Count != last)
                quiet = 0;
            last = sink.Count;
        }
        var after = target.Processes.Cpu();
        var memory = target.Processes.Memory();
        run.Write(new Figure(dead > 0 ? "outbound_dead" : "outbound", target.Name, pair).Add("messages", messages).Add("domains", run.Options.Domains)
            .Add("dead", dead).Add("per_s", sink.Count / sink.Seconds).Add("seconds", sink.Seconds).Add("lost", sink.Lost).Add("twice", sink.Twice)
            .Add("connections", sink.Connections).Add("rss_mb", memory.ResidentKb / 1024.0)
            .Add("cpu_s", after.User + after.System - before.User - before.System));
        target.Stop();
    });

    private static void Inject(Target target, int messages, int dead, int domains)
    {
        var filler = new StringBuilder();
        while (filler.Length < Size - 300)
            filler.Append("A line of the text that every message has, as long as most lines are.\r\n");
        var lanes = Enumerable.Range(0, Sessions).Select(lane => Task.Run(() =>
        {
            for (var from = lane; from < messages + dead; from += Sessions * 500)
                Send(target, Enumerable.Range(0, 500).Select(i => from + (i * Sessions)).Where(i => i < messages + dead), messages, domains, filler);
        })).ToArray();
        Task.WaitAll(lanes);
    }

    private static void Send(Target target, IEnumerable<int> numbers, int messages, int domains, StringBuilder filler)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, target.OutboundPort);
        var buffer = new byte[16 * 1024];
        Expect(socket, buffer, "220");
        Ask(socket, buffer, "EHLO client.bench.test", "250");
        if (target.OutboundNeedsLogin)
        {
            var secret = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0{target.Account(0)}\0{Target.Password}"));
            Ask(socket, buffer, "AUTH PLAIN " + secret, "235");
        }
        foreach (var number in numbers)
        {
            // The dead ones come first among the numbers of each lane, as a backlog would.
            var domain = number < messages ? $"d{number % domains}.sink.test" : "dead.test";
            Ask(socket, buffer, $"MAIL FROM:<{target.Account(0)}>", "250");
            Ask(socket, buffer, $"RCPT TO:<r{number}@{domain}>", "250");
            Ask(socket, buffer, "DATA", "354");
            string[] header =
            [
                $"From: <{target.Account(0)}>", $"To: <r{number}@{domain}>", $"Subject: bench {number}", "Date: Thu, 26 Nov 2026 10:00:00 +0000",
                $"Message-ID: <{number}@bench.test>", "", "",
            ];
            var text = string.Join("\r\n", header) + filler + "\r\n.";
            Ask(socket, buffer, text, "250");
        }
        Ask(socket, buffer, "QUIT", "221");
    }

    private static void Ask(Socket socket, byte[] buffer, string command, string code)
    {
        socket.Send(Encoding.ASCII.GetBytes(command + "\r\n"));
        Expect(socket, buffer, code);
    }

    private static void Expect(Socket socket, byte[] buffer, string code)
    {
        var have = 0;
        while (true)
        {
            var got = socket.Receive(buffer.AsSpan(have));
            if (got == 0)
                throw new IOException("connection ended by the server");
            have += got;
            if (buffer[have - 1] != '\n')
                continue;
            var text = Encoding.UTF8.GetString(buffer, 0, have);
            var last = text[(text.LastIndexOf('\n', text.Length - 2) + 1)..];
            if (last.Length > 3 && last[3] == '-')
                continue;
            if (!last.StartsWith(code, StringComparison.Ordinal))
                throw new IOException(last);
            return;
        }
    }
}
