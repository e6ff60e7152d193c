using Posthorn.Bench;

// Whole-server benchmarks. Each mode installs Posthorn and its peer afresh on loopback ports, drives both with the same clients, one
// after the other and in alternating order, and writes one JSON object a measurement. What the driver must never do: measure two servers
// at once, compare figures of different runs, or switch a sync off.

try
{
    var options = new Options(args);
    var bench = Environment.GetEnvironmentVariable("BENCH_ROOT") ?? Path.GetFullPath("bench");
    if (options.Mode == "report")
    {
        Report.Write(bench);
        return 0;
    }
    if (options.Mode == "trust")
    {
        using var results = new Results(options.Results.Length > 0 ? options.Results : Path.Combine(bench, "results"), options.Mode, []);
        await TrustBench.MeasureAsync(results, options);
        return 0;
    }
    Action<Run> mode = options.Mode switch
    {
        "smtp" => options.Filled > 0 ? SmtpBench.MeasureFilled : SmtpBench.Measure,
        "syncs" => SyncsBench.Measure,
        "idle" => IdleBench.Measure,
        "imap" => ImapBench.Measure,
        "jmap" => JmapBench.Measure,
        "append" => AppendBench.Measure,
        "outbound" => OutboundBench.Measure,
        _ => throw new UsageException("usage: bench/run smtp|idle|imap|jmap|append|syncs|outbound|trust|report [--name value ...]"),
    };
    using var dns = new DnsStub();
    using var run = new Run(options, bench);
    mode(run);
    return 0;
}
catch (UsageException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
