using System.Diagnostics;

namespace Posthorn.Bench;

/// <summary>The reading side, over one mailbox of many messages that each server filled through its own APPEND.</summary>
internal static class ImapBench
{
    private const string Mailbox = "Big";
    private const int MessageSize = 4096;

    private static readonly (string Name, string Keys)[] Searches =
    [
        ("flag", "UNSEEN"),
        ("date", "SINCE 1-Jan-2026 SMALLER 3000"),
        ("from", "FROM \"ki\""),
        ("subject", "SUBJECT \"nr000012345\""),
        ("header", "HEADER Message-ID \"000012345\""),
        ("text", "TEXT \"ticket000012345\""),
    ];

    public static void Measure(Run run)
    {
        foreach (var target in run.Targets)
        {
            target.Create(1);
            var started = Stopwatch.GetTimestamp();
            var cpu = new CpuSpan(target.Processes);
            Filling.Fill(target, 0, Mailbox, run.Options.Messages, MessageSize);
            var figure = new Figure("fill", target.Name, 1).Add("messages", run.Options.Messages)
                .Add("per_s", run.Options.Messages / Stopwatch.GetElapsedTime(started).TotalSeconds);
            cpu.Report(figure, run.Options.Messages);
            run.Write(figure);
            target.Stop();
        }
        run.Alternate((target, pair) =>
        {
            Run.Settle();
            target.Start(null);
            Selects(run, target, pair);
            using var client = ImapClient.Open(target, 0);
            int messages = client.Select(Mailbox);
            Fetches(run, target, pair, client, messages);
            Singles(run, target, pair, client, messages);
            foreach (var (name, keys) in Searches)
            {
                int hits = 0;
                int times = name == "text" ? 1 : 3;
                run.Write(Repeat($"search_{name}", target, pair, messages, messages, times, () => hits = client.Search(keys)).Add("hits", hits));
            }
            var memory = target.Processes.Memory();
            run.Write(new Figure("imap_memory", target.Name, pair)
                .Add("rss_mb", memory.ResidentKb / 1024.0).Add("pss_mb", memory.ProportionalKb / 1024.0));
            target.Stop();
        });
    }

    private static void Selects(Run run, Target target, int pair)
    {
        using (var client = ImapClient.Open(target, 0))
            run.Write(Repeat("select_first", target, pair, 1, run.Options.Messages, 1, () => client.Select(Mailbox)));
        var times = new List<double>();
        var cpu = new CpuSpan(target.Processes);
        for (int i = 0; i < 10; i++)
        {
            using var client = ImapClient.Open(target, 0);
            var started = Stopwatch.GetTimestamp();
            client.Select(Mailbox);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        var figure = new Figure("select_warm", target.Name, pair).Add("messages", run.Options.Messages)
            .Add("ms", Spread.Median(times)).Add("max_ms", times.Max());
        cpu.Report(figure, times.Count);
        run.Write(figure);
    }

    private static void Fetches(Run run, Target target, int pair, ImapClient client, int messages)
    {
        void Fetch(string test, string items, string range, int answers, int times)
        {
            run.Write(Repeat(test, target, pair, answers, messages, times, () =>
            {
                var (got, _) = client.CountFetch($"FETCH {range} {items}");
                if (got != answers)
                    throw new IOException($"{target.Name}: {test}: {got} answers, not {answers}");
            }));
        }

        int bodies = Math.Min(1000, messages);
        Fetch("fetch_flags", "(FLAGS UID)", "1:*", messages, 5);
        Fetch("fetch_envelope_first", "ENVELOPE", "1:*", messages, 1);
        Fetch("fetch_envelope", "ENVELOPE", "1:*", messages, 3);
        const string overview = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)";
        Fetch("fetch_overview_first", overview, "1:*", messages, 1);
        Fetch("fetch_overview", overview, "1:*", messages, 3);
        Fetch("fetch_body_first", "BODY.PEEK[]", $"1:{bodies}", bodies, 1);
        Fetch("fetch_body", "BODY.PEEK[]", $"1:{bodies}", bodies, 3);
    }

    private static void Singles(Run run, Target target, int pair, ImapClient client, int messages)
    {
        // A step that shares no factor with the count visits messages all over the mailbox.
        run.Write(Single("fetch_one_body", target, pair, messages, 1000, i => client.CountFetch($"FETCH {1 + (i * 7919L % messages)} BODY.PEEK[]")));
        run.Write(Single("store_one_flag", target, pair, messages, 500,
            i => client.Command($"STORE {1 + (i * 7919L % messages)} {(pair % 2 == 1 ? '+' : '-')}FLAGS (\\Flagged)")));
    }

    private static Figure Single(string test, Target target, int pair, int messages, int count, Action<int> action)
    {
        var times = new List<double>();
        var cpu = new CpuSpan(target.Processes);
        for (int i = 0; i < count; i++)
        {
            var started = Stopwatch.GetTimestamp();
            action(i);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        var figure = new Figure(test, target.Name, pair).Add("messages", messages).Add("per_s", count / (times.Sum() / 1000))
            .Add("p50_ms", Spread.Percentile(times, 0.5)).Add("p99_ms", Spread.Percentile(times, 0.99));
        cpu.Report(figure, count);
        return figure;
    }

    private static Figure Repeat(string test, Target target, int pair, int operations, int messages, int times, Action action)
    {
        var took = new List<double>();
        var cpu = new CpuSpan(target.Processes);
        for (int i = 0; i < times; i++)
        {
            var started = Stopwatch.GetTimestamp();
            action();
            took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        var median = Spread.Median(took);
        var figure = new Figure(test, target.Name, pair).Add("messages", messages).Add("ms", median).Add("max_ms", took.Max())
            .Add("per_s", operations / (median / 1000));
        cpu.Report(figure, (double)operations * times);
        return figure;
    }
}
