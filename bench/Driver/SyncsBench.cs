namespace Posthorn.Bench;

/// <summary>
/// How often a server asks the disk to sync, per delivered message. The server runs under strace from its start with a kernel filter, so
/// that only the counted calls stop it and the sharing of syncs between sessions is what it is without the tracer.
/// </summary>
internal static class SyncsBench
{
    private static readonly string[] Calls = ["fsync", "fdatasync", "syncfs", "sync_file_range", "msync"];

    public static void Measure(Run run) => run.Alternate((target, pair) =>
    {
        target.Create(run.Options.Users);
        target.Stop();
        var trace = Path.Combine(target.Data, "syncs.trace");
        target.Start(["strace", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", $"trace={string.Join(',', Calls)}", "-o", trace]);
        SmtpBench.WarmUp(target, run.Options.Users);
        foreach (var (sessions, messages) in new[] { (1, 400), (16, 2000), (64, 4000) })
        {
            var before = Count(trace);
            var figure = new Figure("syncs", target.Name, pair).Add("size", 4096).Add("sessions", sessions);
            int delivered = SmtpBench.Deliver(target, new Figure("", "", 0), 4096, sessions,
                Enumerable.Range(0, run.Options.Users).ToArray(), TimeSpan.FromMinutes(2), messages);
            Thread.Sleep(500);
            var after = Count(trace);
            figure.Add("delivered", delivered).Add("syncs_per_message", (after.Values.Sum() - before.Values.Sum()) / (double)Math.Max(1, delivered));
            foreach (var call in Calls.Where(c => after[c] > before[c]))
                figure.Add(call, (after[call] - before[call]) / (double)Math.Max(1, delivered));
            run.Write(figure);
        }
        target.Stop();
    });

    // A call that another thread interrupts is written in two lines; only the first has the opening parenthesis.
    private static Dictionary<string, int> Count(string trace)
    {
        var counts = Calls.ToDictionary(c => c, _ => 0, StringComparer.Ordinal);
        using var reader = new StreamReader(new FileStream(trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            int open = line.IndexOf('(');
            if (open > 0 && counts.ContainsKey(line[(line.LastIndexOf(' ', open) + 1)..open]))
                counts[line[(line.LastIndexOf(' ', open) + 1)..open]]++;
        }
        return counts;
    }
}
