using System.Diagnostics;

namespace Posthorn.Bench;

/// <summary>APPEND of one 4 KB message a command, each acknowledged when it is durable; every connection has a mailbox of its own.</summary>
internal static class AppendBench
{
    private const int Accounts = 16;
    private const int Size = 4096;

    public static void Measure(Run run) => run.Alternate((target, pair) =>
    {
        target.Create(Accounts);
        Append(target, new Figure("warm_up", target.Name, 0), Accounts, TimeSpan.FromSeconds(1.5));
        foreach (int connections in new[] { 1, Accounts })
        {
            var figure = new Figure("append", target.Name, pair).Add("size", Size).Add("sessions", connections);
            Append(target, figure, connections, run.Options.LoadTime);
            run.Write(figure);
        }
        target.Stop();
    });

    private static void Append(Target target, Figure figure, int connections, TimeSpan time)
    {
        var tally = new Tally(target.TakeNumbers(500_000), long.MaxValue, connections);
        var templates = SmtpBench.MessagesOf(Size);
        var lanes = Enumerable.Range(0, connections)
            .Select(i => new AppendLane(target, tally, templates, i, "INBOX", 1)).ToArray();
        var load = new Load(lanes);
        load.Prepare();
        Run.Settle();
        var cpu = new CpuSpan(target.Processes);
        var started = Stopwatch.GetTimestamp();
        tally.Deadline = started + (long)(time.TotalSeconds * Stopwatch.Frequency);
        load.Run();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var latencies = tally.Latencies.Select(ticks => ticks * 1000.0 / Stopwatch.Frequency).ToArray();
        figure.Add("sent", tally.Acknowledged).Add("failed", tally.Failed).Add("per_s", tally.Acknowledged / seconds)
            .Add("p50_ms", Spread.Percentile(latencies, 0.5)).Add("p99_ms", Spread.Percentile(latencies, 0.99));
        cpu.Report(figure, Math.Max(1, tally.Acknowledged));
        if (tally.FirstFailure is { } failure)
            figure.Add("first_failure", failure);
        foreach (var lane in lanes)
            lane.Dispose();
    }
}
