using System.Diagnostics;

namespace Posthorn.Bench;

/// <summary>
/// From the first MAIL until the last message is seen in its mailbox by IMAP STATUS. What counts is delivered messages a second, not
/// accepted ones: a server that queues is not faster for it.
/// </summary>
internal static class SmtpBench
{
    private const int FilledMailboxes = 4;
    private const int FillSize = 2048;
    private const long Unlimited = long.MaxValue;
    private static readonly Dictionary<int, MessageTemplate[]> Templates = [];

    public static void Measure(Run run) => run.Alternate((target, pair) =>
    {
        target.Create(run.Options.Users);
        WarmUp(target, run.Options.Users);
        foreach (var (size, sessions) in run.Options.Cells)
        {
            var figure = new Figure("smtp", target.Name, pair).Add("size", size).Add("sessions", sessions);
            Deliver(target, figure, size, sessions, Enumerable.Range(0, run.Options.Users).ToArray(), run.Options.LoadTime, Unlimited);
            run.Write(figure);
        }
        target.Stop();
    });

    /// <summary>The same load into empty mailboxes and into mailboxes that hold many messages already.</summary>
    public static void MeasureFilled(Run run)
    {
        foreach (var target in run.Targets)
        {
            target.Create(2 * FilledMailboxes);
            for (int account = FilledMailboxes; account < 2 * FilledMailboxes; account++)
                Filling.Fill(target, account, "INBOX", run.Options.Filled, FillSize);
            target.Stop();
        }
        run.Alternate((target, pair) =>
        {
            target.Start(null);
            WarmUp(target, FilledMailboxes);
            foreach (var (name, first) in new[] { ("empty", 0), ("filled", FilledMailboxes) })
            {
                var figure = new Figure("smtp_filled", target.Name, pair).Add("size", 4096).Add("sessions", 16).Add("mailboxes", name);
                Deliver(target, figure, 4096, 16, Enumerable.Range(first, FilledMailboxes).ToArray(), run.Options.LoadTime, Unlimited);
                run.Write(figure);
            }
            target.Stop();
        });
    }

    public static void WarmUp(Target target, int users) =>
        Deliver(target, new Figure("warm_up", target.Name, 0), 4096, 16, Enumerable.Range(0, users).ToArray(), TimeSpan.FromSeconds(1.5), Unlimited);

    /// <summary>One load; returns the number of messages delivered and adds what was measured to <paramref name="figure"/>.</summary>
    public static int Deliver(Target target, Figure figure, int size, int sessions, int[] accounts, TimeSpan time, long limit)
    {
        var templates = MessagesOf(size);
        var watchers = accounts.Select(account => ImapClient.Open(target, account)).ToArray();
        var before = watchers.Select(w => w.Messages("INBOX")).ToArray();
        var tally = new Tally(target.TakeNumbers(500_000), limit, accounts.Length);
        var lanes = Enumerable.Range(0, sessions)
            .Select(_ => new SmtpLane(target.SmtpPort, tally, templates, user => target.Account(accounts[user]))).ToArray();
        var load = new Load(lanes);
        load.Prepare();
        Run.Settle();

        var cpu = new CpuSpan(target.Processes);
        var started = Stopwatch.GetTimestamp();
        tally.Deadline = started + (long)(time.TotalSeconds * Stopwatch.Frequency);
        load.Run();
        var accepted = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var memory = target.Processes.Memory();
        AwaitVisible(watchers, before, tally);
        var visible = Stopwatch.GetElapsedTime(started).TotalSeconds;
        int delivered = watchers.Zip(before, (watcher, had) => watcher.Messages("INBOX") - had).Sum();

        var latencies = tally.Latencies.Select(ticks => ticks * 1000.0 / Stopwatch.Frequency).ToArray();
        figure.Add("sent", tally.Acknowledged).Add("delivered", delivered).Add("failed", tally.Failed)
            .Add("delivered_per_s", delivered / visible).Add("accepted_per_s", tally.Acknowledged / accepted).Add("drain_s", visible - accepted)
            .Add("p50_ms", Spread.Percentile(latencies, 0.5)).Add("p99_ms", Spread.Percentile(latencies, 0.99))
            .Add("max_ms", Spread.Percentile(latencies, 1));
        cpu.Report(figure, Math.Max(1, delivered));
        figure.Add("rss_mb", memory.ResidentKb / 1024.0).Add("pss_mb", memory.ProportionalKb / 1024.0);
        if (tally.FirstFailure is { } failure)
            figure.Add("first_failure", failure);
        if (delivered != tally.Acknowledged)
            figure.Add("warning", "acknowledged and delivered differ");
        cpu.ReportAtRest(figure, Math.Max(1, delivered));
        foreach (var lane in lanes)
            lane.Dispose();
        foreach (var watcher in watchers)
            watcher.Dispose();
        return delivered;
    }

    // One mailbox after the other: the last one to be complete is found with the fewest questions.
    private static void AwaitVisible(ImapClient[] watchers, int[] before, Tally tally)
    {
        var until = Stopwatch.GetTimestamp() + (120 * Stopwatch.Frequency);
        for (int i = 0; i < watchers.Length; i++)
        {
            while (watchers[i].Messages("INBOX") - before[i] < tally.PerUser[i] && Stopwatch.GetTimestamp() < until)
                Thread.Sleep(5);
        }
    }

    public static MessageTemplate[] MessagesOf(int size)
    {
        if (!Templates.TryGetValue(size, out var templates))
        {
            int count = Math.Clamp(4 * 1024 * 1024 / size, 4, 64);
            Templates[size] = templates = Enumerable.Range(0, count).Select(seed => Corpus.Make(seed, size)).ToArray();
        }
        return templates;
    }
}
